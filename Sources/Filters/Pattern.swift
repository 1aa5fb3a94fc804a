import Core

/// A pattern taken apart, its slashes as in key form: zero bytes.
struct Pattern {
    enum Token: Hashable {
        case byte(UInt8)
        /// `?`
        case any
        /// `[…]`
        case set(ByteSet)
        /// `*`: any bytes of one name.
        case star
        /// `**`: any bytes, slashes too.
        case deepStar
        /// `**/` as a whole name: nothing, or any directories with the slash behind them.
        case directories
    }

    /// Matches the whole path; otherwise the name alone, at any depth.
    private(set) var isAnchored = false
    private(set) var isForDirectories = false
    private(set) var tokens: [Token] = []

    private static let slash = UInt8(ascii: "/")
    private static let star = UInt8(ascii: "*")
    private static let backslash = UInt8(ascii: "\\")
    private static let open = UInt8(ascii: "[")
    private static let close = UInt8(ascii: "]")

    private let text: [UInt8]
    private var position = 0
    private var end: Int
    /// Where the name that is being read began in `text`, and in `tokens`.
    private var nameStart = 0
    private var nameTokens = 0

    init(_ text: [UInt8]) throws(RuleFault) {
        self.text = text
        end = text.count
        try checkWhole()
        if text[0] == Pattern.slash {
            isAnchored = true
            position = 1
        }
        if text[end - 1] == Pattern.slash {
            // An escaped one is found where the escape is read.
            if !isEscaped(end - 1) {
                isForDirectories = true
                end -= 1
            }
        }
        nameStart = position
        while position < end { try readNext() }
        try endName()
    }

    private func checkWhole() throws(RuleFault) {
        if text.isEmpty { throw RuleFault(.empty, 0..<0) }
        if text.count > FilterRule.patternBytesMax { throw RuleFault(.tooLong, 0..<text.count) }
        if let zero = text.firstIndex(of: 0) { throw RuleFault(.zero, zero..<(zero + 1)) }
        if Pattern.isBlank(text[0]) { throw RuleFault(.space, 0..<1) }
        let last = text.count - 1
        if Pattern.isBlank(text[last]) && !isEscaped(last) { throw RuleFault(.space, last..<text.count) }
        if text == [Pattern.slash] { throw RuleFault(.wholeTree, 0..<1) }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private func isEscaped(_ index: Int) -> Bool {
        let backslashes = text[..<index].reversed().prefix { $0 == Pattern.backslash }.count
        return backslashes % 2 == 1
    }

    // MARK: Reading

    private mutating func readNext() throws(RuleFault) {
        switch text[position] {
        case Pattern.slash:
            try endName()
            isAnchored = true
            if case .deepStar? = tokens.last, tokens.count == nameTokens + 1 {
                tokens[nameTokens] = .directories
            } else {
                tokens.append(.byte(0))
            }
            position += 1
            (nameStart, nameTokens) = (position, tokens.count)
        case Pattern.star: readStars()
        case UInt8(ascii: "?"):
            tokens.append(.any)
            position += 1
        case Pattern.backslash: try readEscape()
        case Pattern.open: try readSet()
        default:
            tokens.append(.byte(text[position]))
            position += 1
        }
    }

    /// Two or more stars are `**`.
    private mutating func readStars() {
        let count = text[position..<end].prefix { $0 == Pattern.star }.count
        tokens.append(count == 1 ? .star : .deepStar)
        position += count
    }

    private mutating func readEscape() throws(RuleFault) {
        tokens.append(.byte(try escaped(at: position)))
        position += 2
    }

    private func escaped(at index: Int) throws(RuleFault) -> UInt8 {
        guard index + 1 < text.count else { throw RuleFault(.loneBackslash, index..<(index + 1)) }
        let byte = text[index + 1]
        if byte == Pattern.slash { throw RuleFault(.escapedSlash, index..<(index + 2)) }
        return byte
    }

    private func endName() throws(RuleFault) {
        if position == nameStart {
            let at = min(position, text.count - 1)
            throw RuleFault(.emptyName, at..<(at + 1))
        }
        let name = tokens[nameTokens...]
        if name.count <= 2, name.allSatisfy({ $0 == .byte(UInt8(ascii: ".")) }) {
            throw RuleFault(.dots, nameStart..<position)
        }
    }

    /// `[abc]`, `[a-z]`, `[!a]`, `[^a]`; a `]` that comes first is one of the bytes.
    private mutating func readSet() throws(RuleFault) {
        let start = position
        var at = position + 1
        let isNegated = at < end && (text[at] == UInt8(ascii: "!") || text[at] == UInt8(ascii: "^"))
        if isNegated { at += 1 }
        var set = ByteSet.none
        var isFirst = true
        while true {
            guard at < end else { throw RuleFault(.openClass, start..<(start + 1)) }
            if text[at] == Pattern.close && !isFirst { break }
            isFirst = false
            if text[at] == Pattern.open, at + 1 < end, [":", ".", "="].contains(UnicodeScalar(text[at + 1])) {
                throw RuleFault(.namedClass, at..<(at + 2))
            }
            let from = at
            let low = try member(&at)
            guard at + 1 < end, text[at] == UInt8(ascii: "-"), text[at + 1] != Pattern.close else {
                set.insert(low)
                continue
            }
            at += 1
            let high = try member(&at)
            if high < low { throw RuleFault(.reversedRange, from..<at) }
            set.insert(low...high)
        }
        tokens.append(.set(isNegated ? set.complement : set))
        position = at + 1
    }

    private func member(_ at: inout Int) throws(RuleFault) -> UInt8 {
        let byte = text[at]
        if byte == Pattern.slash { throw RuleFault(.slashInClass, at..<(at + 1)) }
        guard byte == Pattern.backslash else {
            at += 1
            return byte
        }
        let byteMeant = try escaped(at: at)
        at += 2
        return byteMeant
    }
}
