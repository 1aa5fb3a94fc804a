import Core
import Foundation
import Platform
import Sessions
import Testing

/// The rows of `docs/bidi.md` about renames, each from either end.
@Suite struct RenameBidiTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let before: String
        /// What is done at one end, and at the other.
        let one: String
        let other: String
        /// The files of both ends afterwards, each with what is in it.
        let both: String
        /// What stands only at the end of that number beside them.
        var onlyOne = ""
        var onlyOther = ""
        var conflicts: UInt64 = 0
        /// How many are renamed rather than sent.
        let renamed: UInt64
        /// The same where the first one is the downstream end.
        var renamedFromDownstream: UInt64?
        var testDescription: String { name }
    }

    private static let file = "echo x > x"
    private static let directory = "mkdir -p d/s; echo 1 > d/1; echo 2 > d/2; echo 3 > d/s/3"

    static let cases: [Case] = [
        Case(name: "renamed / –", before: file, one: "mv x z", other: ":", both: "z=x", renamed: 1),
        Case(
            name: "swapped / –", before: "echo x > x; echo yy > y", one: "mv x t; mv y x; mv t y", other: ":",
            both: "x=yy y=x", renamed: 2),
        Case(
            name: "renamed into a new directory / –", before: file, one: "mkdir -p n/m; mv x n/m/x", other: ":",
            both: "n/m/x=x", renamed: 1),
        Case(
            name: "renamed x→z / changed x", before: file, one: "mv x z", other: "echo new > x", both: "z=x",
            onlyOther: "x=new", conflicts: 1, renamed: 0),
        Case(
            name: "renamed x→z / mode of x changed", before: file, one: "mv x z", other: "chmod 600 x", both: "z=x",
            renamed: 0),
        Case(name: "renamed x→z / deleted x", before: file, one: "mv x z", other: "rm x", both: "z=x", renamed: 0),
        Case(
            name: "renamed x→z / z created, different", before: file, one: "mv x z", other: "echo other > z", both: "",
            onlyOne: "z=x", onlyOther: "z=other", conflicts: 1, renamed: 0),
        Case(
            name: "renamed x→y / renamed x→z", before: file, one: "mv x y", other: "mv x z", both: "y=x z=x", renamed: 0
        ),
        Case(name: "renamed x→z / renamed x→z", before: file, one: "mv x z", other: "mv x z", both: "z=x", renamed: 0),
        Case(
            name: "renamed x→z / renamed y→z", before: "echo x > x; echo yy > y", one: "mv x z", other: "mv y z",
            both: "",
            onlyOne: "z=x", onlyOther: "z=yy", conflicts: 1, renamed: 0),
        Case(
            name: "renamed and changed / –", before: file, one: "mv x z; echo more >> z", other: ":", both: "z=x+more",
            renamed: 1),
        Case(
            name: "renamed x→z / renamed y→w", before: "echo x > x; echo yy > y", one: "mv x z", other: "mv y w",
            both: "w=yy z=x", renamed: 2),
        Case(
            name: "directory renamed / –", before: directory, one: "mv d e", other: ":", both: "e/1=1 e/2=2 e/s/3=3",
            renamed: 1),
        Case(
            name: "directory renamed / a child changed", before: directory, one: "mv d e", other: "echo new > d/1",
            both: "e/1=1 e/2=2 e/s/3=3", onlyOther: "d/1=new", conflicts: 1, renamed: 2),
        Case(
            name: "directory renamed / a child created", before: directory, one: "mv d e", other: "echo new > d/n",
            both: "d/n=new e/1=1 e/2=2 e/s/3=3", renamed: 3),
        Case(
            name: "directory renamed / a child deleted", before: directory, one: "mv d e", other: "rm d/1",
            both: "e/1=1 e/2=2 e/s/3=3", renamed: 2, renamedFromDownstream: 1),
        Case(
            name: "directory renamed / renamed to another name", before: directory, one: "mv d e", other: "mv d f",
            both: "e/1=1 e/2=2 e/s/3=3 f/1=1 f/2=2 f/s/3=3", renamed: 0),
        Case(
            name: "directory renamed / a child renamed", before: directory, one: "mv d e", other: "mv d/1 d/one",
            both: "d/one=1 e/1=1 e/2=2 e/s/3=3", renamed: 2),
        Case(
            name: "directory renamed / a child moved out", before: directory, one: "mv d e", other: "mv d/1 one",
            both: "e/1=1 e/2=2 e/s/3=3 one=1", renamed: 2, renamedFromDownstream: 1),
        Case(
            name: "directory moved into another one / that moved into it, a child changed",
            before: "mkdir b d; echo 1 > b/a", one: "mv b d/c", other: "echo new > b/a; mv d b/d", both: "d/c/a=1",
            onlyOther: "b/a=new", conflicts: 1, renamed: 0),
        Case(
            name: "directory renamed / the same", before: directory, one: "mv d e", other: "mv d e",
            both: "e/1=1 e/2=2 e/s/3=3", renamed: 0),
    ]

    private func files(_ tree: String, _ ends: TwoEnds) -> Set<String> {
        let root = ends.directory(tree)
        let names = FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []
        var found: Set<String> = []
        for name in names where !name.hasPrefix(".headwater") {
            guard let text = ends.text("\(tree)/\(name)") else { continue }
            found.insert("\(name)=\(text.split(separator: "\n").joined(separator: "+"))")
        }
        return found.subtracting(["pad=pad"])
    }

    private func set(_ text: String...) -> Set<String> {
        Set(text.joined(separator: " ").split(separator: " ").map(String.init))
    }

    /// Two ends that were in step before both changed; the first of the two trees is the one that `one.one` changed.
    private func changed(_ one: Case, _ oneIsUpstream: Bool) async -> (TwoEnds, first: String, second: String) {
        let ends = TwoEnds(mode: .bidi)
        ends.shell("cd source; echo pad > pad; \(one.before)")
        #expect(await ends.run().error == nil)
        let (first, second) = oneIsUpstream ? ("source", "target") : ("target", "source")
        ends.shell("(cd \(first); \(one.one)); cd \(second); \(one.other)")
        return (ends, first, second)
    }

    @Test(arguments: cases, [true, false])
    func row(one: Case, oneIsUpstream: Bool) async {
        let (ends, first, second) = await changed(one, oneIsUpstream)
        let ran = await ends.run()
        #expect(ran.error == nil && ran.problems.isEmpty, "\(ran)")
        #expect(files(first, ends) == set(one.both, one.onlyOne))
        #expect(files(second, ends) == set(one.both, one.onlyOther))
        let counts = ran.outcome?.counts ?? CycleCounts()
        let renamed = oneIsUpstream ? one.renamed : one.renamedFromDownstream ?? one.renamed
        #expect(counts.conflicts == one.conflicts && counts.renamed == renamed, "\(counts)")
        let rows = ends.rows
        let again = await ends.run()
        var still = CycleCounts()
        still.conflicts = one.conflicts
        #expect(again.outcome?.counts == still)
        #expect(ends.rows == rows)
    }

    /// The same by a plan that is carried out: it goes through, to the same end.
    @Test(arguments: cases, [true, false])
    func rowThatIsPlanned(one: Case, oneIsUpstream: Bool) async {
        let (ends, first, second) = await changed(one, oneIsUpstream)
        let plan = await ends.run(purpose: .plan(readsContent: true))
        #expect(plan.error == nil)
        let ran = await ends.run(carryingOut: plan.planned)
        #expect(ran.error == nil && ran.problems.isEmpty, "\(ran) by \(plan.planned)")
        #expect(files(first, ends) == set(one.both, one.onlyOne))
        #expect(files(second, ends) == set(one.both, one.onlyOther))
        #expect(await ends.run().moved == CycleCounts())
    }

    /// A rename that both have made already is no step of the plan, and what follows goes by it.
    @Test func renamedByBoth_andChangedUpstream_isPlanned() async {
        let ends = TwoEnds(mode: .bidi)
        ends.shell("cd source; echo pad > pad; echo x > x")
        #expect(await ends.run().error == nil)
        ends.shell("mv source/x source/z; echo more >> source/z; mv target/x target/z")
        let plan = await ends.run(purpose: .plan(readsContent: true))
        #expect(plan.error == nil && plan.planned.count == 1)
        #expect(await ends.run(carryingOut: plan.planned).error == nil)
        #expect(files("target", ends) == ["z=x+more"] && ends.listing(ends.source) == ends.listing(ends.target))
        #expect(await ends.run().moved == CycleCounts())
    }

    private func inode(_ ends: TwoEnds, _ path: String) -> UInt64? {
        (try? FileStatus(at: Descriptor.workingDirectory, ends.directory(path)))?.inode
    }

    /// Both ends rename at once: each is the very same inode at the other end, nothing is sent.
    @Test func bothWays_theInodesAreKept() async {
        let ends = TwoEnds(mode: .bidi)
        ends.shell("cd source; echo pad > pad; echo x > x; mkdir d; echo 1 > d/1; echo y > y; mkdir f; echo 2 > f/2")
        #expect(await ends.run().error == nil)
        let (x, d, y, f) = (
            inode(ends, "target/x"), inode(ends, "target/d"), inode(ends, "source/y"), inode(ends, "source/f")
        )
        ends.shell("cd source; mv x z; mv d e; cd ../target; mv y w; mv f g; mv g/2 g/two; echo new > g/new")
        let ran = await ends.run(maxDelete: .count(0))
        #expect(ran.error == nil && ran.outcome?.counts.renamed == 5 && ran.outcome?.counts.bytesPayload == 4)
        #expect(files("source", ends) == files("target", ends))
        #expect(inode(ends, "target/z") == x && inode(ends, "target/e") == d)
        #expect(inode(ends, "source/w") == y && inode(ends, "source/g") == f)
        #expect(await ends.run().outcome?.counts == CycleCounts())
    }

    /// What is not synced stays where it is: the directory goes child by child, and is left for it.
    @Test func directoryThatHoldsWhatIsNotSynced_goesChildByChild() async {
        for (first, second) in [("source", "target"), ("target", "source")] {
            let ends = TwoEnds(mode: .bidi)
            ends.shell("cd source; echo pad > pad; \(Self.directory)")
            #expect(await ends.run().error == nil)
            ends.shell("mv \(first)/d \(first)/e; mkfifo \(second)/d/s/pipe")
            let ran = await ends.run()
            #expect(ran.error == nil && ran.outcome?.counts.renamed == 3 && ran.outcome?.counts.bytesPayload == 0)
            #expect(files("source", ends) == files("target", ends))
            ends.shell("test -p \(second)/d/s/pipe; ! test -e \(first)/d")
            let again = await ends.run().outcome?.counts
            #expect(again?.hasMoved == false && again?.problems == 0)
        }
    }

    /// Of a conflict one side is renamed: that settles it, and both names are on both sides.
    @Test func conflict_isSettledByARename() async {
        let ends = TwoEnds(mode: .bidi)
        ends.shell("cd source; echo pad > pad; mkdir d; echo x > d/x")
        #expect(await ends.run().error == nil)
        ends.shell("echo up > source/d/x; echo down > target/d/x")
        #expect(await ends.run().outcome?.counts.conflicts == 1)
        // The directory above a conflict that stands does not go as a whole.
        ends.shell("mv target/d/x target/d/y; mv source/d source/e")
        for _ in 1...2 { #expect(await ends.run().error == nil) }
        #expect(files("source", ends) == files("target", ends))
        #expect(Set(files("source", ends).map { $0.split(separator: "=")[1] }) == ["up", "down"])
        #expect(await ends.run().outcome?.counts == CycleCounts())
    }

    /// What is edited at the upstream end after the first direction is not taken along by a rename of the second one.
    @Test func editedInBetween_isLeftAlone() async {
        let ends = TwoEnds(mode: .bidi)
        ends.shell("cd source; echo pad > pad; echo x > x; mkdir d; echo 1 > d/1; echo o > o")
        #expect(await ends.run().error == nil)
        ends.shell("cd target; mv x z; mv d e; mv o p; rm pad")
        let isBetween = Monitor(false)
        let ran = await ends.run(
            between: FrameProxy { _, frame in
                if frame.kind != .done || isBetween.read({ $0 }) { return [frame] }
                isBetween.update { $0 = true }
                ends.shell("echo edit > source/x; echo edit > source/d/1; echo edit > source/pad")
                return [frame]
            })
        #expect(ran.error == nil && ran.outcome?.counts.renamed == 1)
        #expect(Set(ran.problems.map(\.code)) == ["path.changed-meanwhile"])
        #expect(ends.text("source/x") == "edit\n" && ends.text("source/d/1") == "edit\n")
        #expect(ends.text("source/pad") == "edit\n" && ends.text("source/p") == "o\n")
        let next = await ends.run()
        #expect(next.error == nil && next.outcome?.counts.conflicts == 3)
        #expect(ends.text("source/x") == "edit\n" && ends.text("source/z") == "x\n" && ends.text("source/e/1") == "1\n")
    }
}
