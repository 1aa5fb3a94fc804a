import Core

/// Content that is nothing but zeros, and where in content it stands: what holes of sparse files read as.
package enum Zeros {
    /// What a hole is made of at the least; smaller runs are data.
    package static let blockBytes = 4096

    private static let buffer: [UInt8] = Array(repeating: 0, count: Segment.bytes)
    private static let ofSegment: Digest = buffer.withUnsafeBytes { Hash.digest($0) }

    /// The digest of `count` zeros, at most those of one segment.
    package static func digest(count: Int) -> Digest {
        precondition(count <= Segment.bytes, "more than a segment")
        return count == Segment.bytes
            ? ofSegment : buffer.withUnsafeBytes { Hash.digest(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }

    /// The runs of `bytes` that are not zeros in whole blocks, in order.
    ///
    /// - Parameter offset: of `bytes` in the file: blocks count from the file's beginning.
    package static func dataRanges(of bytes: UnsafeRawBufferPointer, at offset: UInt64) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var start = 0
        while start < bytes.count {
            let room = blockBytes - Int((offset + UInt64(start)) % UInt64(blockBytes))
            let end = min(start + room, bytes.count)
            if room < blockBytes || !isZero(UnsafeRawBufferPointer(rebasing: bytes[start..<end])) {
                if let last = ranges.last, last.upperBound == start {
                    ranges[ranges.count - 1] = last.lowerBound..<end
                } else {
                    ranges.append(start..<end)
                }
            }
            start = end
        }
        return ranges
    }

    private static func isZero(_ block: UnsafeRawBufferPointer) -> Bool {
        let wordsEnd = block.count & ~7
        for index in stride(from: 0, to: wordsEnd, by: 8)
        where block.loadUnaligned(fromByteOffset: index, as: UInt64.self) != 0 { return false }
        return block[wordsEnd...].allSatisfy { $0 == 0 }
    }
}
