import Core
import Foundation
import Platform
import Roots
import Sessions
import TestSupport
import Testing
import Wire

/// Both directions of a cycle when something happens between them, or when there is very much of it.
@Suite(.timeLimit(.minutes(20))) struct BidiSessionTests {
    /// What another session of the same root, or a person, does to the upstream tree between the two directions.
    @Test(arguments: ["", "x"])
    func upstreamChange_afterTheFirstDirection_isNotOverwritten(agreed: String) async throws {
        let ends = TwoEnds(mode: .bidi)
        ends.shell("echo pad > source/pad; for f in \(agreed); do echo agreed > source/$f; done")
        #expect(await ends.run().error == nil)
        ends.shell("echo downstream > target/x")
        let registry = RootRegistry()
        let isBetween = Monitor(false)
        let ran = await ends.run(
            registry: registry,
            between: FrameProxy { _, frame in
                if frame.kind != .done || isBetween.read({ $0 }) { return [frame] }
                isBetween.update { $0 = true }
                ends.shell("echo upstream > source/x")
                // The view is not served any more that the first direction went by.
                try! registry.root(path: ends.source).noteWrites()
                return [frame]
            })
        #expect(ran.error == nil)
        #expect(ran.problems.map(\.code) == ["path.changed-meanwhile"])
        #expect(ends.text("source/x") == "upstream\n" && ends.text("target/x") == "downstream\n")
        let next = await ends.run()
        #expect(next.outcome?.counts.conflicts == 1)
        #expect(ends.text("source/x") == "upstream\n" && ends.text("target/x") == "downstream\n")
    }

    /// The end that was the source of the first direction takes content slower than it comes in the second one.
    @Test func largeFile_comingUpFasterThanItIsWritten_isNoFault() async {
        let ends = TwoEnds(mode: .bidi)
        ends.shell("echo a > source/a; head -c 120000000 /dev/urandom > target/large")
        let held = Monitor<[Frame]>([])
        let ran = await ends.run(
            between: FrameProxy { way, frame in
                guard way == .toNear, frame.kind == .segment else { return [frame] }
                let isLast = (try? SegmentMessage(decoding: frame.payload))?.isLast ?? true
                held.update { $0.append(frame) }
                return isLast ? held.read { $0 } : []
            })
        #expect(ran.error == nil)
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
    }

    /// The digest of one path arrives while what lies below another one that waits for its own is decided.
    @Test func belowADirectoryThatMayConflict_nothingIsTouched_whateverElseIsFlaggedMeanwhile() async {
        let ends = TwoEnds(mode: .bidi)
        ends.shell("mkdir source/d; echo old > source/a; echo 1 > source/d/a; echo 2 > source/d/b")
        #expect(await ends.run().error == nil)
        ends.shell(
            "echo upx > source/a; echo dox > target/a; rm -r source/d; echo file > source/d; echo new > target/d/b")
        let before = ends.listing(ends.target)
        let rest = Monitor<Frame?>(nil)
        let ran = await ends.run(between: FrameProxy { way, frame in Self.reordered(way, frame, rest) })
        #expect(ran.error == nil)
        #expect(ran.outcome?.counts.conflicts == 2)
        #expect(ends.listing(ends.target) == before)
    }

    /// Holds the changes behind the second one back until the digest of the first has gone.
    private static func reordered(_ way: FrameProxy.Way, _ frame: Frame, _ rest: Monitor<Frame?>) -> [Frame] {
        if way == .toNear { return [frame] }
        if frame.kind == .changes, var message = try? ChangesMessage(decoding: frame.payload), message.records.count > 2
        {
            var later = message
            later.records.removeFirst(2)
            later.firstIndex += 2
            message.records.removeLast(message.records.count - 2)
            message.isLast = false
            rest.update { $0 = Frame(.changes, later.encoded()) }
            return [Frame(.changes, message.encoded())]
        }
        if frame.kind == .same, let message = try? SameMessage(decoding: frame.payload), let later = rest.read({ $0 }) {
            let each = message.files.map { Frame(.same, SameMessage(files: [$0]).encoded()) }
            return [each[0], later] + each.dropFirst()
        }
        return [frame]
    }

    @Test func newBelowADirectory_thatBecameAFileAtTheOtherEnd_isOneConflict() async {
        for (up, down) in [("source", "target"), ("target", "source")] {
            let ends = TwoEnds(mode: .bidi)
            ends.shell("mkdir source/d; echo 1 > source/d/a; echo pad > source/pad")
            #expect(await ends.run().error == nil)
            ends.shell("echo new > \(up)/d/new; rm -r \(down)/d; echo file > \(down)/d")
            let (source, target) = (ends.listing(ends.source), ends.listing(ends.target))
            let ran = await ends.run()
            #expect(ran.error == nil && ran.problems.isEmpty, "\(ran.problems)")
            #expect(ran.outcome?.counts.conflicts == 1, "\(up)")
            #expect(ends.listing(ends.source) == source && ends.listing(ends.target) == target)
        }
    }

    /// A directory has no content of its own that could be set back: what was changed below it stands.
    @Test func conflictOfADirectoryWithAFile_doesNotSettleItself() async {
        for (up, down) in [("source", "target"), ("target", "source")] {
            let ends = TwoEnds(mode: .bidi)
            ends.shell("mkdir source/d; echo 1 > source/d/a; echo 2 > source/d/b; echo pad > source/pad")
            #expect(await ends.run().error == nil)
            ends.shell("rm \(up)/d/a; echo changed > \(up)/d/a; rm -r \(down)/d; echo file > \(down)/d")
            #expect(await ends.run().outcome?.counts.conflicts == 1, "\(up)")
            ends.shell("touch -d @1000000000 \(up)/d; touch -d @1000000001 \(down)/d")
            let (source, target) = (ends.listing(ends.source), ends.listing(ends.target))
            for _ in 1...2 {
                let ran = await ends.run()
                #expect(ran.error == nil && ran.problems.isEmpty, "\(up): \(ran.problems)")
                #expect(ran.outcome?.counts.conflicts == 1, "\(up)")
                #expect(ends.listing(ends.source) == source && ends.listing(ends.target) == target, "\(up)")
            }
        }
    }

    @Test func conflictBelowADirectory_thatBecomesAFile_waitsForTheOneAboveIt() async {
        let ends = TwoEnds(mode: .bidi)
        ends.shell("mkdir source/d; echo 1 > source/d/a; echo pad > source/pad")
        #expect(await ends.run().error == nil)
        ends.shell("echo up > source/d/x; echo down > target/d/x")
        #expect(await ends.run().outcome?.counts.conflicts == 1)
        ends.shell("rm -r target/d; echo file > target/d")
        let (source, target) = (ends.listing(ends.source), ends.listing(ends.target))
        for _ in 1...3 {
            let ran = await ends.run()
            #expect(ran.error == nil && ran.problems.isEmpty, "\(ran.problems)")
            #expect(ran.outcome?.counts.conflicts == 2)
            #expect(ends.listing(ends.source) == source && ends.listing(ends.target) == target)
        }
        ends.shell("rm target/d; mkdir target/d; echo 1 > target/d/a; echo up > target/d/x")
        _ = await ends.run()
        #expect(await ends.run().outcome?.counts.conflicts == 0)
        #expect(ends.text("target/d/x") == "up\n" && ends.text("source/d/x") == "up\n")
    }

    // MARK: Many

    @Test func moreConflictsThanFitIntoAMessage_areLookedAtAgain() async {
        let ends = TwoEnds(mode: .bidi)
        let write = { (text: String) in
            "for i in $(seq 8300); do echo up\(text) > source/$i; echo down\(text) > target/$i; done"
        }
        ends.shell(write("one"))
        #expect(await ends.run().outcome?.counts.conflicts == 8300)
        ends.shell(write("again"))
        let ran = await ends.run()
        #expect(ran.error == nil)
        #expect(ran.outcome?.counts.conflicts == 8300)
        ends.shell("rm source/*; echo pad > source/pad")
        _ = await ends.run(maxDelete: .percent(100))
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
    }

    /// What both ends keep of files that are compared does not grow with the tree.
    @Test func comparisonsUnderWay_areBounded() async {
        let ends = TwoEnds(mode: .bidi)
        ends.shell("for i in $(seq 25000); do echo x > source/$i; done; cp -a source/. target/")
        let open = Monitor((now: 0, most: 0))
        let ran = await ends.run(
            between: FrameProxy { _, frame in
                var change = 0
                if frame.kind == .want, let message = try? WantMessage(decoding: frame.payload) {
                    change = message.items.count(where: \.isComparison)
                } else if frame.kind == .same, let message = try? SameMessage(decoding: frame.payload) {
                    change = -message.files.count
                }
                open.update {
                    $0.now += change
                    $0.most = max($0.most, $0.now)
                }
                return [frame]
            })
        #expect(ran.error == nil && ran.outcome?.counts.bytesPayload == 0)
        #expect(open.read { $0.most } <= 3 * WantMessage.itemsMax / 2)
    }

    // MARK: Cuts

    /// The link is lost behind each frame in turn: no run refuses, and one more brings all to where an undisturbed one does.
    @Test func linkLostBehindAnyFrame_theNextRunEndsWhereAnUndisturbedOneDoes() async {
        let whole = await cut(after: .max)
        var frames = 1
        while frames < 200 {
            let found = await cut(after: frames)
            #expect(found.source == whole.source, "behind frame \(frames)")
            #expect(found.target == whole.target, "behind frame \(frames)")
            if !found.wasCut { break }
            frames += 1
        }
        #expect(frames > 20 && frames < 200)
    }

    private func cut(after frames: Int) async -> (source: String, target: String, wasCut: Bool) {
        let ends = TwoEnds(mode: .bidi)
        ends.shell(
            """
            mkdir -p source/d/e source/k source/r; for i in 1 2 3 4 5 6 7 8; do echo old$i > source/f$i; echo $i > source/d/e/$i; done
            echo 1 > source/k/gone; echo 1 > source/r/x
            """)
        _ = await ends.run()
        ends.shell("echo up > source/f8; echo down > target/f8; mkfifo target/k/fifo")
        _ = await ends.run()
        ends.shell(
            """
            echo up1 > source/f1; echo do2 > target/f2; echo up3 > source/f3; echo do3 > target/f3; rm source/f4; rm target/f5
            rm -r source/d; echo new > target/d/e/new; rm -r source/k; rm target/f8; chmod 600 source/f6; echo do6 > target/f6
            head -c 700000 /dev/zero > source/big; head -c 800000 /dev/zero > target/large; rm -r source/r; echo r > source/r
            touch -d @1000000000 source/* target/*; touch -d @1000000001 target/d/e/new source/f3
            """)
        let proxy = Monitor<FrameProxy?>(nil)
        let count = Monitor((frames: 0, isCut: false))
        proxy.update {
            $0 = FrameProxy { _, frame in
                if frame.kind == .ping { return [frame] }
                let isEnd = count.update {
                    $0.frames += 1
                    if $0.frames > frames { $0.isCut = true }
                    return $0.isCut
                }
                if isEnd {
                    proxy.read { $0 }?.end()
                    return []
                }
                return [frame]
            }
        }
        let first = await ends.run(between: proxy.read { $0 })
        let wasCut = count.read { $0.isCut }
        #expect(wasCut ? first.error?.exit != .databaseRefuses : first.error == nil, "behind frame \(frames)")
        var second = await ends.run()
        // A process that another test starts at this moment holds the lock until it is another program.
        for _ in 0..<100 where second.error?.code == "session.already-running" {
            await letPass(microseconds: 10_000)
            second = await ends.run()
        }
        #expect(second.error == nil, "behind frame \(frames)")
        let (source, target) = (Self.timeless(ends.listing(ends.source)), Self.timeless(ends.listing(ends.target)))
        let third = await ends.run()
        #expect(third.outcome.map { !$0.counts.hasMoved } == true, "behind frame \(frames)")
        return (source, target, wasCut)
    }
}

