import Core

/// Typed reading of nodes: a value of the right type, or nil and a diagnostic.
extension Findings {
    /// Text, quoted or not. An unquoted number is text as well where text is wanted.
    mutating func text(_ node: YAMLNode, _ what: String) -> String? {
        if case .scalar(let text, _) = node.content, !node.isNull { return text }
        return wrongType(node, what, "text")
    }

    /// One whole number out of a range; `"22"` in quotes is text and no number.
    mutating func integer(_ node: YAMLNode, _ what: String, in range: ClosedRange<Int>) -> Int? {
        guard case .scalar(let text, isPlain: true) = node.content, !text.isEmpty, Findings.isDecimal(text) else {
            return wrongType(node, what, "a number", remedy: "write a whole number without quotes")
        }
        if let value = Int(text), range.contains(value) { return value }
        return badValue(
            node, what, text, remedy: "write a whole number from \(range.lowerBound) to \(range.upperBound)")
    }

    mutating func boolean(_ node: YAMLNode, _ what: String) -> Bool? {
        if case .scalar(let text, isPlain: true) = node.content, text == "true" || text == "false" {
            return text == "true"
        }
        return wrongType(node, what, "true or false", remedy: "write true or false without quotes")
    }

    /// One of some words.
    mutating func choice(_ node: YAMLNode, _ what: String, of choices: [String]) -> String? {
        guard let text = text(node, what) else { return nil }
        if choices.contains(text) { return text }
        let list = choices.joined(separator: ", ")
        let nearest = Nearest.hint(text, among: choices)
        return badValue(node, what, text, remedy: "write one of: \(list)\(nearest)")
    }

    mutating func pairs(_ node: YAMLNode, _ what: String, remedy: String? = nil) -> [YAMLPair]? {
        if case .mapping(let pairs) = node.content { return pairs }
        return wrongType(node, what, "a map", remedy: remedy)
    }

    /// A name of the sessions' alphabet.
    mutating func name(_ node: YAMLNode, _ what: String) -> String? {
        guard let text = text(node, what) else { return nil }
        return checkName(text, what, at: node.span)
    }

    mutating func checkName(_ text: String, _ what: String, at span: Span) -> String? {
        if Name.isValid(text) { return text }
        report(.badName, at: span, "\(what) cannot be \(quoted(text))", remedy: "use \(Name.rule)")
        return nil
    }

    /// Always nil: for `return` in a reader.
    mutating func wrongType<Value>(_ node: YAMLNode, _ what: String, _ wanted: String, remedy: String? = nil) -> Value?
    {
        if node.isBroken { return nil }
        report(
            .wrongType, at: node.span, "\(what) must be \(wanted), not \(node.kind)",
            remedy: remedy ?? "write \(wanted)")
        return nil
    }

    /// Always nil: for `return` in a reader.
    mutating func badValue<Value>(_ node: YAMLNode, _ what: String, _ text: String, remedy: String) -> Value? {
        report(.badValue, at: node.span, "\(what) cannot be \(quoted(text))", remedy: remedy)
        return nil
    }

    mutating func unknownKey(_ pair: YAMLPair, in owner: String, known: [String]) {
        let nearest = Nearest.key(pair.key, among: known)
        report(
            .unknownKey, at: pair.keySpan, "\(owner) has no key \(quoted(pair.key))",
            remedy: nearest.map { "did you mean `\($0)`?" } ?? "use one of: \(known.sorted().joined(separator: ", "))")
    }

    static func isDecimal(_ text: String) -> Bool {
        let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
        return !digits.isEmpty && digits.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
}

/// What a person may have meant.
package enum Nearest {
    /// The choice with the fewest changed letters, if they are few.
    package static func key(_ text: String, among choices: some Sequence<String>) -> String? {
        let word = Array(text.lowercased().utf8)
        guard word.count <= 64 else { return nil }
        let ranked = choices.map { (distance(word, Array($0.lowercased().utf8)), $0) }
        guard let best = ranked.min(by: { $0 < $1 }), best.0 <= max(1, min(word.count, best.1.utf8.count) / 3) else {
            return nil
        }
        return best.1
    }

    static func hint(_ text: String, among choices: some Sequence<String>) -> String {
        key(text, among: choices).map { " (did you mean `\($0)`?)" } ?? ""
    }

    /// Insertions, removals, replacements and swaps of neighbours.
    static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        if abs(a.count - b.count) > 8 { return max(a.count, b.count) }
        var before: [Int] = []
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var best = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, before[j - 1] + 1) }
                row.append(best)
            }
            (before, last) = (last, row)
        }
        return last[b.count]
    }
}
