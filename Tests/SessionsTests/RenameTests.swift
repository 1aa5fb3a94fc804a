import Core
import Foundation
import Platform
import Sessions
import Testing
import Wire

/// What is renamed at the source: the very same inode at the target under its new name, and no content on the way.
@Suite struct RenameTests {
    /// What a push does with a change of names, besides that nothing is sent and a further run does nothing.
    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let before: String
        let after: String
        let renamed: UInt64
        /// Paths at the target whose inodes are to be those of others before.
        let inodes: [String: String]
        var files: UInt64 = 0
        var deleted: UInt64 = 0
        var testDescription: String { name }
    }

    static let cases: [Case] = [
        Case(name: "file", before: "echo x > x", after: "mv x z", renamed: 1, inodes: ["z": "x"]),
        Case(
            name: "file, changed afterwards", before: "echo x > x; echo y > y",
            after: "mv x z; echo more >> z; mv y u; chmod 600 u", renamed: 2, inodes: ["u": "y"], files: 2),
        Case(name: "symlink", before: "ln -s nowhere x", after: "mv x z", renamed: 1, inodes: ["z": "x"]),
        Case(
            name: "chain", before: "echo x > x; echo y > y", after: "mv y z; mv x y", renamed: 2,
            inodes: ["y": "x", "z": "y"]),
        Case(
            name: "rotation", before: "echo 0 > log; echo 1 > log.1",
            after: "mv log.1 log.2; mv log log.1; echo 2 > log",
            renamed: 2, inodes: ["log.1": "log", "log.2": "log.1"], files: 1),
        Case(
            name: "swap", before: "echo x > x; echo why > y", after: "mv x t; mv y x; mv t y", renamed: 2,
            inodes: ["y": "x", "x": "y"]),
        Case(
            name: "swap of a file and a directory", before: "echo x > x; mkdir y; echo f > y/f",
            after: "mv x t; mv y x; mv t y", renamed: 2, inodes: ["y": "x", "x": "y", "x/f": "y/f"]),
        Case(
            name: "cycle of three", before: "echo 1 > a; echo 22 > b; echo 333 > c",
            after: "mv a t; mv c a; mv b c; mv t b",
            renamed: 3, inodes: ["b": "a", "c": "b", "a": "c"]),
        Case(
            name: "another case of a letter", before: "echo x > readme", after: "mv readme README", renamed: 1,
            inodes: ["README": "readme"]),
        Case(
            name: "into a new directory, out of a deleted one", before: "mkdir old; echo x > old/x",
            after: "mkdir -p new/er; mv old/x new/er/x; rmdir old", renamed: 1, inodes: ["new/er/x": "old/x"],
            deleted: 1),
        Case(
            name: "directory", before: "mkdir -p d/e; echo 1 > d/1; echo 2 > d/e/2", after: "mv d z", renamed: 1,
            inodes: ["z": "d", "z/1": "d/1", "z/e": "d/e", "z/e/2": "d/e/2"]),
        Case(
            name: "directory, and what is in it", before: "mkdir -p d/e; echo 1 > d/1; echo 2 > d/e/2",
            after: "mv d z; mv z/1 z/e/one; mv z/e z/f", renamed: 3,
            inodes: ["z": "d", "z/f": "d/e", "z/f/one": "d/1", "z/f/2": "d/e/2"]),
        Case(
            name: "directory, changed below it", before: "mkdir d; echo 1 > d/1; echo 2 > d/2; echo 3 > d/3",
            after: "mv d z; rm z/1; echo new > z/2; echo more > z/4", renamed: 1, inodes: ["z": "d", "z/3": "d/3"],
            files: 2, deleted: 1),
        Case(
            name: "directory whose name is taken anew", before: "mkdir d; echo 1 > d/1; echo x > x",
            after: "mv d z; mkdir d; mv x d/x", renamed: 2, inodes: ["z": "d", "z/1": "d/1", "d/x": "x"]),
        Case(
            name: "into itself", before: "mkdir d; echo 1 > d/1", after: "mv d t; mkdir d; mv t d/e", renamed: 1,
            inodes: ["d/e/1": "d/1"]),
        Case(
            name: "onto what was deleted", before: "mkdir d e; echo 1 > d/1; echo 2 > e/2", after: "rm -r e; mv d e",
            renamed: 1, inodes: ["e/1": "d/1"], deleted: 2),
        Case(
            name: "a name with odd bytes", before: "echo x > $'\\xff\\n'", after: "mv $'\\xff\\n' 'a b'", renamed: 1,
            inodes: [:]),
    ]

    private func inode(_ ends: TwoEnds, _ path: String) -> UInt64? {
        (try? FileStatus(at: Descriptor.workingDirectory, ends.directory(path)))?.inode
    }

    @Test(arguments: cases, [false, true])
    func renamed_isTheSameInode_withoutPayload(one: Case, isPlanned: Bool) async {
        let ends = TwoEnds()
        ends.shell("cd source; echo pad > pad; \(one.before)")
        #expect(await ends.run().error == nil)
        let expected = one.inodes.mapValues { inode(ends, "target/\($0)") }
        ends.shell("cd source; \(one.after)")
        let limit = DeleteLimit.count(Int(one.deleted))
        let plan = isPlanned ? await plan(ends, limit) : nil
        let ran = await ends.run(maxDelete: limit, carryingOut: plan?.planned)
        #expect(ran.error == nil && ran.problems.isEmpty, "\(ran)")
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
        if let plan { expect(plan, foresaw: ran, of: one) }
        let counts = ran.outcome?.counts ?? CycleCounts()
        #expect(
            counts.renamed == one.renamed && counts.files == one.files && counts.deleted == one.deleted, "\(counts)")
        if one.files == 0 { #expect(counts.bytesPayload == 0) }
        for (path, old) in expected { #expect(inode(ends, "target/\(path)") == old, "\(path)") }
        let rows = ends.rows
        #expect(await ends.run().outcome?.counts == CycleCounts())
        #expect(ends.rows == rows)
    }

    /// What a plan says, which leaves no trace.
    private func plan(_ ends: TwoEnds, _ limit: DeleteLimit) async -> TwoEnds.Ran {
        let traces = ends.traces
        let plan = await ends.run(purpose: .plan(readsContent: false), maxDelete: limit)
        #expect(plan.error == nil && plan.problems.isEmpty, "\(plan)")
        #expect(ends.traces == traces)
        return plan
    }

    private func expect(_ plan: TwoEnds.Ran, foresaw ran: TwoEnds.Ran, of one: Case) {
        #expect(plan.outcome?.counts == ran.outcome?.counts, "\(plan)")
        let renames = plan.planned.filter { $0.action == .rename }
        #expect(renames.count == one.renamed && renames.allSatisfy { $0.bytes == 0 }, "\(renames)")
        #expect(plan.planned.count { $0.action == .delete } == one.deleted)
        // Of what was renamed in a directory that is itself renamed, the old name is the one that it has by then.
        for step in renames where one.inodes.values.contains(step.from!.description) {
            #expect(one.inodes[step.path.description] == step.from!.description, "\(step)")
        }
    }

    /// More than one frame of steps holds, where the directory as a whole cannot go.
    @Test func directoryOfThousands_isOneRename_orOneForEachFile() async {
        let ends = TwoEnds()
        ends.shell("mkdir -p source/d/e; cd source/d; for i in {1..5000}; do echo $i > e/file$i; done")
        #expect(await ends.run().error == nil)
        ends.shell("mv source/d source/z")
        let once = await ends.run(maxDelete: .count(0)).outcome?.counts
        #expect(once?.renamed == 1 && once?.bytesPayload == 0 && once?.hasOnlyRenamed == true)
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
        #expect(await ends.run().outcome?.counts == CycleCounts())
        ends.shell("mkfifo target/z/e/pipe; mv source/z source/y")
        let plan = await plan(ends, .count(2))
        let each = await ends.run(maxDelete: .count(2), carryingOut: plan.planned)
        #expect(each.error == nil && each.problems.isEmpty && each.outcome?.counts == plan.outcome?.counts)
        #expect(each.outcome?.counts.renamed == 5000 && each.outcome?.counts.bytesPayload == 0)
        ends.shell("cd target; test -p z/e/pipe; rm -r z")
        ends.shell("touch -r source target")
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
        #expect(await ends.run().outcome?.counts == CycleCounts())
    }

    /// What stands at the target is not what was agreed, or the new name is taken there: the outcomes are those of a deletion and a creation.
    @Test func whereTheTargetChanged_itIsADeletionAndACreation() async {
        for (script, outcome) in [
            ("echo changed > target/x", "! test -e target/x"), ("rm target/x", "! test -e target/x"),
            ("echo own > target/z", "! test -e target/x"), ("mkdir target/z", "! test -e target/x"),
            ("chmod 600 target/x", "! test -e target/x"),
            ("rm target/x; mkfifo target/x", "test -p target/x; rm target/x"),
        ] {
            let ends = TwoEnds()
            ends.shell("echo pad > source/pad; echo x > source/x")
            #expect(await ends.run().error == nil)
            ends.shell("mv source/x source/z; \(script)")
            let ran = await ends.run()
            #expect(ran.error == nil && ran.outcome?.counts.renamed == 0, "\(script)")
            ends.shell("\(outcome); touch -r source target")
            #expect(ends.listing(ends.source) == ends.listing(ends.target), "\(script)")
            #expect(await ends.run().outcome?.counts == CycleCounts(), "\(script)")
        }
    }

    /// The content changed as well: first the name, then the content like any other change.
    @Test func changedAfterwards_onlyTheChangeIsOneOfContent() async {
        let ends = TwoEnds()
        ends.shell("echo pad > source/pad; echo x > source/x; echo touched > source/t")
        #expect(await ends.run().error == nil)
        let inode = inode(ends, "target/t")
        ends.shell("mv source/x source/z; echo more >> source/z; mv source/t source/u; chmod 600 source/u")
        let ran = await ends.run(maxDelete: .count(0))
        #expect(ran.outcome?.counts.renamed == 2 && ran.outcome?.counts.bytesPayload == 7)
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
        #expect(self.inode(ends, "target/u") == inode)
    }

    /// The inode stays at another name: nothing says which of the names is the new one.
    @Test func hardLinkedFile_isNotTakenForARename() async {
        let ends = TwoEnds()
        ends.shell("echo pad > source/pad; echo x > source/x; ln source/x source/y")
        #expect(await ends.run().error == nil)
        ends.shell("mv source/x source/z")
        #expect(await ends.run().outcome?.counts.renamed == 0)
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
    }

    /// What the filter excludes under one of the two names is a deletion, or a creation; below a directory, too.
    @Test func filterThatTellsTheNamesApart_makesItADeletionAndACreation() async {
        let filter = ["- *.tmp", "- /new/kept"]
        let ends = TwoEnds()
        ends.shell(
            "cd source; echo pad > pad; echo x > x; echo y > y.tmp; mkdir old; echo 1 > old/1; echo 2 > old/kept; echo 3 > old/3.tmp"
        )
        #expect(await ends.run(filter: filter).error == nil)
        ends.shell("cd source; mv x x.tmp; mv y.tmp y; mv old new")
        let ran = await ends.run(filter: filter)
        #expect(ran.error == nil && ran.problems.isEmpty)
        #expect(ran.outcome?.counts.renamed == 1 && ran.outcome?.counts.deleted == 3)
        ends.shell(
            "cd target; test \"$(find . -path ./.headwater -prune -o -type f -print | sort | xargs)\" = './new/1 ./pad ./y'; ! test -e old"
        )
        #expect(await ends.run(filter: filter).outcome?.counts == CycleCounts())
    }

    @Test func neverDeleting_aRenameIsALocalCopy() async {
        let ends = TwoEnds(policy: SessionPolicy(delete: .never))
        ends.shell("cd source; echo pad > pad; echo x > x; mkdir d; echo 1 > d/1")
        #expect(await ends.run().error == nil)
        ends.shell("cd source; mv x z; mv d e")
        let ran = await ends.run()
        #expect(ran.error == nil && ran.outcome?.counts.renamed == 2 && ran.outcome?.counts.bytesPayload == 0)
        ends.shell("cmp source/z target/z; cmp source/e/1 target/e/1; cmp target/x source/z; cmp target/d/1 source/e/1")
        #expect(await ends.run().outcome?.counts == CycleCounts())
        // The old names are withheld, and take no part any more.
        ends.shell("rm target/x; rm -r target/d; touch -r source target")
        #expect(await ends.run().outcome?.counts == CycleCounts())
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
    }

    @Test(arguments: [
        SessionPolicy(attic: .session), SessionPolicy(delete: .before, attic: .session, mirror: true),
        SessionPolicy(drift: .keep), SessionPolicy(drift: .halt),
    ])
    func underEveryPolicy_itIsNoDeletion_andNothingIsKept(policy: SessionPolicy) async {
        let ends = TwoEnds(policy: policy)
        ends.shell("cd source; echo pad > pad; echo x > x; mkdir d; echo 1 > d/1; echo a > a; echo bb > b")
        #expect(await ends.run().error == nil)
        ends.shell("cd source; mv x z; mv d e; mv a t; mv b a; mv t b; mkdir n; mv e/1 n/1")
        let ran = await ends.run(maxDelete: .count(0))
        #expect(ran.error == nil && ran.problems.isEmpty && ran.outcome?.counts.renamed == 5, "\(ran)")
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
        ends.shell("! find target/.headwater -path '*attic/*' | grep .")
        #expect(await ends.run().outcome?.counts == CycleCounts())
    }

    /// The halt comes before anything is renamed.
    @Test func driftThatHalts_haltsBeforeARename() async {
        let ends = TwoEnds(policy: SessionPolicy(drift: .halt))
        ends.shell("cd source; echo pad > pad; echo x > x; echo y > y")
        #expect(await ends.run().error == nil)
        ends.shell("mv source/x source/z; echo drift > target/y")
        let (rows, target) = (ends.rows, ends.listing(ends.target))
        #expect(await ends.run().error?.code == "halt.drift")
        #expect(ends.rows == rows && ends.listing(ends.target) == target)
        ends.shell("echo y > target/y; touch -r source/y target/y")
        let ran = await ends.run()
        #expect(ran.error == nil && ran.outcome?.counts.renamed == 1)
    }

    /// As after a kill between the rename and its record: the tree is right, the rows are not.
    @Test func foundDoneAlready_onlyTheRowsFollow() async {
        let script = "mv x z; mv d e; mv a t; mv b a; mv t b; mv p q; mv o p"
        let ends = TwoEnds()
        ends.shell(
            "cd source; echo pad > pad; echo x > x; mkdir d; echo 1 > d/1; echo a > a; echo bb > b; echo o > o; echo pp > p"
        )
        #expect(await ends.run().error == nil)
        ends.shell("(cd source; \(script)); cd target; \(script)")
        ends.shell("touch -r source target")
        let inode = inode(ends, "target/z")
        let ran = await ends.run(maxDelete: .count(0))
        #expect(ran.error == nil && ran.problems.isEmpty, "\(ran)")
        #expect(ran.outcome?.counts == CycleCounts())
        #expect(ends.listing(ends.source) == ends.listing(ends.target) && self.inode(ends, "target/z") == inode)
        let rows = ends.rows
        #expect(await ends.run().outcome?.counts == CycleCounts())
        #expect(ends.rows == rows)
    }

    /// A link that is cut behind any frame: what was renamed and recorded at one end only is recorded at the other.
    @Test(arguments: [Frame.Kind.renames, .want, .committed, .recorded, .done])
    func cutBehindAnyFrame_goesOn(kind: Frame.Kind) async {
        for policy in [SessionPolicy.standard, SessionPolicy(delete: .before, attic: .session, mirror: true)] {
            let ends = TwoEnds(policy: policy)
            ends.shell("cd source; echo pad > pad; echo x > x; mkdir -p d/e; echo 1 > d/e/1; echo a > a; echo bb > b")
            #expect(await ends.run().error == nil)
            ends.shell("cd source; mv x z; mv d q; mkdir d; mv q/e/1 d/1; mv a t; mv b a; mv t b; echo more > b")
            let proxy = Monitor<FrameProxy?>(nil)
            proxy.update {
                $0 = FrameProxy { _, frame in
                    if frame.kind != kind { return [frame] }
                    proxy.read { $0 }?.end()
                    return []
                }
            }
            _ = await ends.run(between: proxy.read { $0 })
            let again = await ends.run()
            #expect(again.error == nil && again.problems.isEmpty, "\(again.error?.message ?? "")")
            #expect(ends.listing(ends.source) == ends.listing(ends.target))
            let rows = ends.rows
            #expect(await ends.run().moved == CycleCounts())
            #expect(ends.rows == rows)
        }
    }
}

extension CycleCounts {
    fileprivate var hasOnlyRenamed: Bool { files + directories + symlinks + deleted + conflicts + problems == 0 }
}
