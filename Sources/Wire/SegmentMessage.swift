import Core

/// `segment`: one piece of a file larger than `ContentMessage.rawBytesMax`; pieces come in order, all but the last of that size.
package struct SegmentMessage: Sendable {
    package var index: Int
    package var ordinal: Int
    /// What the file is; the same in all its segments. The digest is of this segment's raw bytes.
    package var attributes: Attributes
    package var digest: Digest
    package var isCompressed: Bool
    /// Nothing but zeros, which are not in the body.
    package var isHole: Bool
    /// What the whole file takes on the disk at the source, at most its size: less where it has holes.
    package var storedBytes: UInt64
    /// What is to be copied from the file that the target said it has; rising and apart, offsets from the segment's beginning. The body
    /// is what lies between.
    package var copies: [CopiedRange]
    package var body: ArraySlice<UInt8>

    package init(
        index: Int, ordinal: Int, attributes: Attributes, digest: Digest, isCompressed: Bool, isHole: Bool = false,
        storedBytes: UInt64? = nil, copies: [CopiedRange] = [], body: ArraySlice<UInt8>
    ) {
        self.copies = copies
        self.isHole = isHole
        self.storedBytes = storedBytes ?? attributes.size
        self.index = index
        self.ordinal = ordinal
        self.attributes = attributes
        self.digest = digest
        self.isCompressed = isCompressed
        self.body = body
    }

    /// How many segments a file of `size` bytes has.
    package static func count(for size: UInt64) -> Int {
        Int((size + UInt64(ContentMessage.rawBytesMax) - 1) / UInt64(ContentMessage.rawBytesMax))
    }

    /// Raw bytes of segment `ordinal` of a file of `size` bytes.
    package static func rawBytes(_ ordinal: Int, of size: UInt64) -> Int {
        Int(min(UInt64(ContentMessage.rawBytesMax), size - UInt64(ordinal) * UInt64(ContentMessage.rawBytesMax)))
    }

    package var rawBytes: Int { SegmentMessage.rawBytes(ordinal, of: attributes.size) }
    /// Of the body, once it is expanded.
    package var newBytes: Int { rawBytes - Int(copies.bytes) }
    package var isLast: Bool { ordinal == SegmentMessage.count(for: attributes.size) - 1 }

    package func encoded() -> [UInt8] {
        var out = ByteWriter(reserving: 96 + body.count)
        SentFile(index: index, attributes: attributes, digest: digest).put(to: &out)
        out.put(ordinal)
        out.put(unsigned: storedBytes)
        switch (copies.isEmpty, isHole) {
        case (false, _): out.put(isCompressed ? SegmentMessage.composedCompressedTag : SegmentMessage.composedTag)
        case (_, true): out.put(SegmentMessage.holeTag)
        case (_, false): out.put(isCompressed ? 1 : 0)
        }
        if !copies.isEmpty { put(copiesTo: &out) }
        out.put(raw: body)
        return out.bytes
    }

    /// Each copy by what lies before it, and by how far its origin is from where the one before would go on.
    private func put(copiesTo out: inout ByteWriter) {
        out.put(copies.count)
        var (end, origin) = (UInt64(0), UInt64(ordinal) * UInt64(ContentMessage.rawBytesMax))
        for copy in copies {
            out.put(unsigned: copy.offset - end)
            out.put(unsigned: copy.count)
            out.put(signed: Int64(bitPattern: copy.origin &- (origin &+ copy.offset &- end)))
            (end, origin) = (copy.offset + copy.count, copy.origin &+ copy.count)
        }
    }

    private static let holeTag: UInt8 = 2
    private static let composedTag: UInt8 = 3
    private static let composedCompressedTag: UInt8 = 4

    package init(decoding payload: [UInt8]) throws(WireFault) {
        var input = ByteReader(payload)
        let file = try SentFile(from: &input)
        (index, attributes, digest) = (file.index, file.attributes, file.digest)
        guard attributes.size > 0 else { throw WireFault("a segment of an empty file") }
        ordinal = try input.int(atMost: SegmentMessage.count(for: attributes.size) - 1, "segment")
        storedBytes = try input.unsigned(atMost: attributes.size, "bytes on the disk")
        let form = try input.byte()
        guard form <= SegmentMessage.composedCompressedTag else { throw WireFault("segment of form \(form)") }
        isCompressed = form == 1 || form == SegmentMessage.composedCompressedTag
        isHole = form == SegmentMessage.holeTag
        (copies, body) = ([], [])
        if form >= SegmentMessage.composedTag { copies = try decodedCopies(&input) }
        body = try input.raw(input.remaining)
        if isHole && !body.isEmpty { throw WireFault("a hole with content") }
        if !isHole && !isCompressed && body.count != newBytes {
            throw WireFault("a segment of \(body.count) bytes, \(newBytes) announced")
        }
    }

    private func decodedCopies(_ input: inout ByteReader) throws(WireFault) -> [CopiedRange] {
        let size = UInt64(rawBytes)
        var copies: [CopiedRange] = []
        var (end, origin) = (UInt64(0), UInt64(ordinal) * UInt64(ContentMessage.rawBytesMax))
        let count = try input.int(atMost: Int(size), "number of copies")
        if count == 0 { throw WireFault("a segment of copies without any") }
        for _ in 0..<count {
            let gap = try input.unsigned(atMost: size - end, "bytes before a copy")
            let bytes = try input.unsigned(atMost: size - end - gap, "bytes of a copy")
            if bytes == 0 { throw WireFault("an empty copy") }
            let from = origin &+ gap &+ UInt64(bitPattern: try input.signed())
            guard from <= SegmentMessage.originMax else { throw WireFault("a copy from beyond the end") }
            copies.append(CopiedRange(offset: end + gap, origin: from, count: bytes))
            (end, origin) = (end + gap + bytes, from + bytes)
        }
        return copies
    }

    private static let originMax: UInt64 = 1 << 60
}
