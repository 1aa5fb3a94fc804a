/// Reads the data types of RFC 4251 §5 from bytes of another's making; nil where they end too early.
struct SSHBytes {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: some Sequence<UInt8>) { rest = Array(bytes)[...] }

    var isEmpty: Bool { rest.isEmpty }

    mutating func byte() -> UInt8? { rest.popFirst() }

    mutating func bytes(_ count: Int) -> [UInt8]? {
        guard count >= 0, rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    mutating func uint32() -> Int? { bytes(4).map { $0.reduce(0) { $0 << 8 | Int($1) } } }

    mutating func string() -> [UInt8]? { uint32().flatMap { bytes($0) } }

    mutating func text() -> String? { string().map { String(decoding: $0, as: UTF8.self) } }

    mutating func names() -> [String]? { text()?.split(separator: ",").map(String.init) }

    static func uint32(_ value: Int) -> [UInt8] {
        withUnsafeBytes(of: UInt32(truncatingIfNeeded: value).bigEndian) { Array($0) }
    }

    static func string(_ bytes: some Collection<UInt8>) -> [UInt8] { uint32(bytes.count) + bytes }
}
