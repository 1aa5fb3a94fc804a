import Core
import Foundation
import Platform
import Testing
import Wire

/// What a cycle that fails has moved is told all the same.
@Suite(.timeLimit(.minutes(20))) struct MovedTests {
    private func cut(_ kind: Frame.Kind, _ way: FrameProxy.Way, after count: Int = 0) -> FrameProxy {
        let state = Monitor((seen: 0, proxy: FrameProxy?.none))
        let proxy = FrameProxy { to, frame in
            if to != way || frame.kind != kind { return [frame] }
            let isCut = state.read {
                $0.seen += 1
                return $0.seen > count ? $0.proxy : nil
            }
            isCut?.end()
            return isCut == nil ? [frame] : []
        }
        state.update { $0.proxy = proxy }
        return proxy
    }

    @Test func push_thatIsCutBehindItsFirstCommit() async {
        for opensUpstream in [true, false] {
            let ends = TwoEnds(opensUpstream: opensUpstream)
            ends.shell("for i in 1 2 3; do echo $i > source/f$i; done")
            // The target's `done`, whichever end opened the session.
            let ran = await ends.run(between: cut(.done, opensUpstream ? .toNear : .toFar))
            #expect(ran.error != nil && ran.moved.files == 3, "\(ran.moved)")
        }
    }

    @Test func bidi_thatIsCutInItsSecondDirection_countsBoth() async {
        for opensUpstream in [true, false] {
            let ends = TwoEnds(mode: .bidi, opensUpstream: opensUpstream)
            ends.shell("echo 1 > source/up; echo 2 > target/down1; echo 3 > target/down2")
            // The second direction's target is upstream.
            let ran = await ends.run(between: cut(.done, opensUpstream ? .toFar : .toNear, after: 1))
            #expect(ran.error != nil && ran.moved.files == 3, "\(ran.moved)")
        }
    }
}
