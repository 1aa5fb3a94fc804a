/// One length-prefixed unit of the stream: a header of 24 bytes, then the payload.
///
///     0      1       2..<4   4..<8     8..<16      16..<24
///     type   0       0       length    sequence    checksum = H(header[0..<16] ‖ H(payload))
///
/// All integers are little endian; H is XXH3-64. The sequence counts the frames of one direction from 0. libssh2 1.10 can lose bytes
/// beyond a window without an error: the sequence and the checksum find that.
package struct Frame: Sendable {
    package static let headerBytes = 24
    /// The most bytes a payload has; a longer one is refused before it is read.
    package static let payloadBytesMax = 1 << 20

    package var kind: Kind
    package var payload: [UInt8]

    package init(_ kind: Kind, _ payload: [UInt8] = []) {
        self.kind = kind
        self.payload = payload
    }

    /// The types; what each carries stands in `Messages`.
    package enum Kind: UInt8, Sendable {
        case hello = 1
        case rows = 2
        case prepared = 3
        case changes = 4
        case ask = 5
        case want = 6
        case content = 7
        case segment = 8
        case same = 9
        case failed = 10
        case committed = 11
        case recorded = 12
        case problem = 13
        case stop = 14
        case done = 15
        case failure = 16
        case ping = 17
        case goodbye = 18
        case order = 19
        case progress = 20
        case detail = 21
        case outcome = 22
        case survey = 23
        case surveyed = 24
        case lent = 25
        case moved = 26
        case examine = 27
        case examined = 28
        case held = 29
        case rename = 30
        case renamed = 31
        case planned = 32
        case promised = 33
        case renames = 34
    }
}

/// Puts frames on a stream and takes them off. The checksum function is handed in: this module does no hashing of its own.
package struct FrameCodec: Sendable {
    package typealias Checksum = @Sendable (UnsafeRawBufferPointer) -> UInt64

    private let checksum: Checksum
    private var nextSent: UInt64 = 0
    private var nextReceived: UInt64 = 0

    package init(checksum: @escaping Checksum) { self.checksum = checksum }

    /// The header for the next frame sent.
    package mutating func header(_ kind: Frame.Kind, _ payload: UnsafeRawBufferPointer) -> [UInt8] {
        precondition(payload.count <= Frame.payloadBytesMax)
        var header = [UInt8](repeating: 0, count: Frame.headerBytes)
        header.withUnsafeMutableBytes {
            $0.storeBytes(of: kind.rawValue, as: UInt8.self)
            $0.storeBytes(of: UInt32(payload.count).littleEndian, toByteOffset: 4, as: UInt32.self)
            $0.storeBytes(of: nextSent.littleEndian, toByteOffset: 8, as: UInt64.self)
        }
        let sum = sum(header, payload)
        header.withUnsafeMutableBytes { $0.storeBytes(of: sum.littleEndian, toByteOffset: 16, as: UInt64.self) }
        nextSent += 1
        return header
    }

    /// What a header that came in announces; checked but for the checksum, which needs the payload.
    package func announced(_ header: UnsafeRawBufferPointer) throws(WireFault) -> (kind: Frame.Kind, payloadBytes: Int)
    {
        guard let kind = Frame.Kind(rawValue: header[0]) else { throw WireFault("unknown frame type \(header[0])") }
        guard header[1] == 0, header[2] == 0, header[3] == 0 else {
            throw WireFault("reserved bits set in a frame header")
        }
        let length = Int(UInt32(littleEndian: header.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
        guard length <= Frame.payloadBytesMax else {
            throw WireFault("frame of \(length) bytes, at most \(Frame.payloadBytesMax) allowed")
        }
        let sequence = UInt64(littleEndian: header.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        guard sequence == nextReceived else {
            throw WireFault("frame \(sequence) where \(nextReceived) was due: bytes were lost")
        }
        return (kind, length)
    }

    /// Takes a frame whose header `announced` has passed; what is wrong with its sum, or nil.
    package mutating func fault(in header: [UInt8], _ payload: UnsafeRawBufferPointer) -> WireFault? {
        let expected = header.withUnsafeBytes {
            UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
        }
        guard sum(header, payload) == expected else {
            return WireFault("checksum of frame \(nextReceived) is wrong: bytes were damaged")
        }
        nextReceived += 1
        return nil
    }

    private func sum(_ header: [UInt8], _ payload: UnsafeRawBufferPointer) -> UInt64 {
        var covered = [UInt8](header[..<16])
        withUnsafeBytes(of: checksum(payload).littleEndian) { covered.append(contentsOf: $0) }
        return covered.withUnsafeBytes { checksum($0) }
    }
}
