import Content
import Core

/// The fixed serialisation of a row, from which its checksum and its part of the running sum are made.
///
/// Reuses one buffer; not for several threads. Layout (little-endian): `docs/format/snapshot.md`.
struct RowSerialiser {
    struct Marks: Equatable {
        /// XXH3-64 of the whole row.
        var checksum: UInt64
        /// XXH3-128 of path and agreed half; zero unless the state is `agreed`.
        var agreed: Digest
    }

    private static let agreedBytes = 40
    private static let restBytes = 63
    private var buffer = [UInt8](repeating: 0, count: 4 + 1024 + agreedBytes + restBytes)

    /// The checksum alone, as a reader needs it.
    mutating func checksum(_ row: Row) -> UInt64 {
        let (_, count) = write(row)
        return buffer.withUnsafeBytes { Hash.xxh3(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }

    mutating func marks(_ row: Row) -> Marks {
        let (agreedEnd, count) = write(row)
        return buffer.withUnsafeBytes {
            Marks(
                checksum: Hash.xxh3(UnsafeRawBufferPointer(rebasing: $0[..<count])),
                agreed: row.state == .agreed
                    ? Hash.digest(UnsafeRawBufferPointer(rebasing: $0[..<agreedEnd])) : Digest(high: 0, low: 0))
        }
    }

    /// Returns where the agreed half ends, and the whole length.
    private mutating func write(_ row: Row) -> (Int, Int) {
        let need =
            4 + row.path.key.count + RowSerialiser.agreedBytes + RowSerialiser.restBytes
            + (row.agreed.attributes.metadata?.bytes.count ?? 0) + 4
        if buffer.count < need { buffer = [UInt8](repeating: 0, count: need) }
        return buffer.withUnsafeMutableBytes { bytes in
            var out = ByteWriter(bytes.baseAddress!)
            out.put(UInt32(row.path.key.count))
            row.path.key.withUnsafeBytes { out.put($0) }
            out.put(row.agreed)
            let agreedEnd = out.offset
            out.put(row.number)
            out.put(row.state.rawValue)
            out.put(UInt8(row.local == nil ? 0 : 1))
            out.put(row.local ?? .unknown)
            out.put(row.origin.rawValue)
            return (agreedEnd, out.offset)
        }
    }
}

/// Writes numbers one after the other, little-endian, into memory that is large enough.
private struct ByteWriter {
    private let start: UnsafeMutableRawPointer
    private(set) var offset = 0

    init(_ start: UnsafeMutableRawPointer) { self.start = start }

    mutating func put<Number: FixedWidthInteger>(_ number: Number) {
        (start + offset).storeBytes(of: number.littleEndian, as: Number.self)
        offset += MemoryLayout<Number>.size
    }

    mutating func put(_ bytes: UnsafeRawBufferPointer) {
        if let from = bytes.baseAddress { (start + offset).copyMemory(from: from, byteCount: bytes.count) }
        offset += bytes.count
    }

    mutating func put(_ time: Timestamp) {
        put(time.seconds)
        put(time.nanoseconds)
    }

    mutating func put(_ entry: AgreedEntry) {
        put(entry.attributes.kind.rawValue)
        put(entry.attributes.mode)
        put(entry.attributes.size)
        put(entry.attributes.mtime)
        let metadata = entry.attributes.metadata
        put(DigestKind(entry.digest).rawValue | (metadata == nil ? 0 : DigestKind.metadataFollows))
        put(entry.digest?.high ?? 0)
        put(entry.digest?.low ?? 0)
        guard let metadata else { return }
        put(UInt32(metadata.bytes.count))
        metadata.bytes.withUnsafeBytes { put($0) }
    }

    mutating func put(_ local: LocalIdentity) {
        put(local.device)
        put(local.inode)
        put(local.birth)
        put(local.mtime)
        put(local.ctime)
    }
}

/// How a row's digest was made.
enum DigestKind: UInt8 {
    case none = 0
    case xxh128 = 1

    /// Beside it, in serialisations: metadata stands behind the digest.
    static let metadataFollows: UInt8 = 0x80

    init(_ digest: Digest?) { self = digest == nil ? .none : .xxh128 }
}

extension LocalIdentity {
    static let unknown = LocalIdentity(device: 0, inode: 0, birth: .zero, mtime: .zero, ctime: .zero)
}

extension Digest {
    /// Big-endian, the canonical form of XXH128.
    var bytes: [UInt8] { withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { Array($0) } }

    /// nil unless there are 16 bytes.
    init?(bytes: UnsafeRawBufferPointer) {
        guard bytes.count == 16 else { return nil }
        self.init(
            high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
            low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }

    /// Adds modulo 2¹²⁸.
    static func &+ (a: Digest, b: Digest) -> Digest {
        let (low, carry) = a.low.addingReportingOverflow(b.low)
        return Digest(high: a.high &+ b.high &+ (carry ? 1 : 0), low: low)
    }

    /// Subtracts modulo 2¹²⁸.
    static func &- (a: Digest, b: Digest) -> Digest {
        let (low, borrow) = a.low.subtractingReportingOverflow(b.low)
        return Digest(high: a.high &- b.high &- (borrow ? 1 : 0), low: low)
    }

    static let zero = Digest(high: 0, low: 0)
}
