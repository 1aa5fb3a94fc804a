import Core
import Foundation
import Platform
import Sessions
import Testing
import Wire

/// What an end does when the other one lies, stops, or falls silent: it ends with a code, and never says that all is well.
@Suite struct BrokenPeerTests {
    private static let tree =
        "mkdir -p source/d; for i in $(seq 20); do echo $i > source/d/f$i; done; echo k > source/k"

    /// Runs one cycle over a proxy that replaces the first frame of `kind`, or each.
    private func run(
        _ ends: TwoEnds, _ kind: Frame.Kind, patience: Patience = Patience(), each: Bool = false,
        _ replace: @escaping @Sendable (Frame) -> [Frame]
    ) async -> TwoEnds.Ran {
        let isDone = Monitor(false)
        return await ends.run(
            patience: patience,
            between: FrameProxy { _, frame in
                if frame.kind != kind || (isDone.read { $0 } && !each) { return [frame] }
                isDone.update { $0 = true }
                return replace(frame)
            })
    }

    // MARK: Ending early

    @Test(arguments: [true, false])
    func stopThatNobodyHereAskedFor_isNoSuccess(opensUpstream: Bool) async {
        let ends = TwoEnds(opensUpstream: opensUpstream)
        ends.shell(Self.tree)
        // The end that answers has no operator: neither as target nor as source may it stop.
        let ran = await run(ends, opensUpstream ? .want : .changes) { _ in [Frame(.stop)] }
        #expect(ran.error?.code == "peer.protocol")
        #expect(ran.error?.message.contains("stop") == true)
        #expect(await ends.run().error == nil)
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
    }

    @Test func doneBeforeEverythingIs_isNoSuccess() async {
        for kind in [Frame.Kind.want, .committed] {
            let ends = TwoEnds()
            ends.shell(Self.tree)
            let none = DoneMessage(counts: CycleCounts(), sum: Digest(high: 0, low: 0), rows: 0).encoded()
            let ran = await run(ends, kind) { _ in [Frame(.done, none)] }
            #expect(ran.error?.code == "peer.protocol", "\(kind)")
        }
    }

    @Test func sumsThatDiffer_areFoundInTheSameCycle() async {
        let ends = TwoEnds()
        ends.shell(Self.tree)
        let ran = await run(ends, .done) { frame in
            var done = try! DoneMessage(decoding: frame.payload)
            done.sum.low &+= 1
            return [Frame(.done, done.encoded())]
        }
        #expect(ran.error?.code == "snapshot.diverged")
    }

    // MARK: Silence

    @Test(arguments: [Frame.Kind.committed, .recorded, .done, .want, .goodbye])
    func lostFrame_endsTheCycle(_ kind: Frame.Kind) async {
        let ends = TwoEnds()
        ends.shell(Self.tree)
        var patience = Patience()
        patience.pingSeconds = 0.02
        let ran = await run(ends, kind, patience: patience) { _ in [] }
        #expect(ran.error?.code == "peer.protocol", "\(kind)")
        #expect(ran.error?.message.contains("wait for each other") == true, "\(ran.error?.message ?? "")")
    }

    @Test func frameThatBecameAPing_endsTheCycle() async {
        let ends = TwoEnds()
        ends.shell(Self.tree)
        let ran = await run(ends, .want) { [Frame(.ping, $0.payload)] }
        #expect(ran.error?.code == "peer.protocol")
    }

    /// A source that waits for room to write, or for an answer.
    @Test(arguments: [20, 200_000])
    func frozenPeer_endsTheCycle(_ bytes: Int) async {
        let ends = TwoEnds()
        ends.shell("for i in $(seq 100); do head -c \(bytes) /dev/urandom > source/f$i; done")
        var patience = Patience()
        patience.silenceSeconds = 0.5
        let proxy = Monitor<FrameProxy?>(nil)
        proxy.update {
            $0 = FrameProxy { _, frame in
                if frame.kind == .want { proxy.read { $0 }?.freeze() }
                return [frame]
            }
        }
        let ran = await ends.run(patience: patience, between: proxy.read { $0 })
        #expect(ran.error?.code == "peer.silent")
        #expect(ran.error?.exit == .unreachable)
        #expect(await ends.run().error == nil)
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
    }

    @Test(arguments: [20, 200_000])
    func frozenPeer_doesNotKeepAnOperatorWaiting(_ bytes: Int) async {
        let ends = TwoEnds()
        ends.shell("for i in $(seq 100); do head -c \(bytes) /dev/urandom > source/f$i; done")
        var patience = Patience()
        (patience.silenceSeconds, patience.endingSeconds) = (10_000, 0.2)
        let cancellation = Cancellation()
        let proxy = Monitor<FrameProxy?>(nil)
        proxy.update {
            $0 = FrameProxy { _, frame in
                if frame.kind == .want {
                    proxy.read { $0 }?.freeze()
                    cancellation.request()
                }
                return [frame]
            }
        }
        let ran = await ends.run(cancellation: cancellation, patience: patience, between: proxy.read { $0 })
        #expect(ran.error?.isTransient == true)
        #expect(ran.outcome == nil)
    }

