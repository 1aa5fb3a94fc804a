import Core

/// One compiled rule: where its bytes or tokens lie in the matcher's arrays, and what is cheap to ask first.
struct Program: Sendable {
    enum Shape: UInt8, Sendable {
        /// Exactly these bytes.
        case exact
        /// These bytes, then anything.
        case prefix
        /// Anything, then these bytes.
        case suffix
        case general
    }

    var shape: Shape
    var isIncluded: Bool
    var isAnchored: Bool
    var start: Int
    var count: Int
    /// Of a general one: bit `byte % 64` of each byte that what matches holds.
    var needed: UInt64
}

/// A token in four bytes: its kind above, its byte or the number of its set below.
struct PackedToken: Sendable {
    static let byte: UInt32 = 0 << 24
    static let any: UInt32 = 1 << 24
    static let set: UInt32 = 2 << 24
    static let star: UInt32 = 3 << 24
    static let deepStar: UInt32 = 4 << 24
    static let directories: UInt32 = 5 << 24

    let raw: UInt32

    @inline(__always) var kind: UInt32 { raw & 0xFF00_0000 }
    @inline(__always) var value: Int { Int(raw & 0x00FF_FFFF) }
}

/// What may stand first and last in what a rule matches, and what must stand in it.
struct Edges {
    var first: ByteSet
    var last: ByteSet
    var needed: UInt64 = 0

    init(_ tokens: [Pattern.Token]) {
        first = Edges.set(tokens.first!)
        last = Edges.set(tokens.last!)
        for case .byte(let byte) in tokens { needed |= 1 << UInt64(byte & 63) }
    }

    private static func set(_ token: Pattern.Token) -> ByteSet {
        switch token {
        case .byte(let byte): .only(byte)
        case .set(let set): set
        case .any, .star, .deepStar, .directories: .ofNames
        }
    }
}

/// The arrays of a matcher in the making.
struct Assembly {
    private(set) var programs: [Program] = []
    private(set) var bytes: [UInt8] = []
    private(set) var tokens: [PackedToken] = []
    private(set) var sets: [ByteSet] = []
    private var indexOfSet: [ByteSet: Int] = [:]

    /// What the first and last bytes of a match are, and of what: the path where `isAnchored`, else the name.
    mutating func add(_ pattern: Pattern, isIncluded: Bool) -> (edges: Edges, isAnchored: Bool) {
        let (pattern, isAnchored) = Assembly.simplified(pattern)
        let edges = Edges(pattern)
        let (shape, literal) = Assembly.shape(of: pattern, isAnchored: isAnchored)
        var program = Program(
            shape: shape, isIncluded: isIncluded, isAnchored: isAnchored, start: bytes.count, count: literal.count,
            needed: edges.needed)
        if shape == .general {
            (program.start, program.count) = (tokens.count, pattern.count)
            for token in pattern { tokens.append(pack(token)) }
        } else {
            bytes += literal
        }
        programs.append(program)
        return (edges, isAnchored)
    }

    /// `**/name` is the name at any depth.
    private static func simplified(_ pattern: Pattern) -> (tokens: [Pattern.Token], isAnchored: Bool) {
        let name = pattern.tokens.dropFirst()
        let isName = name.allSatisfy { $0 != .byte(0) && $0 != .deepStar && $0 != .directories }
        if pattern.tokens.first == .directories && isName { return (Array(name), false) }
        return (pattern.tokens, pattern.isAnchored)
    }

    private mutating func pack(_ token: Pattern.Token) -> PackedToken {
        switch token {
        case .byte(let byte): return PackedToken(raw: PackedToken.byte | UInt32(byte))
        case .any: return PackedToken(raw: PackedToken.any)
        case .star: return PackedToken(raw: PackedToken.star)
        case .deepStar: return PackedToken(raw: PackedToken.deepStar)
        case .directories: return PackedToken(raw: PackedToken.directories)
        case .set(let set):
            // 16 million sets would need more patterns than a session may have.
            let index = indexOfSet[set] ?? sets.count
            if index == sets.count {
                sets.append(set)
                indexOfSet[set] = index
            }
            return PackedToken(raw: PackedToken.set | UInt32(index))
        }
    }

    /// The form that is compared without going token by token. A star at one end of a name is any bytes; in a path only `**` is.
    private static func shape(of tokens: [Pattern.Token], isAnchored: Bool) -> (Program.Shape, [UInt8]) {
        if let literal = bytes(of: tokens[...]) { return (.exact, literal) }
        func isOpen(_ token: Pattern.Token) -> Bool {
            token == .deepStar || (token == .star && !isAnchored)
        }
        if isOpen(tokens.last!), let literal = bytes(of: tokens.dropLast()) { return (.prefix, literal) }
        if isOpen(tokens.first!), let literal = bytes(of: tokens.dropFirst()) { return (.suffix, literal) }
        return (.general, [])
    }

    private static func bytes(of tokens: ArraySlice<Pattern.Token>) -> [UInt8]? {
        var bytes: [UInt8] = []
        for token in tokens {
            guard case .byte(let byte) = token else { return nil }
            bytes.append(byte)
        }
        return bytes
    }
}
