import Glibc

/// The bytes of a bounded queue between one producer and one consumer; how much is filled stands in a `RingPosition`.
///
/// The copying happens outside any lock: the producer touches only free bytes, the consumer only filled ones.
final class ByteRing: @unchecked Sendable {
    // SAFETY: the two sides work on disjoint bytes, told apart by a `RingPosition` that only changes inside the owner's monitor.
    private let storage: UnsafeMutableRawBufferPointer

    /// - Parameter capacity: bytes, a power of two.
    init(capacity: Int) { storage = .allocate(byteCount: capacity, alignment: 64) }

    deinit { storage.deallocate() }

    /// The filled bytes from the front up to the end of the storage.
    func front(_ position: RingPosition) -> UnsafeRawBufferPointer {
        let start = Int(position.consumed % UInt64(storage.count))
        let count = min(position.filled, storage.count - start)
        return UnsafeRawBufferPointer(rebasing: storage[start..<start + count])
    }

    /// The free bytes from the back up to the end of the storage.
    func back(_ position: RingPosition) -> UnsafeMutableRawBufferPointer {
        let start = Int(position.produced % UInt64(storage.count))
        let count = min(position.free, storage.count - start)
        return UnsafeMutableRawBufferPointer(rebasing: storage[start..<start + count])
    }
}

/// How many bytes went into a ring and came out of it since it was made.
struct RingPosition: Sendable {
    let capacity: Int
    var produced: UInt64 = 0
    var consumed: UInt64 = 0

    init(capacity: Int) { self.capacity = capacity }

    var filled: Int { Int(produced - consumed) }
    var free: Int { capacity - filled }
}
