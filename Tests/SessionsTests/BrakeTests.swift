import Core
import Sessions
import Testing
import Wire

/// Deletion exists only together with these.
@Suite struct BrakeTests {
    @Test func emptiedSourceHaltsAndNothingIsDeleted() async {
        let ends = TwoEnds()
        ends.shell("mkdir source/a source/b; echo x > source/a/x; echo y > source/b/y")
        _ = await ends.run()
        let before = ends.listing(ends.target)
        ends.shell("rm -r source/a source/b")
        let ran = await ends.run()
        #expect(ran.error?.code == "halt.emptied")
        #expect(ran.error?.exit == .halted)
        #expect(ends.listing(ends.target) == before)
        let released = await ends.run(released: [ReleasedHalt(code: "halt.emptied", facts: ran.error?.facts ?? "")])
        #expect(released.error == nil)
        ends.shell("test -z \"$(ls target)\"")
    }

    /// What lands in an emptied root is not its content come back; one agreed entry is.
    @Test func emptiedSourceStaysHalted_untilSomethingAgreedIsBack() async {
        let ends = TwoEnds()
        ends.shell("mkdir source/a source/b; echo x > source/a/x; echo y > source/b/y")
        _ = await ends.run()
        let before = ends.listing(ends.target)
        ends.shell("cp -a source kept; rm -r source/a source/b")
        #expect(await ends.run().error?.code == "halt.emptied")
        ends.shell("echo log > source/stray; mkdir source/a")
        let halted = await ends.run()
        #expect(halted.error?.code == "halt.emptied")
        #expect(ends.listing(ends.target) == before)
        ends.shell("cp -a kept/a source/")
        let back = await ends.run()
        #expect(back.error == nil && back.outcome?.counts.deleted == 2)
        ends.shell(
            "test ! -e target/b; test -e target/stray; rm -r source/a; test ! -e source/.headwater/t-a-b/emptied")
        // The note is gone: all agreed entries may be replaced again.
        #expect(await ends.run().error == nil)
    }

    @Test func emptiedSource_releasedWithAStrayEntry_isCarriedOut() async {
        let ends = TwoEnds()
        ends.shell("echo x > source/a; echo y > source/b")
        _ = await ends.run()
        ends.shell("rm source/a source/b")
        let halted = await ends.run()
        ends.shell("echo log > source/stray")
        let ran = await ends.run(released: [ReleasedHalt(code: "halt.emptied", facts: halted.error?.facts ?? "")])
        #expect(ran.error == nil)
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
    }

    @Test func emptiedTargetHalts() async {
        let ends = TwoEnds()
        ends.shell("echo x > source/x; echo y > source/y")
        _ = await ends.run()
        ends.shell("rm target/x target/y")
        let ran = await ends.run()
        #expect(ran.error?.code == "halt.emptied")
        ends.shell("test -z \"$(ls target)\"")
    }

    @Test func missingRootHalts() async {
        let ends = TwoEnds()
        ends.shell("echo x > source/x; echo y > source/y")
        _ = await ends.run()
        ends.shell("mv source gone")
        let ran = await ends.run()
        #expect(ran.error?.code == "halt.missing")
        ends.shell("test $(ls target | wc -l) = 2; mv gone source; mv target gone")
        let other = await ends.run()
        #expect(other.error?.code == "halt.missing")
        ends.shell("test ! -e target")
    }

    @Test func replacedRootHalts() async {
        let ends = TwoEnds()
        ends.shell("echo x > source/x; echo y > source/y")
        _ = await ends.run()
        ends.shell("cp -a source copy; rm copy/y; mv source old; mv copy source")
        let ran = await ends.run()
        #expect(ran.error?.code == "halt.replaced")
        ends.shell("test -e target/y")
    }

    @Test func rootThatBecameAFileHalts() async {
        let ends = TwoEnds()
        ends.shell("echo x > source/x; echo y > source/y")
        _ = await ends.run()
        ends.shell("mv source old; echo file > source")
        let ran = await ends.run()
        #expect(ran.error?.code == "halt.retyped")
        ends.shell("test -e target/y")
    }

    @Test func unmountedTargetHaltsAndTheMarkIsNeverSynced() async {
        let ends = TwoEnds()
        ends.shell("echo x > source/x; echo y > source/y; : > target/.mounted")
        let first = await ends.run(mount: ".mounted")
        #expect(first.error == nil)
        ends.shell("test -e target/.mounted; rm target/.mounted")
        let ran = await ends.run(mount: ".mounted")
        #expect(ran.error?.code == "halt.unmounted")
    }

