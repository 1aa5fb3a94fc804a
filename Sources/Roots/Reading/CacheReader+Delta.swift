import Content
import Core
import Platform

/// What large files have in common with earlier versions of them, found once for all who are sent them.
extension CacheReader {
    /// Compares a file, exactly as it was scanned, with the version whose content has the digest `base`. Reads all of it. Blocks.
    ///
    /// - Parameter isEnding: asked now and then.
    /// - Returns: nil where the chunk list of that version is not kept, or when it is to end first.
    package func delta(_ request: ReadRequest, from base: Digest, _ isEnding: () -> Bool)
        -> Result<FileDelta?, ReadFault>
    {
        guard let lists = cache.chunkLists else { return .success(nil) }
        let key = CacheReader.key([request], tag: 4, base)
        let known = cache.state.wait { state -> FileDelta?? in
            state.pace.see(id, now: MonotonicClock.now)
            if let delta = state.deltas[key] {
                state.counters.hitsCount += 1
                return delta
            }
            return state.deltas.pending.insert(key).inserted ? .some(nil) : nil
        }
        if let known { return .success(known) }
        var found: FileDelta?
        defer {
            cache.state.update { state in
                state.deltas.pending.remove(key)
                guard let found else { return }
                state.deltas.add(found, key)
                state.digests.add(found.digest, CacheReader.key([request], tag: 3))
            }
        }
        guard let earlier = lists.list(of: base) else { return .success(nil) }
        do throws(ReadFault) {
            guard let (delta, list) = try compare(request, earlier, base, isEnding) else { return .success(nil) }
            found = delta
            lists.keep(list, of: delta.digest)
            return .success(delta)
        } catch { return .failure(error) }
    }

    private func compare(_ request: ReadRequest, _ earlier: ChunkList, _ base: Digest, _ isEnding: () -> Bool)
        throws(ReadFault) -> (FileDelta, ChunkList)?
    {
        let file = try files.openExact(request)
        var maker = FileDeltaMaker(earlier, base: base)
        for index in 0..<Segment.count(ofSize: request.attributes.size) {
            if isEnding() { return nil }
            let size = Segment.size(at: index, ofSize: request.attributes.size)
            let offset = UInt64(index) * UInt64(Segment.bytes)
            if try files.isHole(file, request, at: offset, size: size) {
                maker.add(hole: size, Zeros.digest(count: size))
            } else {
                let content = UnsafeMutableRawBufferPointer(rebasing: buffer[..<size])
                try files.readExact(file, request, into: content, at: offset)
                maker.add(segment: UnsafeRawBufferPointer(content))
            }
            cache.state.read { $0.pace.see(id, now: MonotonicClock.now) }
        }
        return maker.finish()
    }

    /// Segment `index` of a file that was compared: what is new in it, and what is to be copied.
    package func segment(_ request: ReadRequest, index: Int, in delta: FileDelta) -> SegmentResult {
        let copies = delta.copies(inSegment: index, ofFileOf: request.attributes.size)
        if copies.isEmpty { return segment(request, index: index) }
        return segment(request, index, CacheReader.key([request], tag: 5 + UInt64(index) << 8, delta.base)) {
            (size) throws(ReadFault) in
            try readNew(request, index, size, copies, delta.segments[index])
        }
    }

    private func readNew(
        _ request: ReadRequest, _ index: Int, _ size: Int, _ copies: [CopiedRange], _ digest: Digest
    ) throws(ReadFault) -> SegmentContent {
        let start = UInt64(index) * UInt64(Segment.bytes)
        return try reading(request, isLast: index == Segment.count(ofSize: request.attributes.size) - 1) {
            (file) throws(ReadFault) in
            var (filled, end) = (0, UInt64(0))
            for copy in copies + [CopiedRange(offset: UInt64(size), origin: 0, count: 0)] {
                let count = Int(copy.offset - end)
                if count > 0 {
                    let part = UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<(filled + count)])
                    try files.readExact(file.descriptor, request, into: part, at: start + end)
                }
                (filled, end) = (filled + count, copy.offset + copy.count)
            }
            let (payload, isCompressed) = compress(filled, of: file)
            return SegmentContent(
                digest: digest, payload: payload, rawSize: size, isCompressed: isCompressed,
                storedBytes: file.storedBytes, copies: copies)
        }
    }
}

/// What files were compared with last, by what identifies both. What is kept of them is bounded by the number of copied ranges.
struct DeltaMemory: Sendable {
    static let rangesMax = 256 * 1024
    private var deltas: [(key: Digest, delta: FileDelta)] = []
    /// Being computed.
    var pending: Set<Digest> = []

    subscript(key: Digest) -> FileDelta? { deltas.first { $0.key == key }?.delta }

    /// The latest one is kept however large it is.
    mutating func add(_ delta: FileDelta, _ key: Digest) {
        deltas.append((key, delta))
        while deltas.count > 1, deltas.reduce(0, { $0 + $1.delta.weight }) > DeltaMemory.rangesMax {
            deltas.removeFirst()
        }
    }
}

extension FileDelta {
    fileprivate var weight: Int { copies.count + segments.count + 1 }
}
