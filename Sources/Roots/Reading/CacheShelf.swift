import Core

/// A finished piece of content.
enum CachedBlock: Sendable {
    case pack(Pack)
    case segment(SegmentContent)

    /// What keeping it costs.
    var heldBytes: Int {
        switch self {
        case .pack(let pack): pack.payload.count + CachedBlock.memberBytes * pack.members.count + 1024
        case .segment(let segment): segment.payload.count + CachedBlock.copyBytes * segment.copies.count + 1024
        }
    }

    static let memberBytes = MemoryLayout<Pack.Member>.stride
    static let copyBytes = MemoryLayout<CopiedRange>.stride
}

/// The blocks of a cache and the room they take. `heldBytes` never passes `bytesMax`. Pure.
struct CacheShelf: Sendable {
    private enum Slot: Sendable {
        case reading
        case ready(CachedBlock, bytes: Int)
    }

    let bytesMax: Int
    private(set) var heldBytes = 0
    private(set) var heldBytesPeak = 0
    private var slots: [Digest: Slot] = [:]
    /// Finished blocks by position, the first in scan order first.
    private var order: [(position: CachePosition, key: Digest)] = []

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    enum Lookup {
        case ready(CachedBlock)
        case beingRead
        case absent
    }

    func lookup(_ key: Digest) -> Lookup {
        switch slots[key] {
        case .ready(let block, _): .ready(block)
        case .reading: .beingRead
        case nil: .absent
        }
    }

    mutating func begin(_ key: Digest) { slots[key] = .reading }

    /// Ends a read for which `reserved` bytes were taken. A failed one leaves nothing behind: who waits reads for itself.
    mutating func finish(_ key: Digest, _ position: CachePosition, reserved: Int, _ block: CachedBlock?) {
        heldBytes -= reserved
        guard let block, block.heldBytes <= reserved else {
            slots[key] = nil
            return
        }
        slots[key] = .ready(block, bytes: block.heldBytes)
        heldBytes += block.heldBytes
        order.insert((position, key), at: firstIndex(after: position))
    }

    /// Takes room if there is enough.
    mutating func take(_ bytes: Int) -> Bool {
        if heldBytes + bytes > bytesMax { return false }
        heldBytes += bytes
        heldBytesPeak = max(heldBytesPeak, heldBytes)
        return true
    }

    var firstPosition: CachePosition? { order.first?.position }

    /// Drops the first finished block in scan order; false when there is none.
    mutating func evictFirst() -> Bool {
        if order.isEmpty { return false }
        drop(order.removeFirst().key)
        return true
    }

    /// Drops the last one.
    mutating func evictLast() -> Bool {
        guard let last = order.popLast() else { return false }
        drop(last.key)
        return true
    }

    private mutating func drop(_ key: Digest) {
        guard case .ready(_, let bytes) = slots.removeValue(forKey: key) else { return }
        heldBytes -= bytes
    }

    private func firstIndex(after position: CachePosition) -> Int {
        var (low, high) = (0, order.count)
        while low < high {
            let middle = (low + high) / 2
            if position < order[middle].position { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
