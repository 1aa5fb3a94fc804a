import Core

/// A part of a file's content: what is read, digested, compressed and sent as one.
package enum Segment {
    /// The size of every segment of a file but the last. Part of the format: digests depend on it.
    package static let bytes = 512 * 1024

    /// How many segments content of `size` bytes has; an empty file has none.
    package static func count(ofSize size: UInt64) -> Int { Int((size + UInt64(bytes) - 1) / UInt64(bytes)) }

    /// The bytes of segment `index` of content of `size` bytes; 0 beyond the end.
    package static func size(at index: Int, ofSize size: UInt64) -> Int {
        let (start, overflow) = UInt64(index).multipliedReportingOverflow(by: UInt64(bytes))
        return overflow || start >= size ? 0 : Int(min(size - start, UInt64(bytes)))
    }
}

/// What one segment of a file reads as. The bytes are lent by who read it.
package enum RawSegment {
    case bytes(UnsafeRawBufferPointer)
    /// So many zeros for which the file system keeps nothing.
    case hole(Int)

    package var digest: Digest {
        switch self {
        case .bytes(let bytes): Hash.digest(bytes)
        case .hole(let count): Zeros.digest(count: count)
        }
    }
}

/// The digest of a file's content, computed from the digests of its segments, so that neither end reads a large file twice.
///
/// Content of at most one segment: XXH3-128 of it. Larger content: XXH3-128 over the concatenation of the 16-byte digests
/// (`high` then `low`, big-endian) of its segments in order. Add every segment in order; not for several threads at once.
package struct ContentDigest: ~Copyable {
    private var first: Digest?
    private var rest: DigestStream?

    package init() {}

    /// Adds the digest of the next segment; every one but the last must be of a full segment.
    package mutating func add(segment digest: Digest) {
        guard let earlier = first else {
            first = digest
            return
        }
        var stream = rest.take() ?? ContentDigest.stream(beginningWith: earlier)
        ContentDigest.append(digest, to: &stream)
        rest = consume stream
    }

    /// The digest of what was added; that of empty content when nothing was.
    package func finish() -> Digest {
        switch rest {
        case .some(let stream): stream.finish()
        case .none: first ?? Hash.digest(UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }

    /// The digest of content that is in memory as a whole.
    package static func of(_ content: UnsafeRawBufferPointer) -> Digest {
        if content.count <= Segment.bytes { return Hash.digest(content) }
        var digest = ContentDigest()
        for start in stride(from: 0, to: content.count, by: Segment.bytes) {
            let end = min(start + Segment.bytes, content.count)
            digest.add(segment: Hash.digest(UnsafeRawBufferPointer(rebasing: content[start..<end])))
        }
        return digest.finish()
    }

    /// The digest of a whole file from those of its segments, in order.
    package static func joining(_ segments: [Digest]) -> Digest {
        var whole = ContentDigest()
        for segment in segments { whole.add(segment: segment) }
        return whole.finish()
    }

    package static func of(_ content: [UInt8]) -> Digest { content.withUnsafeBytes { of($0) } }

    private static func stream(beginningWith digest: Digest) -> DigestStream {
        var stream = DigestStream()
        append(digest, to: &stream)
        return stream
    }

    private static func append(_ digest: Digest, to stream: inout DigestStream) {
        withUnsafeBytes(of: (digest.high.bigEndian, digest.low.bigEndian)) { stream.update($0) }
    }
}
