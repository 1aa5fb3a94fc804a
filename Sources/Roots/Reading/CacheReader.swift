import Content
import Core
import Glibc
import Platform

/// One session's access to a `ContentCache`. Its requests should come in scan order: they tell how far the session is.
///
/// Not for several threads at once; calls block while content is read, while another reader reads the same, and at most
/// as long as the cache's pace says for room. Holds at most 1 MiB and the descriptors of a `TreeCursor`.
package final class CacheReader {
    private static let incompressibleCountMax = 4
    private static let probeBytes = 16 * 1024

    let cache: ContentCache
    let id: Int
    let files: FileReading
    private let compressor = Compressor(level: 1)
    private var raw: UnsafeMutableRawBufferPointer?
    private var compressed: UnsafeMutableRawBufferPointer?
    private var isClosed = false

    init(_ cache: ContentCache, id: Int) {
        self.cache = cache
        self.id = id
        files = FileReading(cursor: TreeCursor(root: cache.root.raw), cache: cache)
    }

    deinit {
        close()
        raw?.deallocate()
        compressed?.deallocate()
    }

    /// Takes the reader out of the shared pace for good.
    package func close() {
        if !isClosed { cache.removeReader(id) }
        isClosed = true
    }

    /// The content of small files in one block: at most `Pack.membersMax` of them, together at most `Pack.bytesMax` by their requests.
    ///
    /// A file that changed since the scan comes in its newest state; one that fails does not fail the others.
    package func pack(_ requests: [ReadRequest]) -> Pack {
        precondition(requests.count <= Pack.membersMax && requests.totalSize <= Pack.bytesMax, "too much for one pack")
        guard let last = requests.last else {
            return Pack(members: [], payload: [], rawSize: 0, isCompressed: false)
        }
        let key = CacheReader.key(requests, tag: 1)
        let position = CachePosition(key: last.path.key, index: 0)
        if case .pack(let pack) = cache.begin(key, position, id) { return pack }
        let room = 2 * Pack.bytesMax + requests.count * CachedBlock.memberBytes + 1024
        cache.takeRoom(room, id)
        let pack = readPack(requests)
        cache.finish(key, position, id, reserved: room, .pack(pack))
        return pack
    }

    /// Segment `index` of a file of more than `Pack.bytesMax` bytes, exactly as it was scanned; `changed` when it is not so any more.
    package func segment(_ request: ReadRequest, index: Int) -> SegmentResult {
        segment(request, index, CacheReader.key([request], tag: 2 + UInt64(index) << 8)) {
            (size) throws(ReadFault) in
            try readSegment(request, index, size)
        }
    }

    /// The block under `key`: what `read` makes of a segment of so many bytes, where nobody has yet.
    func segment(
        _ request: ReadRequest, _ index: Int, _ key: Digest, _ read: (Int) throws(ReadFault) -> SegmentContent
    ) -> SegmentResult {
        let size = Segment.size(at: index, ofSize: request.attributes.size)
        precondition(size > 0, "beyond the end of the file")
        let position = CachePosition(key: request.path.key, index: index)
        if case .segment(let segment) = cache.begin(key, position, id) { return .success(segment) }
        let room = 2 * size + 1024
        cache.takeRoom(room, id)
        var segment: SegmentContent?
        defer { cache.finish(key, position, id, reserved: room, segment.map { .segment($0) }) }
        do throws(ReadFault) {
            let made = try read(size)
            segment = made
            return .success(made)
        } catch { return .failure(error) }
    }

    /// The digest of a whole file, exactly as it was scanned. Remembered by its identity; computed once for all who ask meanwhile.
    package func digest(_ request: ReadRequest) -> Result<Digest, ReadFault> {
        if let foreseen = cache.prediction.entry(at: request.path, request.identity) {
            if let digest = foreseen.digest { return .success(digest) }
            guard let standing = foreseen.standing else { return .failure(.foreseen) }
            return digest(ReadRequest(path: request.path, attributes: request.attributes, identity: standing))
        }
        let key = CacheReader.key([request], tag: 3)
        if let known = known(key, in: \.digests) { return .success(known) }
        let outcome = readDigest(request)
        cache.state.update { state in
            state.digests.pending.remove(key)
            if case .success(let digest) = outcome { state.digests.add(digest, key) }
        }
        return outcome
    }

    /// What is remembered under `key`, or comes to be while another reader is at it; nil where this reader is to find it out, and to take
    /// the key from those that are pending then.
    func known<Memory: DigestKeyed>(_ key: Digest, in memory: WritableKeyPath<ContentCache.State, Memory>)
        -> Memory.Value?
    {
        cache.state.wait { state -> Memory.Value?? in
            state.pace.see(id, now: MonotonicClock.now)
            if let value = state[keyPath: memory][key] {
                state.counters.hitsCount += 1
                return value
            }
            return state[keyPath: memory].pending.insert(key).inserted ? .some(nil) : nil
        }
    }

    /// Whether a file could be read exactly as it was scanned; its digest where that is asked for or known. Reads nothing otherwise.
    package func promise(_ request: ReadRequest, withDigest: Bool) -> Result<Digest?, ReadFault> {
        if let foreseen = cache.prediction.entry(at: request.path, request.identity) {
            if foreseen.digest == nil && foreseen.standing != nil && withDigest { return digest(request).map { $0 } }
            return .success(foreseen.digest)
        }
        if withDigest { return digest(request).map { $0 } }
        return open(request).map { _ in nil }
    }

    /// A large file, open and exactly as it was scanned, for who takes its content another way.
    package func open(_ request: ReadRequest) -> Result<Descriptor, ReadFault> {
        do throws(ReadFault) { return .success(try files.openExact(request)) } catch { return .failure(error) }
    }

    /// The target of a symlink, at most 4 095 bytes. EINVAL when it is none any more.
    package func readLink(_ path: TreePath) throws(SystemError) -> [UInt8] {
        if let foreseen = cache.prediction.link(at: path) { return foreseen }
        let cursor = files.cursor
        func read() throws(SystemError) -> [UInt8] {
            try cursor.withName(path) { directory, name throws(SystemError) in
                try Platform.readLink(at: directory, name)
            }
        }
        do throws(SystemError) { return try read() } catch {
            guard error.isMissing else { throw error }
            cursor.invalidate()
            return try read()
        }
    }

    /// The digests of the first `count` segments of a file, exactly as it was scanned. Reads them.
    package func segmentDigests(_ request: ReadRequest, count: Int) -> Result<[Digest], ReadFault> {
        var digests: [Digest] = []
        do throws(ReadFault) {
            _ = try readSegments(request, count: count, { false }) { digests.append($0.digest) }
            return .success(digests)
        } catch { return .failure(error) }
    }

    // MARK: reading

    var buffer: UnsafeMutableRawBufferPointer { CacheReader.made(&raw) }

    private static func made(_ buffer: inout UnsafeMutableRawBufferPointer?) -> UnsafeMutableRawBufferPointer {
        if let buffer { return buffer }
        let made = UnsafeMutableRawBufferPointer.allocate(byteCount: Segment.bytes, alignment: 4096)
        buffer = made
        return made
    }

    /// Members that look like noise lie behind all others: the compressor takes a mixture of both for the half that it is, and is slow on it.
    private func readPack(_ requests: [ReadRequest]) -> Pack {
        var layout = PackLayout(buffer)
        var promised = requests.totalSize
        var members: [Pack.Member] = []
        members.reserveCapacity(requests.count)
        var digests: [(Digest, Digest)] = []
        for request in requests {
            promised -= Int(request.attributes.size)
            switch files.readWhole(request.path, into: layout.room(leaving: promised)) {
            case .failure(let fault): members.append(.failed(fault))
            case .success(let status):
                let size = Int(status.size)
                let (digest, offset) = layout.add(size)
                members.append(
                    .read(
                        attributes: status.attributes, identity: status.identity, digest: digest, offset: offset,
                        size: size))
                let newest = ReadRequest(
                    path: request.path, attributes: status.attributes, identity: status.identity)
                digests.append((CacheReader.key([newest], tag: 3), digest))
            }
        }
        cache.state.read { state in for (key, digest) in digests { state.digests.add(digest, key) } }
        let filled = layout.close(&members)
        let (payload, isCompressed) = compress(filled)
        return Pack(members: members, payload: payload, rawSize: filled, isCompressed: isCompressed)
    }

    private func readSegment(_ request: ReadRequest, _ index: Int, _ size: Int) throws(ReadFault) -> SegmentContent {
        let isLast = index == Segment.count(ofSize: request.attributes.size) - 1
        return try reading(request, isLast: isLast) { (file) throws(ReadFault) in
            let raw = try read(file.descriptor, request, index)
            let digest = raw.digest
            if let whole = file.chunks?.add(raw, digest, at: index, isLast: isLast) {
                cache.chunkLists?.keep(whole.list, of: whole.content)
            }
            if case .hole = raw {
                return SegmentContent(
                    digest: digest, payload: [], rawSize: size, isCompressed: false, isHole: true,
                    storedBytes: file.storedBytes)
            }
            let (payload, isCompressed) = compress(size, of: file)
            return SegmentContent(
                digest: digest, payload: payload, rawSize: size, isCompressed: isCompressed,
                storedBytes: file.storedBytes)
        }
    }

    /// Runs `body` with a large file that stays open until its last segment was read, or a fault.
    func reading(
        _ request: ReadRequest, isLast: Bool, _ body: (OpenFile) throws(ReadFault) -> SegmentContent
    ) throws(ReadFault) -> SegmentContent {
        let key = CacheReader.key([request], tag: 2)
        let file = try open(request, key)
        do throws(ReadFault) {
            let segment = try body(file)
            if isLast { forget(key) }
            return segment
        } catch {
            forget(key)
            throw error
        }
    }

    private func readDigest(_ request: ReadRequest) -> Result<Digest, ReadFault> {
        segmentDigests(request, count: Segment.count(ofSize: request.attributes.size)).map(ContentDigest.joining)
    }

    /// Reads the first `count` segments of a file, exactly as it was scanned, in order. What `body` gets is valid during the call.
    ///
    /// - Parameter isEnding: asked before each; false comes back when it says so.
    func readSegments(
        _ request: ReadRequest, count: Int, _ isEnding: () -> Bool, _ body: (RawSegment) -> Void
    ) throws(ReadFault) -> Bool {
        let file = try files.openExact(request)
        for index in 0..<count {
            if isEnding() { return false }
            body(try read(file, request, index))
            cache.state.read { $0.pace.see(id, now: MonotonicClock.now) }
        }
        return true
    }

    /// One segment, in the buffer until the next is read.
    private func read(_ file: Descriptor, _ request: ReadRequest, _ index: Int) throws(ReadFault) -> RawSegment {
        let size = Segment.size(at: index, ofSize: request.attributes.size)
        let offset = UInt64(index) * UInt64(Segment.bytes)
        if try files.isHole(file, request, at: offset, size: size) { return .hole(size) }
        let content = UnsafeMutableRawBufferPointer(rebasing: buffer[..<size])
        try files.readExact(file, request, into: content, at: offset)
        return .bytes(UnsafeRawBufferPointer(content))
    }

    /// A large file stays open between its segments, for all readers.
    private func open(_ request: ReadRequest, _ key: Digest) throws(ReadFault) -> OpenFile {
        if let open = cache.state.read({ $0.files.find(key) }) { return open }
        let isListed = cache.chunkLists != nil
        let opened = OpenFile(try files.openExact(request), size: request.attributes.size, isListed: isListed)
        let gone = cache.state.read { $0.files.add(opened, key) }
        withExtendedLifetime(gone) {}
        return opened
    }

    private func forget(_ key: Digest) {
        let gone = cache.state.read { $0.files.remove(key) }
        withExtendedLifetime(gone) {}
    }

    // MARK: compression

    /// The first `size` bytes of the buffer as they should travel. In a file that does not compress only a probe is tried.
    func compress(_ size: Int, of file: OpenFile? = nil) -> (payload: [UInt8], isCompressed: Bool) {
        let content = UnsafeRawBufferPointer(rebasing: buffer[..<size])
        let isWorthIt = file.map { isWorthCompressing(content, $0) } ?? true
        if isWorthIt, let compressed = compress(content) {
            file?.incompressibleCount.store(0, ordering: .relaxed)
            return (Array(compressed), true)
        }
        file?.incompressibleCount.add(1, ordering: .relaxed)
        return (Array(content), false)
    }

    private func isWorthCompressing(_ content: UnsafeRawBufferPointer, _ file: OpenFile) -> Bool {
        if file.incompressibleCount.load(ordering: .relaxed) < CacheReader.incompressibleCountMax { return true }
        let start = max(0, content.count / 2 - CacheReader.probeBytes / 2)
        let probe = content.dropFirst(start).prefix(CacheReader.probeBytes)
        return compress(UnsafeRawBufferPointer(rebasing: probe)) != nil
    }

    /// Nil where it is not worth it; else valid until the next call.
    private func compress(_ content: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        cache.count { $0.bytesCompressed += content.count }
        let output = CacheReader.made(&compressed)
        return compressor.compress(content, into: output).map { UnsafeRawBufferPointer(rebasing: output[..<$0]) }
    }

    static func key(_ requests: [ReadRequest], tag: UInt64, _ base: Digest? = nil) -> Digest {
        var stream = DigestStream()
        withUnsafeBytes(of: tag) { stream.update($0) }
        if let base { withUnsafeBytes(of: (base.high, base.low)) { stream.update($0) } }
        for request in requests { request.add(to: &stream) }
        return stream.finish()
    }
}

extension [ReadRequest] {
    fileprivate var totalSize: Int { reduce(0) { $0 + Int($1.attributes.size) } }
}
