/// The parts that metadata is written in: numbers little endian, each text behind its length.
extension [UInt8] {
    mutating func put(_ number: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }

    /// The number, and for a name its length in a byte and its bytes.
    mutating func put(_ account: Account) {
        put(account.id)
        guard let name = account.name else { return }
        precondition((1...Account.nameBytesMax).contains(name.count), "a name was not validated")
        append(UInt8(name.count))
        self += name
    }
}

/// Takes the same off bytes that nobody has validated; nil where they end early or are of another form.
struct MetadataReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func byte() -> UInt8? { rest.popFirst() }

    mutating func number<Number: FixedWidthInteger & UnsignedInteger>(_ type: Number.Type) -> Number? {
        let size = MemoryLayout<Number>.size
        guard rest.count >= size else { return nil }
        let number = rest.prefix(size).reversed().reduce(Number(0)) { $0 << 8 | Number($1) }
        rest = rest.dropFirst(size)
        return number
    }

    mutating func bytes(_ count: Int) -> [UInt8]? {
        guard count >= 0, rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    /// A text of 1...255 bytes without NUL behind its length.
    mutating func name() -> [UInt8]? {
        guard let count = byte(), count > 0, let name = bytes(Int(count)), !name.contains(0) else { return nil }
        return name
    }

    /// A path beneath the root behind the length of its key.
    mutating func path() -> TreePath? {
        guard let count = number(UInt16.self), count > 0, let key = bytes(Int(count)) else { return nil }
        return try? TreePath(validating: key)
    }

    mutating func account(hasName: Bool) -> Account? {
        guard let id = number(UInt32.self) else { return nil }
        if !hasName { return Account(id: id, name: nil) }
        return name().map { Account(id: id, name: $0) }
    }
}
