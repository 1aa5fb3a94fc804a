import Core

/// Where in scan order something lies: the key of a path and, in a large file, the number of the segment.
struct CachePosition: Comparable, Sendable {
    var key: [UInt8]
    var index: Int

    static let start = CachePosition(key: [], index: -1)

    static func < (a: CachePosition, b: CachePosition) -> Bool {
        let order = TreePath.compare(a.key, b.key)
        return order != 0 ? order < 0 : a.index < b.index
    }
}

/// How far each reader of one cache is. Pure: time comes in as `MonotonicClock` nanoseconds.
///
/// Readers in the shared pace protect the blocks before them that others have read already. A reader leaves it by being silent for
/// `idleNanoseconds` (and is back with its next request), or by having been waited for in vain (and is back once it has caught up).
struct CachePace: Sendable {
    private struct Reader: Sendable {
        var position = CachePosition.start
        var lastSeen: UInt64
        var isLeftBehind = false
    }

    let idleNanoseconds: UInt64
    private var readers: [Int: Reader] = [:]
    private var nextID = 0

    init(idleNanoseconds: UInt64) { self.idleNanoseconds = idleNanoseconds }

    mutating func add(now: UInt64) -> Int {
        nextID += 1
        readers[nextID] = Reader(lastSeen: now)
        return nextID
    }

    mutating func remove(_ id: Int) { readers[id] = nil }

    /// A reader asks for what lies at `position`.
    mutating func ask(_ id: Int, _ position: CachePosition, now: UInt64) {
        guard var reader = readers.removeValue(forKey: id) else { return }
        reader.position = position
        reader.lastSeen = now
        if reader.isLeftBehind { reader.isLeftBehind = slowest(now: now).map { position < $0.position } ?? false }
        readers[id] = reader
    }

    /// A reader is at work.
    mutating func see(_ id: Int, now: UInt64) { readers[id]?.lastSeen = now }

    /// The last one of those in the shared pace; nil when there is none.
    func slowest(now: UInt64) -> (id: Int, position: CachePosition)? {
        var slowest: (id: Int, position: CachePosition)?
        for (id, reader) in readers where !reader.isLeftBehind && now &- reader.lastSeen < idleNanoseconds {
            if let known = slowest, known.position <= reader.position { continue }
            slowest = (id, reader.position)
        }
        return slowest
    }

    /// Whether no reader in the shared pace is behind this one.
    func isLast(_ id: Int, now: UInt64) -> Bool {
        guard let reader = readers[id], let slowest = slowest(now: now) else { return true }
        return reader.position <= slowest.position
    }

    mutating func leaveBehind(_ id: Int) { readers[id]?.isLeftBehind = true }
}
