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