extension BidiSessionTests {
    /// A listing without the times of directories, which tell when entries in them came and went.
    fileprivate static func timeless(_ listing: String) -> String {
        listing.split(separator: "\n").map { line in
            guard line.hasPrefix("d ") else { return String(line) }
            return line.split(separator: " ", maxSplits: 3).enumerated().filter { $0.offset != 2 }.map {
                String($0.element)
            }
            .joined(separator: " ")
        }.joined(separator: "\n")
    }
}

/// Frames of bidirectional sessions that no honest peer sends.
@Suite struct BrokenBidiPeerTests {
    private static let tree = "for i in $(seq 20); do echo up$i > source/f$i; echo do$i > target/f$i; done"

    private func run(_ ends: TwoEnds, _ kind: Frame.Kind, _ replace: @escaping @Sendable (Frame) -> [Frame]) async
        -> TwoEnds.Ran
    {
        let isDone = Monitor(false)
        return await ends.run(
            between: FrameProxy { _, frame in
                if frame.kind != kind || isDone.read({ $0 }) { return [frame] }
                isDone.update { $0 = true }
                return replace(frame)
            })
    }

    @Test func comparisonAskedForTwice_isRefused() async {
        let ends = TwoEnds(mode: .bidi)
        ends.shell(Self.tree)
        let ran = await run(ends, .want) { [$0, $0] }
        #expect(ran.error?.code == "peer.protocol")
    }

    @Test func comparisonInAPush_isRefused() async {
        let ends = TwoEnds()
        ends.shell(Self.tree)
        let ran = await run(ends, .want) { frame in
            var want = try! WantMessage(decoding: frame.payload)
            for index in want.items.indices { want.items[index].isComparison = true }
            return [Frame(.want, want.encoded())]
        }
        #expect(ran.error?.code == "peer.protocol")
    }

    @Test(arguments: [Mode.push, .bidi])
    func conflictFlaggedByTheUpstreamEnd_isRefused(mode: Mode) async {
        let ends = TwoEnds(mode: mode)
        ends.shell(Self.tree)
        let ran = await run(ends, .changes) { frame in
            var message = try! ChangesMessage(decoding: frame.payload)
            let path = message.records[0].path
            let entry = AgreedEntry(attributes: message.records[0].attributes!, digest: nil)
            message.records[0].state = .conflict(
                Conflict(path: path, ancestor: nil, upstream: entry, downstream: entry, since: WallClock.now))
            return [Frame(.changes, message.encoded())]
        }
        #expect(ran.error?.code == "peer.protocol")
    }
}