    @Test func tooManyDeletionsHaltAndCreationsGoOn() async {
        let ends = TwoEnds()
        ends.shell("for i in $(seq 300); do echo $i > source/f$i; done")
        _ = await ends.run()
        ends.shell("rm source/f1*; rm source/f2*; echo new > source/new")
        let ran = await ends.run()
        #expect(ran.error?.code == "halt.max-delete")
        ends.shell("test $(ls target | wc -l) -ge 300; test -e target/f100")
        let wrong = await ends.run(released: [ReleasedHalt(code: "halt.max-delete", facts: "deletions=1 digest=00")])
        #expect(wrong.error?.code == "halt.max-delete")
        let released = await ends.run(released: [ReleasedHalt(code: "halt.max-delete", facts: ran.error?.facts ?? "")])
        #expect(released.error == nil)
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
    }

    @Test func limitCountsOverTenMinutes() async {
        let ends = TwoEnds()
        ends.shell("for i in $(seq 20); do echo $i > source/f$i; done")
        _ = await ends.run()
        ends.shell("rm source/f1 source/f2 source/f3")
        #expect(await ends.run(maxDelete: .count(4)).error == nil)
        ends.shell("rm source/f4 source/f5")
        #expect(await ends.run(maxDelete: .count(4)).error?.code == "halt.max-delete")
        ends.shell("test -e target/f4")
    }

    /// Neither new files nor time make room for what was halted; putting it back does.
    @Test func haltedDeletions_areJudgedByTheFiguresOfTheHalt() async {
        let ends = TwoEnds()
        ends.shell("for i in $(seq 300); do echo $i > source/f$i; done")
        _ = await ends.run()
        ends.shell("cp -a source kept; rm source/f1*")  // 111
        let halted = await ends.run(maxDelete: .percent(30))
        #expect(
            halted.error?.message == "this run would delete 111 of 300 entries, above max_delete 30%")
        #expect(halted.paths.count == 111 && halted.paths.contains("f100"))
        ends.shell("for i in $(seq 200); do echo $i > source/new$i; done")
        _ = await ends.run(maxDelete: .percent(30))
        let again = await ends.run(maxDelete: .percent(30))
        #expect(
            again.error?.message
                == "this run would delete 111 of 500 entries, above max_delete 30% of the 300 there were then")
        #expect(again.error?.facts == halted.error?.facts)
        ends.shell("test -e target/f100 -a -e target/new200; cp -a kept/f1* source/")
        #expect(await ends.run(maxDelete: .percent(30)).error == nil)
        ends.shell("rm source/f1*")
        #expect(await ends.run(maxDelete: .percent(30)).error == nil)
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
    }

    @Test func haltedDeletions_stayHalted_whenTheTenMinutesAreOver() async {
        let ends = TwoEnds()
        ends.shell("for i in $(seq 20); do echo $i > source/f$i; done")
        _ = await ends.run()
        ends.shell("rm source/f1 source/f2 source/f3")
        #expect(await ends.run(maxDelete: .count(4)).error == nil)
        ends.shell("rm source/f4 source/f5")
        let halted = await ends.run(maxDelete: .count(4))
        #expect(
            halted.error?.message
                == "this run would delete 2 of 17 entries; with 3 deleted in the last ten minutes that is 5, above max_delete 4"
        )
        ends.shell("sed -i -E 's/^[0-9]+ ([0-9]+ [0-9]+)$/1 \\1/' target/.headwater/t-a-b/deletions")
        let later = await ends.run(maxDelete: .count(4))
        #expect(later.error?.message.contains("in the ten minutes before it first halted") == true)
        ends.shell("test -e target/f4")
        #expect(await ends.run(maxDelete: .count(5)).error == nil)
        ends.shell(
            "test ! -e target/f4; rm source/f6 source/f7 source/f8; ! grep held target/.headwater/t-a-b/deletions")
        #expect(await ends.run(maxDelete: .count(5)).error == nil)
    }

    /// Another disk at the source's path: as many files, all others. What this cycle creates does not make room for deletions.
    @Test func wholeTreeExchanged_halts() async {
        let ends = TwoEnds()
        ends.shell("for i in $(seq 200); do echo $i > source/old$i; done; : > source/a; : > source/b")
        _ = await ends.run()
        ends.shell("rm source/old*; for i in $(seq 200); do echo $i > source/new$i; done")
        let ran = await ends.run()
        #expect(ran.error?.code == "halt.max-delete")
        ends.shell("test $(ls target | grep -c old) = 200")
    }

    /// What was permitted counts from before the first deletion: a release begins anew.
    @Test func releaseBeginsTheTenMinutesAnew() async {
        let ends = TwoEnds()
        ends.shell("for i in $(seq 20); do echo $i > source/f$i; done")
        _ = await ends.run()
        ends.shell("rm source/f1 source/f2 source/f3")
        let halted = await ends.run(maxDelete: .count(2))
        #expect(halted.error?.code == "halt.max-delete")
        #expect(
            await ends.run(
                released: [ReleasedHalt(code: "halt.max-delete", facts: halted.error?.facts ?? "")],
                maxDelete: .count(2)
            ).error == nil)
        ends.shell("rm source/f4")
        #expect(await ends.run(maxDelete: .count(2)).error == nil)
    }
}
