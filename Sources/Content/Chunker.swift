import Core

/// How finely a file is cut into chunks. Part of what a chunk list says, since only cuts of the same fineness meet again.
package struct ChunkSizes: Hashable, Sendable {
    /// Of the average, as a power of two.
    package let averageBits: Int

    package static let averageBitsRange = 12...28
    /// The most chunks of one file, as far as `averageBitsRange` allows: a list takes 24 bytes of memory for each.
    private static let countMax: UInt64 = 1 << 20

    /// Nil outside of `averageBitsRange`.
    package init?(averageBits: Int) {
        guard ChunkSizes.averageBitsRange.contains(averageBits) else { return nil }
        self.averageBits = averageBits
    }

    /// For a file that is cut for the first time: 4 KiB on average below 4 GiB, growing with the root of the size from there, and with
    /// the size where there would be more than a million chunks.
    package init(forFileOf size: UInt64) {
        var bits = ChunkSizes.averageBitsRange.lowerBound
        while bits < ChunkSizes.averageBitsRange.upperBound,
            size >> 30 >= 1 << (2 * UInt64(bits - 11)) || size >> UInt64(bits) > ChunkSizes.countMax
        { bits += 1 }
        averageBits = bits
    }

    var average: Int { 1 << averageBits }
    var least: Int { average / 4 }
    var most: Int { average * 4 }
}

/// Finds where content is cut, so that an insertion or a deletion moves the cuts along with the content.
///
/// FastCDC (Xia et al., USENIX ATC 2016): a rolling hash over the last 64 bytes by shifting and adding a random number per byte
/// ("gear"), looked at from a quarter of the average on; a cut is rarer before the average size and likelier behind it ("normalised
/// chunking", level 2). The high bits of the hash are looked at, which the most bytes have had a part in.
struct Gear {
    /// 256 numbers of SplitMix64 from 0. Part of the format: another table cuts elsewhere.
    static let table: [UInt64] = {
        var state: UInt64 = 0
        return (0..<256).map { _ in
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }()

    private let sizes: ChunkSizes
    private var hash: UInt64 = 0
    /// Bytes of the chunk that were looked at.
    private var seen = 0

    init(_ sizes: ChunkSizes) { self.sizes = sizes }

    /// Looks at the next bytes of a chunk.
    ///
    /// - Returns: how many of them belong to the chunk, which ends there; nil when all do and it goes on.
    mutating func cut(_ bytes: UnsafeRawBufferPointer) -> Int? {
        var index = min(bytes.count, max(0, sizes.least - seen))
        let found = Gear.table.withUnsafeBufferPointer { table -> Bool in
            let rarely = min(bytes.count, sizes.average - seen)
            if scan(bytes, table, &index, to: rarely, below: .max >> UInt64(sizes.averageBits + 2)) { return true }
            let often = min(bytes.count, sizes.most - seen)
            return scan(bytes, table, &index, to: often, below: .max >> UInt64(sizes.averageBits - 2))
        }
        if found || seen + index >= sizes.most {
            (hash, seen) = (0, 0)
            return index
        }
        seen += bytes.count
        return nil
    }

    private mutating func scan(
        _ bytes: UnsafeRawBufferPointer, _ table: UnsafeBufferPointer<UInt64>, _ index: inout Int, to end: Int,
        below limit: UInt64
    ) -> Bool {
        guard index < end, let bytes = bytes.baseAddress, let table = table.baseAddress else { return false }
        var (hash, next) = (hash, index)
        // Four at a time: what each adds is summed up apart from the hash so far, so that the processor does not wait for one sum after
        // the other (1.9 instead of 1.5 GB/s).
        while next &+ 4 <= end {
            let word = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: next, as: UInt32.self))
            let (first, third) = (table[Int(word & 0xFF)], table[Int((word >> 16) & 0xFF)])
            let two = (first << 1) &+ table[Int((word >> 8) & 0xFF)]
            let one = (hash << 1) &+ first
            let second = (hash << 2) &+ two
            let ahead = (second << 1) &+ third
            hash = (second << 2) &+ (third << 1) &+ table[Int(word >> 24)]
            if one <= limit || second <= limit || ahead <= limit || hash <= limit {
                index = next &+ (one <= limit ? 1 : second <= limit ? 2 : ahead <= limit ? 3 : 4)
                return true
            }
            next &+= 4
        }
        while next < end {
            hash = (hash << 1) &+ table[Int(bytes.load(fromByteOffset: next, as: UInt8.self))]
            next &+= 1
            if hash <= limit {
                index = next
                return true
            }
        }
        (self.hash, index) = (hash, next)
        return false
    }
}
