import Core
import Foundation
import Platform
import Testing
import Wire

/// A large file that changed is put together from what the target has of it; what comes out is whole and right whatever it has.
@Suite(.timeLimit(.minutes(20))) struct DeltaTests {
    private static let bytes = 8 << 20
    /// Sent by a cycle that sends all of it.
    private static let whole = UInt64(bytes)...UInt64(bytes) + 200_000

    /// A large file of noise, in step at both ends.
    private func inStep(mode: Mode = .push) async -> TwoEnds {
        let ends = TwoEnds(mode: mode)
        ends.shell("head -c \(Self.bytes) /dev/urandom > source/large")
        #expect(await ends.run().error == nil)
        return ends
    }

    /// Runs a cycle that must send so many bytes and leave equal trees, and one that does nothing.
    private func expectInStep(_ ends: TwoEnds, sending bytes: ClosedRange<UInt64>) async {
        let ran = await ends.run()
        #expect(ran.error == nil && ran.problems.isEmpty, "\(String(describing: ran.error)) \(ran.problems)")
        let sent = ran.outcome?.bytesSent ?? 0
        #expect(bytes.contains(sent), "\(sent)")
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
        ends.shell(
            "test ! -e target/.headwater/*/partial; test -z \"$(ls target/.headwater/*/stage | grep -v intent)\"")
        #expect(await ends.run().moved == CycleCounts())
    }

    private static let edits = [
        // Four pages.
        "for at in 3 700 1200 2047; do head -c 4096 /dev/urandom | dd of=source/large bs=4096 seek=$at conv=notrunc status=none; done",
        "(head -c 800 /dev/urandom; cat source/large) > t; mv t source/large",
        "head -c 30000 /dev/urandom >> source/large",
        "truncate -s 5000001 source/large",
        "(tail -c 4000000 source/large; head -c 4194304 source/large) > t; mv t source/large",
        "tail -c +100001 source/large > t; mv t source/large",
        "dd if=/dev/zero of=source/large bs=1M seek=2 count=3 conv=notrunc status=none",
        "cp source/large t; cat t t > source/large; rm t",
    ]

    @Test(arguments: edits) func change_costsWhatIsNew(edit: String) async {
        let ends = await inStep()
        ends.shell(edit)
        await expectInStep(ends, sending: 500...120_000)
        // The next one goes by the list of the last.
        ends.shell("printf X | dd of=source/large bs=1 seek=99 conv=notrunc status=none")
        await expectInStep(ends, sending: 500...40_000)
    }

    @Test func holes_stayHoles() async {
        let ends = TwoEnds()
        ends.shell(
            "truncate -s 40M source/large; head -c 3000000 /dev/urandom | dd of=source/large bs=1M seek=20 conv=notrunc status=none"
        )
        #expect(await ends.run().error == nil)
        ends.shell(
            "printf X | dd of=source/large bs=1 seek=21000000 conv=notrunc status=none; truncate -s 50M source/large")
        await expectInStep(ends, sending: 500...60_000)
        ends.shell("test $(stat -c %b target/large) -lt 10000")
    }

    @Test func noList_sendsTheFileWhole() async {
        let ends = await inStep()
        ends.shell("rm source/.headwater/@root/*/chunks/*; printf X >> source/large")
        await expectInStep(ends, sending: Self.whole)
    }

    @Test(arguments: [
        "truncate -s -1 $list", "printf X | dd of=$list bs=1 seek=100 conv=notrunc status=none",
        "rm $list; mkfifo $list",
    ])
    func damagedList_sendsTheFileWhole(how: String) async {
        let ends = await inStep()
        ends.shell("for list in source/.headwater/@root/*/chunks/*; do \(how); done; printf X >> source/large")
        await expectInStep(ends, sending: Self.whole)
    }

    /// A list that is whole and of something else: what it leads to is not what was said, and the file comes once more.
    @Test func wrongList_costsBytesAndNothingElse() async {
        let ends = await inStep()
        ends.shell(
            """
            (head -c 700 /dev/urandom; cat source/large) > source/other
            """)
        #expect(await ends.run().error == nil)
        ends.shell(
            """
            cd source/.headwater/@root/*/chunks; one=$(ls -tr | head -1); two=$(ls -t | head -1)
            test $one != $two; cp $two t; cp $one $two; mv t $one; cd - > /dev/null; printf X >> source/large
            """)
        await expectInStep(ends, sending: Self.whole)
    }

    /// Somebody writes into the target's file behind its decision: it is theirs, and left alone.
    @Test func fileThatChangesMeanwhile_isLeftAlone() async {
        let ends = await inStep()
        ends.shell("printf X >> source/large")
        let isDone = Monitor(false)
        let proxy = FrameProxy { way, frame in
            if way == .toNear, frame.kind == .want,
                (try? WantMessage(decoding: frame.payload))?.items.contains(where: { $0.base != nil }) ?? false,
                isDone.update({ done in
                    defer { done = true }; return !done
                })
            {
                ends.shell("printf mine | dd of=target/large bs=1 seek=1000000 conv=notrunc status=none")
            }
            return [frame]
        }
        let ran = await ends.run(between: proxy)
        #expect(ran.error == nil && ran.problems.map(\.code) == ["path.changed-meanwhile"], "\(ran.problems)")
        ends.shell(
            "test $(tail -c +1000001 target/large | head -c 4) = mine; test $(stat -c %s target/large) = \(Self.bytes)")
        // By the next run it is drift, and repaired.
        #expect(await ends.run().error == nil)
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
        #expect(await ends.run().moved == CycleCounts())
    }

    @Test func cutInTheMiddle_goesOn() async {
        let ends = await inStep()
        ends.shell("(head -c 800 /dev/urandom; cat source/large) > t; mv t source/large")
        let count = Monitor((0, FrameProxy?.none))
        let proxy = FrameProxy { way, frame in
            let cut = count.read { state in
                if way == .toFar && frame.kind == .segment { state.0 += 1 }
                return state.0 > 8 ? state.1 : nil
            }
            cut?.end()
            return cut == nil ? [frame] : []
        }
        count.update { $0.1 = proxy }
        #expect(await ends.run(between: proxy).error != nil)
        await expectInStep(ends, sending: 500...40_000)
    }

    /// Parts of what the target did not say it has.
    @Test func partsNobodyOffered_breakTheProtocol() async {
        let ends = await inStep()
        let base = Monitor<Digest?>(nil)
        ends.shell("printf X >> source/large")
        let asks = FrameProxy { way, frame in
            guard way == .toNear, frame.kind == .want, var want = try? WantMessage(decoding: frame.payload) else {
                return [frame]
            }
            for index in want.items.indices where want.items[index].base != nil || base.read({ $0 }) != nil {
                want.items[index].base = base.update { known in
                    known = known ?? want.items[index].base
                    return known
                }
            }
            return [Frame(.want, want.encoded())]
        }
        #expect(await ends.run(between: asks).error == nil)
        // The target has nothing there any more, but the source is told that it has.
        ends.shell("rm target/large; printf Y >> source/large")
        let ran = await ends.run(between: asks)
        #expect(ran.error?.code == "peer.protocol", "\(String(describing: ran.error))")
        #expect(await ends.run().error == nil)
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
    }

    @Test func bothDirections() async {
        let ends = await inStep(mode: .bidi)
        ends.shell("printf X >> source/large; head -c \(Self.bytes) /dev/urandom > target/other")
        await expectInStep(ends, sending: 500...60_000)
        // The list of what came from here is at the other end, of which nothing is known there: whole, and listed from then on.
        ends.shell("printf X >> target/other; printf Y >> target/large")
        #expect(await ends.run().error == nil)
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
        ends.shell("printf X >> target/large; printf Y >> target/other")
        let ran = await ends.run()
        #expect(ran.error == nil && (ran.outcome?.bytesReceived ?? .max) < 60_000)
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
    }
}
