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
    package var body: ArraySlice<UInt8>

    package init(
        index: Int, ordinal: Int, attributes: Attributes, digest: Digest, isCompressed: Bool, isHole: Bool = false,
        storedBytes: UInt64? = nil, body: ArraySlice<UInt8>
    ) {
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
    package var isLast: Bool { ordinal == SegmentMessage.count(for: attributes.size) - 1 }

    package func encoded() -> [UInt8] {
        var out = ByteWriter(reserving: 96 + body.count)
        SentFile(index: index, attributes: attributes, digest: digest).put(to: &out)
        out.put(ordinal)
        out.put(unsigned: storedBytes)
        out.put(isHole ? SegmentMessage.holeTag : isCompressed ? 1 : 0)
        out.put(raw: body)
        return out.bytes
    }

    private static let holeTag: UInt8 = 2

    package init(decoding payload: [UInt8]) throws(WireFault) {
        var input = ByteReader(payload)
        let file = try SentFile(from: &input)
        (index, attributes, digest) = (file.index, file.attributes, file.digest)
        guard attributes.size > 0 else { throw WireFault("a segment of an empty file") }
        ordinal = try input.int(atMost: SegmentMessage.count(for: attributes.size) - 1, "segment")
        storedBytes = try input.unsigned(atMost: attributes.size, "bytes on the disk")
        let form = try input.byte()
        guard form <= SegmentMessage.holeTag else { throw WireFault("segment of form \(form)") }
        (isCompressed, isHole) = (form == 1, form == SegmentMessage.holeTag)
        body = try input.raw(input.remaining)
        if isHole && !body.isEmpty { throw WireFault("a hole with content") }
        if !isHole && !isCompressed && body.count != rawBytes {
            throw WireFault("a segment of \(body.count) bytes, \(rawBytes) announced")
        }
    }
}
