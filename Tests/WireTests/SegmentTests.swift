import Core
import Testing

@testable import Wire

/// Pieces of large files, and how they are asked for.
@Suite struct SegmentTests {
    private static let file = Attributes(
        kind: .file, mode: 0o644, size: 1_300_000, mtime: Timestamp(seconds: 7, nanoseconds: 9))

    private func segment(
        _ ordinal: Int = 1, copies: [CopiedRange] = [], isCompressed: Bool = false, isHole: Bool = false, body: Int
    ) -> SegmentMessage {
        SegmentMessage(
            index: 5, ordinal: ordinal, attributes: Self.file, digest: Digest(high: 1, low: 2),
            isCompressed: isCompressed, isHole: isHole, storedBytes: 4096, copies: copies,
            body: ArraySlice(repeating: 0xAB, count: body))
    }

    private static let copies = [
        CopiedRange(offset: 0, origin: 524_288, count: 100_000),
        CopiedRange(offset: 100_001, origin: 0, count: 4_096),
        CopiedRange(offset: 104_097, origin: 1 << 59, count: 420_191),
    ]

    @Test func segments_comeBackAsSent() throws {
        let sent = [
            segment(0, body: 524_288), segment(2, body: 1_300_000 - 2 * 524_288), segment(isCompressed: true, body: 77),
            segment(isHole: true, body: 0), segment(copies: Self.copies, body: 1),
            segment(copies: Self.copies, isCompressed: true, body: 9),
            segment(copies: [CopiedRange(offset: 0, origin: 3, count: 524_288)], body: 0),
        ]
        for message in sent {
            let back = try SegmentMessage(decoding: message.encoded())
            #expect(back.index == message.index && back.ordinal == message.ordinal && back.body == message.body)
            #expect(back.attributes == message.attributes && back.digest == message.digest)
            #expect(back.isCompressed == message.isCompressed && back.isHole == message.isHole)
            #expect(back.copies == message.copies && back.storedBytes == message.storedBytes)
            #expect(back.newBytes == message.rawBytes - Int(message.copies.bytes))
        }
    }

    /// Copies that lap over, are empty, go on beyond the segment or begin where no file has a byte, and bodies of other lengths.
    @Test func copiesThatCannotBe_areRefused() {
        func copy(_ offset: UInt64, _ origin: UInt64, _ count: UInt64) -> CopiedRange {
            CopiedRange(offset: offset, origin: origin, count: count)
        }
        let odd: [(copies: [CopiedRange], body: Int)] = [
            ([copy(0, 0, 0)], 524_288), ([copy(0, 0, 524_289)], 0), ([copy(524_288, 0, 1)], 524_288),
            ([copy(5, 1 << 61, 1)], 524_287), ([copy(0, .max, 10)], 524_278), ([copy(0, 0, 10)], 524_279),
            ([copy(0, 0, 10)], 524_277),
        ]
        for (copies, body) in odd {
            var message = segment(body: 0)
            (message.copies, message.body) = (copies, ArraySlice(repeating: 1, count: body))
            #expect(throws: WireFault.self) { try SegmentMessage(decoding: message.encoded()) }
        }
        var bytes = segment(copies: [copy(0, 0, 524_288)], body: 0).encoded()
        #expect(bytes.removeLast() < 128)
        #expect(throws: WireFault.self) { try SegmentMessage(decoding: bytes) }
    }

    @Test func wants_comeBackAsSent() throws {
        let received = WantMessage.Received(segments: 9, digest: Digest(high: 3, low: 4))
        let base = Digest(high: 5, low: 6)
        let items: [WantMessage.Item] = [
            .init(index: 1, has: nil), .init(index: 2, has: base, base: base),
            .init(index: 3, has: nil, received: received),
            .init(index: 4, has: nil, received: received, base: base), .init(index: 5, has: nil, isComparison: true),
            .init(index: 6, has: nil, isAgain: true),
        ]
        let back = try WantMessage(decoding: WantMessage(decidedBefore: 7, items: items).encoded())
        #expect(back.items == items && back.decidedBefore == 7)
    }

    @Test(arguments: [UInt8(3), 5, 9, 10, 12, 16, 255]) func kindsThatAreNone_areRefused(_ kind: UInt8) {
        var bytes = WantMessage(decidedBefore: 1, items: [.init(index: 0, has: nil)]).encoded()
        bytes[bytes.count - 1] = kind
        #expect(throws: WireFault.self) { try WantMessage(decoding: bytes + [UInt8](repeating: 0, count: 40)) }
    }

    @Test func damage_isAFaultOrAValue() {
        var random = SeededGenerator(seed: 20_261_201)
        let whole = segment(copies: Self.copies, isCompressed: true, body: 40).encoded()
        for _ in 0..<4000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            guard let back = try? SegmentMessage(decoding: bytes) else { continue }
            #expect(back.newBytes >= 0 && back.copies.allSatisfy { $0.count > 0 && $0.origin <= 1 << 60 })
        }
    }
}
