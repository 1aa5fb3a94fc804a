import Core

/// Why bytes from the other end are not what the protocol says. Ends the session with `peer.protocol`.
package struct WireFault: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// Appends the protocol's primitive values to a growing buffer. Integers are LEB128 unless said otherwise.
package struct ByteWriter: Sendable {
    package private(set) var bytes: [UInt8] = []
    /// What the attributes before had.
    var metadataBefore: Metadata?

    package init(reserving capacity: Int = 256) { bytes.reserveCapacity(capacity) }

    package var count: Int { bytes.count }

    package mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        metadataBefore = nil
    }

    package mutating func put(_ byte: UInt8) { bytes.append(byte) }

    package mutating func put(_ flag: Bool) { bytes.append(flag ? 1 : 0) }

    package mutating func put(unsigned value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    package mutating func put(_ value: Int) { put(unsigned: UInt64(value)) }

    /// Zigzag, so that small negative numbers stay short.
    package mutating func put(signed value: Int64) { put(unsigned: UInt64(bitPattern: (value << 1) ^ (value >> 63))) }

    /// Eight bytes, little endian.
    package mutating func put(fixed value: UInt64) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    package mutating func put(_ data: some Collection<UInt8>) {
        put(data.count)
        bytes.append(contentsOf: data)
    }

    package mutating func put(_ text: String) { put(Array(text.utf8)) }

    package mutating func put(raw data: some Sequence<UInt8>) { bytes.append(contentsOf: data) }

    package mutating func put(_ digest: Digest) {
        put(fixed: digest.high)
        put(fixed: digest.low)
    }

    package mutating func put(_ time: Timestamp) {
        put(signed: time.seconds)
        put(unsigned: UInt64(time.nanoseconds))
    }

    package mutating func put<Value>(_ value: Value?, _ body: (inout ByteWriter, Value) -> Void) {
        put(value != nil)
        if let value { body(&self, value) }
    }
}

/// Takes the protocol's primitive values from bytes of the other end; every bound is checked, nothing is trusted.
package struct ByteReader {
    private let bytes: ArraySlice<UInt8>
    private var position: Int
    /// What the attributes before had.
    var metadataBefore: Metadata?

    package init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    package init(_ bytes: [UInt8]) { self.init(bytes[...]) }

    package var isAtEnd: Bool { position == bytes.endIndex }

    package var remaining: Int { bytes.endIndex - position }

    package mutating func byte() throws(WireFault) -> UInt8 {
        guard position < bytes.endIndex else { throw WireFault("message ends early") }
        defer { position += 1 }
        return bytes[position]
    }

    package mutating func flag() throws(WireFault) -> Bool {
        switch try byte() {
        case 0: return false
        case 1: return true
        default: throw WireFault("flag is neither 0 nor 1")
        }
    }

    package mutating func unsigned() throws(WireFault) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = try byte()
            if shift == 63 && next > 1 { throw WireFault("integer beyond 64 bits") }
            value |= UInt64(next & 0x7F) << shift
            if next & 0x80 == 0 { return value }
            shift += 7
            if shift > 63 { throw WireFault("integer beyond 64 bits") }
        }
    }

    package mutating func unsigned(atMost bound: UInt64, _ what: StaticString) throws(WireFault) -> UInt64 {
        let value = try unsigned()
        if value > bound { throw WireFault("\(what) \(value) is beyond \(bound)") }
        return value
    }

    package mutating func int(atMost bound: Int, _ what: StaticString) throws(WireFault) -> Int {
        Int(try unsigned(atMost: UInt64(bound), what))
    }

    package mutating func signed() throws(WireFault) -> Int64 {
        let value = try unsigned()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    package mutating func fixed() throws(WireFault) -> UInt64 {
        guard remaining >= 8 else { throw WireFault("message ends early") }
        var value: UInt64 = 0
        for index in (0..<8).reversed() { value = value << 8 | UInt64(bytes[position + index]) }
        position += 8
        return value
    }

    package mutating func raw(_ count: Int) throws(WireFault) -> ArraySlice<UInt8> {
        guard count <= remaining else { throw WireFault("message ends early") }
        defer { position += count }
        return bytes[position..<(position + count)]
    }

    package mutating func data(atMost bound: Int, _ what: StaticString) throws(WireFault) -> ArraySlice<UInt8> {
        try raw(try int(atMost: bound, what))
    }

    /// Text for people and identifiers: valid UTF-8.
    package mutating func text(atMost bound: Int, _ what: StaticString) throws(WireFault) -> String {
        guard let text = String(validating: try data(atMost: bound, what), as: UTF8.self) else {
            throw WireFault("\(what) is not UTF-8")
        }
        return text
    }

    package mutating func digest() throws(WireFault) -> Digest { Digest(high: try fixed(), low: try fixed()) }

    package mutating func time() throws(WireFault) -> Timestamp {
        let seconds = try signed()
        let nanoseconds = try unsigned(atMost: 999_999_999, "nanoseconds")
        return Timestamp(seconds: seconds, nanoseconds: UInt32(nanoseconds))
    }

    package mutating func optional<Value>(
        _ body: (inout ByteReader) throws(WireFault) -> Value
    ) throws(WireFault) -> Value? {
        try flag() ? try body(&self) : nil
    }

    /// Must be called when a message is decoded: what is left over is a fault.
    package func finish() throws(WireFault) {
        if !isAtEnd { throw WireFault("\(remaining) bytes too many in a message") }
    }
}
