import Core

/// What a file has in common with an earlier version of it, and what it is. Computed once, whoever it is sent to.
package struct FileDelta: Sendable {
    /// Of the earlier version.
    package let base: Digest
    /// Of the file.
    package let digest: Digest
    /// Of its segments, in order.
    package let segments: [Digest]
    /// Rising and apart; what is not in them is new.
    package let copies: [CopiedRange]

    /// The copied ranges of one segment, cut to it, with offsets from its beginning.
    package func copies(inSegment index: Int, ofFileOf size: UInt64) -> [CopiedRange] {
        let start = UInt64(index) * UInt64(Segment.bytes)
        let end = start + UInt64(Segment.size(at: index, ofSize: size))
        var found: [CopiedRange] = []
        var next = copies.partitioningIndex { $0.offset + $0.count > start }
        while next < copies.count, copies[next].offset < end {
            let copy = copies[next]
            let (from, to) = (max(copy.offset, start), min(copy.offset + copy.count, end))
            found.append(
                CopiedRange(offset: from - start, origin: copy.origin + (from - copy.offset), count: to - from))
            next += 1
        }
        return found
    }
}

/// Compares a file with the chunk list of an earlier version while it is read, segment by segment and in order.
package struct FileDeltaMaker {
    private let base: Digest
    private let earlier: ChunkIndex
    private var maker: ChunkListMaker
    private var compared = 0
    /// Where the last chunk was found in the earlier list.
    private var lastPlace: Int?
    private var copies: [CopiedRange] = []
    private var segments: [Digest] = []

    package init(_ earlier: ChunkList, base: Digest) {
        self.base = base
        self.earlier = ChunkIndex(earlier)
        maker = ChunkListMaker(earlier.sizes)
    }

    package mutating func add(_ segment: RawSegment) {
        segments.append(segment.digest)
        maker.add(segment)
        compare()
    }

    /// Looks up the chunks that are complete by now.
    private mutating func compare() {
        for chunk in maker.list.chunks[compared...] {
            compared += 1
            lastPlace = earlier.place(of: chunk, preferring: lastPlace.map { $0 + 1 })
            guard let lastPlace else { continue }
            let origin = earlier.chunks[lastPlace].offset
            if let last = copies.last, last.offset + last.count == chunk.offset, last.origin + last.count == origin {
                copies[copies.count - 1].count += UInt64(chunk.length)
            } else {
                copies.append(CopiedRange(offset: chunk.offset, origin: origin, count: UInt64(chunk.length)))
            }
        }
    }

    /// What was found, and the chunk list of the file itself.
    package mutating func finish() -> (delta: FileDelta, list: ChunkList) {
        let list = maker.finish()
        compare()
        let digest = ContentDigest.joining(segments)
        return (FileDelta(base: base, digest: digest, segments: segments, copies: copies), list)
    }
}

extension [CopiedRange] {
    /// The first of them from which on `isBehind` holds; they are sorted by it.
    fileprivate func partitioningIndex(where isBehind: (CopiedRange) -> Bool) -> Int {
        var (start, end) = (0, count)
        while start < end {
            let middle = (start + end) / 2
            if isBehind(self[middle]) { end = middle } else { start = middle + 1 }
        }
        return start
    }
}
