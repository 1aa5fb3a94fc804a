import Core
import Sessions
import Testing

/// What a run says and leaves behind when it may not begin.
@Suite struct RefusedRunTests {
    @Test func refusedRun_leavesNoPrivateDirectory_whereNoneWas() async {
        let ends = TwoEnds()
        ends.shell("echo x > source/x")
        _ = await ends.run()
        ends.shell("rm -r target/.headwater")
        let ran = await ends.run()
        #expect(ran.error?.code == "snapshot.remote-missing")
        ends.shell("test ! -e target/.headwater; test -e source/.headwater/t-a-b/snap.db")
    }

    @Test func refusedRun_leavesWhatOthersKeepBesideIt() async {
        let ends = TwoEnds()
        ends.shell("echo x > source/x")
        _ = await ends.run()
        ends.shell("rm -r target/.headwater/t-a-b; mkdir -m 700 target/.headwater/other")
        #expect(await ends.run().error?.code == "snapshot.remote-missing")
        ends.shell("test -d target/.headwater/other; test ! -e target/.headwater/t-a-b")
    }

    /// The end that finds it may be the other one: both look at the two databases.
    @Test(arguments: [
        (Mode.push, "target", "b"), (.push, "source", "a"), (.pull, "target", "b"), (.pull, "source", "a"),
    ])
    func missingDatabase_isOfTheRightPeer_whoeverInitiates(_ mode: Mode, _ lost: String, _ peer: String) async {
        for opensUpstream in [true, false] {
            let ends = TwoEnds(mode: mode, opensUpstream: opensUpstream)
            ends.shell("echo x > source/x")
            _ = await ends.run()
            ends.shell("rm -r \(lost)/.headwater")
            let ran = await ends.run()
            #expect(ran.error?.exit == .databaseRefuses)
            #expect(ran.error?.peer == peer, "\(mode), opened upstream: \(opensUpstream)")
            let root = ends.directory(lost)
            #expect(
                ran.error?.remedy.hasPrefix("see that ") == true && ran.error?.remedy.contains("\(root) is") == true)
            #expect(ran.error?.remedy.hasSuffix("headwater run FILE --edge SESSION --reset") == true)
        }
    }

    @Test(arguments: [true, false])
    func haltOfARoot_isOfTheRightPeer(opensUpstream: Bool) async {
        let ends = TwoEnds(opensUpstream: opensUpstream)
        ends.shell("echo x > source/x; echo y > source/y")
        _ = await ends.run()
        ends.shell("mv source gone")
        #expect(await ends.run().error?.peer == "a")
        ends.shell("mv gone source; mv target gone")
        #expect(await ends.run().error?.peer == "b")
    }

}
