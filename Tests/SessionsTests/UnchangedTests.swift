import Core
import Foundation
import Platform
import Testing

/// What is known of a tree that did not change never hides what did.
@Suite(.timeLimit(.minutes(20))) struct UnchangedTests {
    /// Both trees are known to be as the rows say.
    private func known(mode: Mode = .push, policy: SessionPolicy = .standard) async -> TwoEnds {
        let ends = TwoEnds(mode: mode, policy: policy)
        ends.shell(
            "mkdir -p source/d/e; for i in 1 2 3; do echo $i > source/d/$i; done; ln -s x source/l; mkfifo source/p")
        for _ in 0..<3 { #expect(await ends.run().error == nil) }
        ends.shell("test -f source/.headwater/t-a-b/unchanged; test -f target/.headwater/t-a-b/unchanged")
        return ends
    }

    @Test func note_isNotWrittenAnew() async {
        let ends = await known()
        ends.shell("stat -c '%i %Z' */.headwater/*/unchanged > before")
        let ran = await ends.run()
        #expect(ran.outcome?.counts.untracked == 1 && ran.moved == CycleCounts())
        ends.shell("stat -c '%i %Z' */.headwater/*/unchanged | cmp - before")
    }

    private static let changes = [
        "echo x > source/d/1", "echo 9 > t; touch -r source/d/1 t; mv t source/d/1", "chmod 600 source/d/2",
        "rm source/d/3", "mv source/d/3 source/d/4", "mv source/d source/f", "rm source/l; ln -s y source/l",
        "touch source/n", "rmdir source/d/e; touch source/d/e", "mkdir source/d/e/g", "touch -d 2020-01-01 source/d/2",
        "mv source/d/1 t; mv source/d/2 source/d/1; mv t source/d/2",
    ]

    @Test(arguments: changes) func change_isSeen(how: String) async {
        let ends = await known()
        ends.shell(how)
        let ran = await ends.run()
        #expect(ran.error == nil && ran.moved != CycleCounts())
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
        #expect(await ends.run().moved == CycleCounts())
    }

    /// What only the target changed is repaired, and what both changed in a two-way session becomes a conflict that stands.
    @Test func changeAtTheTarget_isSeen() async {
        let ends = await known()
        ends.shell("echo mine > target/d/1; rm target/d/2")
        #expect(await ends.run().error == nil)
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
        let both = await known(mode: .bidi)
        both.shell("echo mine > target/d/1; echo yours > source/d/1")
        for _ in 0..<3 { #expect(await both.run().outcome?.counts.conflicts == 1) }
        both.shell("cp -p source/d/1 target/d/1")
        #expect(await both.run().outcome?.counts.conflicts == 0)
    }

    /// Nothing changes at the source, but what the target has becomes a conflict: the source's rows say so from then on.
    @Test func conflictThatTheTargetFlags_stands() async {
        let ends = await known(policy: SessionPolicy(overwrite: .conflict))
        ends.shell("echo mine > target/d/1; echo yours > source/d/1")
        for _ in 0..<3 { #expect(await ends.run().outcome?.counts.conflicts == 1) }
        ends.shell("cp -p source/d/1 target/d/1")
        for _ in 0..<2 { #expect(await ends.run().outcome?.counts.conflicts == 0) }
    }

    @Test func otherFilter_isSeen() async {
        let ends = await known()
        #expect(await ends.run(filter: ["- /d/1"]).error == nil)
        ends.shell("echo x > source/d/1")
        #expect(await ends.run(filter: ["- /d/1"]).moved == CycleCounts())
        #expect(await ends.run().moved.files == 1)
    }

    @Test(arguments: [
        "printf X | dd of=$n bs=1 seek=9 conv=notrunc status=none", "rm $n; mkfifo $n", ": > $n",
        "rm $n; ln -s /etc/passwd $n",
    ])
    func damagedNote_costsAComparison(how: String) async {
        let ends = await known()
        ends.shell("for n in */.headwater/*/unchanged; do \(how); done")
        #expect(await ends.run().moved == CycleCounts())
        ends.shell("echo x > source/d/1")
        #expect(await ends.run().moved.files == 1)
    }

    /// A note of other rows, as a backup of one file would leave it.
    @Test func noteOfOtherRows_isNotBelieved() async {
        let ends = await known()
        ends.shell("cp target/.headwater/t-a-b/unchanged note; cp -p target/d/1 copy; echo x > source/d/1")
        #expect(await ends.run().moved.files == 1)
        ends.shell("cp note target/.headwater/t-a-b/unchanged; cat copy > target/d/1; touch -r copy target/d/1")
        #expect(await ends.run().moved.files == 1)
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
    }

    @Test func plan_seesChangesAndLeavesNoTrace() async {
        let ends = await known()
        ends.shell("echo x > source/d/1")
        let before = ends.traces
        #expect(await ends.run(purpose: .plan(readsContent: false)).planned.count == 1)
        #expect(ends.traces == before)
        let fresh = TwoEnds()
        fresh.shell("echo 1 > source/1")
        #expect(await fresh.run().error == nil)
        let traces = fresh.traces
        #expect(await fresh.run(purpose: .plan(readsContent: false)).planned.isEmpty)
        #expect(fresh.traces == traces)
    }
}
