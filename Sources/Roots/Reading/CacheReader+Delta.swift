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
        if let known = known(key, in: \.deltas) { return .success(known) }
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
        var maker = FileDeltaMaker(earlier, base: base)
        let count = Segment.count(ofSize: request.attributes.size)
        return try readSegments(request, count: count, isEnding) { maker.add($0) } ? maker.finish() : nil
    }

    /// Segment `index` of a file: where it was compared, what is new in it, and what is to be copied.
    package func segment(_ request: ReadRequest, index: Int, in delta: FileDelta?) -> SegmentResult {
        guard let delta else { return segment(request, index: index) }
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
struct DeltaMemory: DigestKeyed {
    static let rangesMax = 256 * 1024
    private var deltas: [(key: Digest, delta: FileDelta)] = []
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
