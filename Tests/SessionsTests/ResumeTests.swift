import Core
import Foundation
import Platform
import Testing
import Wire

/// What an interrupted cycle received is not sent again, inside large files too.
@Suite(.timeLimit(.minutes(20))) struct ResumeTests {
    private static let segments = 24

    /// Counts the bytes of content that go to the target, and cuts the link when there were so many segments.
    private final class Meter: Sendable {
        private let state = Monitor((segments: 0, files: 0, proxy: FrameProxy?.none))
        private let most: Int
        var segments: Int { state.read { $0.segments } }
        var files: Int { state.read { $0.files } }

        init(cutBehind most: Int = .max) { self.most = most }

        func proxy() -> FrameProxy {
            let proxy = FrameProxy { [self] way, frame in
                let isCut = state.read {
                    if way == .toFar && frame.kind == .segment { $0.segments += 1 }
                    if way == .toFar && frame.kind == .content {
                        $0.files += (try? ContentMessage(decoding: frame.payload))?.files.count ?? 0
                    }
                    return $0.segments > most || $0.files > most ? $0.proxy : nil
                }
                isCut?.end()
                return isCut == nil ? [frame] : []
            }
            state.update { $0.proxy = proxy }
            return proxy
        }
    }

    /// A large file of which the target has received about half.
    private func interrupted() async -> TwoEnds {
        let ends = TwoEnds()
        ends.shell("head -c \(Self.segments << 19) /dev/urandom > source/large; echo small > source/a")
        let meter = Meter(cutBehind: Self.segments / 2)
        let ran = await ends.run(between: meter.proxy())
        #expect(ran.error != nil && ends.text("target/large") == nil)
        ends.shell("test $(ls target/.headwater/*/partial | wc -l) = 1")
        return ends
    }

    private func expectDone(_ ends: TwoEnds, segments: ClosedRange<Int>) async {
        let meter = Meter()
        let ran = await ends.run(between: meter.proxy())
        #expect(ran.error == nil && segments.contains(meter.segments), "\(meter.segments)")
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
        ends.shell("test ! -e target/.headwater/*/partial; test $(stat -c %h target/large) = 1")
        #expect(await ends.run().moved == CycleCounts())
    }

    @Test func largeFile_goesOnBehindWhatIsThere() async {
        let ends = await interrupted()
        await expectDone(ends, segments: 1...(Self.segments / 2 + 2))
    }

    @Test func changedSource_beginsAnew() async {
        let ends = await interrupted()
        ends.shell("head -c \(Self.segments << 19) /dev/urandom > source/large")
        await expectDone(ends, segments: Self.segments...Self.segments)
    }

    /// Time and size are as they were, so that only the digests can tell.
    @Test func changedSourceOfEqualTime_beginsAnew() async {
        let ends = await interrupted()
        ends.shell(
            "touch -r source/large stamp; printf X | dd of=source/large bs=1 seek=99 conv=notrunc status=none; touch -r stamp source/large"
        )
        await expectDone(ends, segments: Self.segments...Self.segments)
    }

    @Test func damagedPart_isNotUsed() async {
        let ends = await interrupted()
        ends.shell(
            "for p in target/.headwater/*/partial/*; do printf X | dd of=$p bs=1 seek=77 conv=notrunc status=none; done"
        )
        await expectDone(ends, segments: Self.segments...Self.segments)
    }

    /// Somebody put a link or another name there: it is not written through.
    @Test(arguments: ["rm $p; ln -s ../../../a $p", "ln $p target/other"])
    func oddPart_isNotUsed(how: String) async {
        let ends = await interrupted()
        ends.shell("echo mine > target/a; for p in target/.headwater/*/partial/*; do \(how); done")
        let meter = Meter()
        #expect(await ends.run(between: meter.proxy()).error == nil)
        #expect(meter.segments == Self.segments && ends.text("target/a") == "small\n")
        ends.shell("cmp source/large target/large; test $(stat -c %h target/large) = 1")
    }

    @Test func partOfAFileThatIsGone_isRemoved() async {
        let ends = await interrupted()
        ends.shell("rm source/large")
        #expect(await ends.run().error == nil)
        ends.shell("test ! -e target/.headwater/*/partial")
    }

    @Test func smallFiles_thatCameBeforeTheCut_areNotSentAgain() async {
        let ends = TwoEnds()
        ends.shell("mkdir source/d; for i in $(seq 3000); do echo $i > source/d/f$i; done")
        let meter = Meter(cutBehind: 1500)
        #expect(await ends.run(between: meter.proxy()).error != nil)
        let rest = Meter()
        #expect(await ends.run(between: rest.proxy()).error == nil)
        #expect(rest.files < 2900 && rest.files > 0, "\(rest.files)")
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
        #expect(await ends.run().moved == CycleCounts())
    }
}
