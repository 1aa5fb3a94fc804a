import Testing

@testable import Wire

@Suite struct FrameTests {
    /// FNV-1a: any function will do to see that damage is found.
    private static let checksum: FrameCodec.Checksum = { bytes in
        bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    private func received(_ codec: inout FrameCodec, _ header: [UInt8], _ payload: [UInt8]) throws -> Frame.Kind {
        let (kind, count) = try header.withUnsafeBytes { try codec.announced($0) }
        #expect(count == payload.count)
        if let fault = payload.withUnsafeBytes({ codec.fault(in: header, $0) }) { throw fault }
        return kind
    }

    @Test func framesPassInOrder() throws {
        var sender = FrameCodec(checksum: Self.checksum)
        var receiver = FrameCodec(checksum: Self.checksum)
        for kind in [Frame.Kind.hello, .changes, .goodbye] {
            let payload = [UInt8](repeating: kind.rawValue, count: Int(kind.rawValue) * 10)
            let header = payload.withUnsafeBytes { sender.header(kind, $0) }
            #expect(try received(&receiver, header, payload) == kind)
        }
    }

    @Test func lostFrameIsFound() throws {
        var sender = FrameCodec(checksum: Self.checksum)
        var receiver = FrameCodec(checksum: Self.checksum)
        _ = [UInt8]().withUnsafeBytes { sender.header(.ping, $0) }
        let second = [UInt8]().withUnsafeBytes { sender.header(.ping, $0) }
        #expect(throws: WireFault.self) { try received(&receiver, second, []) }
    }

    @Test func anyFlippedByteIsFound() throws {
        let payload = Array("content".utf8)
        for position in 0..<(Frame.headerBytes + payload.count) {
            var sender = FrameCodec(checksum: Self.checksum)
            var bytes = payload.withUnsafeBytes { sender.header(.content, $0) } + payload
            bytes[position] ^= 0x40
            let header = Array(bytes.prefix(Frame.headerBytes))
            let rest = Array(bytes.dropFirst(Frame.headerBytes))
            #expect(throws: WireFault.self, "byte \(position)") {
                var receiver = FrameCodec(checksum: Self.checksum)
                let (_, count) = try header.withUnsafeBytes { try receiver.announced($0) }
                guard count == rest.count else { throw WireFault("length") }
                if let fault = rest.withUnsafeBytes({ receiver.fault(in: header, $0) }) { throw fault }
            }
        }
    }

    @Test func oversizedLengthIsRefusedBeforeItIsRead() {
        var header = [UInt8](repeating: 0, count: Frame.headerBytes)
        header[0] = Frame.Kind.content.rawValue
        for index in 4..<8 { header[index] = 0xFF }
        let codec = FrameCodec(checksum: Self.checksum)
        #expect(throws: WireFault.self) { try header.withUnsafeBytes { try codec.announced($0) } }
    }
}