    /// An agent that serves a session whose link is dead gets a new one of the same orchestrator: it must not signal itself.
    @Test func laterSessionOfOneOrchestrator_endsTheEarlierInThisProcess() async {
        let ends = TwoEnds()
        ends.shell(Self.tree)
        let isFrozen = Monitor(false)
        let proxy = Monitor<FrameProxy?>(nil)
        proxy.update {
            $0 = FrameProxy { _, frame in
                if frame.kind == .want {
                    proxy.read { $0 }?.freeze()
                    isFrozen.update { $0 = true }
                }
                return [frame]
            }
        }
        let between = proxy.read { $0 }
        async let first = ends.run(isAgent: true, between: between)
        await withCheckedContinuation { continuation in
            _ = WorkerThread<Void>("test-wait") {
                isFrozen.wait { $0 ? () : nil }
                continuation.resume()
            }
        }
        let second = await ends.run(isAgent: true)
        #expect(second.error == nil)
        #expect(await first.error?.isTransient == true)
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
    }

    // MARK: Numbers

    @Test func commitNumbersOfThePeer_mustFollow() async {
        let ends = TwoEnds()
        ends.shell(Self.tree)
        let recorded = await run(ends, .recorded) {
            var message = try! RecordedMessage(decoding: $0.payload)
            message.mine += 8
            return [Frame(.recorded, message.encoded())]
        }
        #expect(recorded.error?.code == "peer.protocol")
        ends.shell("echo more > source/more")
        let committed = await run(ends, .committed) {
            var message = try! CommittedMessage(decoding: $0.payload)
            message.number += 8
            return [Frame(.committed, message.encoded())]
        }
        #expect(committed.error?.code == "peer.protocol")
        let prepared = await run(ends, .prepared) {
            var message = try! PreparedMessage(decoding: $0.payload)
            message.mine += 8
            return [Frame(.prepared, message.encoded())]
        }
        #expect(prepared.error?.code == "peer.protocol")
        ends.shell("echo again > source/again")
        #expect(await ends.run().error == nil)
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
        #expect(await ends.run().outcome?.counts == CycleCounts())
    }

    // MARK: Bounds

    @Test func answersToWhatWasNotAsked_areRefused() async {
        let ends = TwoEnds()
        ends.shell(Self.tree)
        _ = await ends.run()
        ends.shell("rm -r target/d; echo x > target/k")
        let ran = await run(ends, .changes, each: true) { frame in
            let message = try! ChangesMessage(decoding: frame.payload)
            if !message.isAnswer { return [frame] }
            var next = message
            next.isLast = false
            var frames = [Frame(.changes, next.encoded())]
            next.firstIndex += message.records.count
            frames.append(Frame(.changes, next.encoded()))
            return frames
        }
        #expect(ran.error?.code == "peer.protocol")
        #expect(ran.error?.message.contains("not asked") == true)
    }

    @Test func moreAskedAboutThanIsAgreedOn_isRefused() async {
        let ends = TwoEnds()
        ends.shell(Self.tree)
        _ = await ends.run()
        ends.shell("echo new > source/new")
        let paths = Array(repeating: try! TreePath(slashed: "k"), count: 30)
        let ran = await run(ends, .want) { [Frame(.ask, AskMessage(paths: paths).encoded()), $0] }
        #expect(ran.error?.code == "peer.protocol")
        #expect(ran.error?.message.contains("asked about") == true)
    }

    @Test func problemsWithoutEnd_areRefused() async {
        let ends = TwoEnds()
        ends.shell(Self.tree)
        let text = String(repeating: "x", count: 4000)
        let problem = Frame(.problem, ErrorMessage.encoded(HeadwaterError("path.x", text, remedy: text)))
        let ran = await run(ends, .want) { Array(repeating: problem, count: 700) + [$0] }
        #expect(ran.error?.code == "peer.protocol")
        #expect(ran.problems.count < 700)
    }

    // MARK: What was done all the same

    /// A link that is lost in the middle: what stands at the target counts.
    @Test func whatWasMovedBeforeTheLinkWasLost_isTold() async {
        let ends = TwoEnds()
        ends.shell(Self.tree)
        let proxy = Monitor<FrameProxy?>(nil)
        proxy.update {
            $0 = FrameProxy { _, frame in
                if frame.kind == .done { proxy.read { $0 }?.end() }
                return [frame]
            }
        }
        let ran = await ends.run(between: proxy.read { $0 })
        #expect(ran.error?.isTransient == true)
        #expect(ran.moved.files == 21)
    }
}
