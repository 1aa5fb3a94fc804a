/// One value of a YAML document with its place in the file.
struct YAMLNode: Sendable {
    enum Content: Sendable {
        /// A plain scalar may be a number, a boolean or nothing; a quoted one is always text.
        case scalar(String, isPlain: Bool)
        case sequence([YAMLNode])
        case mapping([YAMLPair])
        /// Already reported (an alias, say): stands for any value, so that nothing is said twice.
        case broken
    }

    var content: Content
    var span: Span

    /// The name of what this is, as it is put into a message.
    var kind: String {
        switch content {
        case .sequence: "a list"
        case .mapping: "a map"
        case .broken: "nothing"
        case .scalar(let text, let isPlain):
            if isNull {
                "nothing"
            } else if isPlain && Int(text) != nil {
                "the number \(quoted(text))"
            } else {
                "the text \(quoted(text))"
            }
        }
    }

    /// On one line, as it could be written in a file; two values that read alike give the same.
    var flowText: String {
        switch content {
        case .scalar(let text, _): isNull ? "null" : text
        case .sequence(let items): "[" + items.map(\.flowText).joined(separator: ", ") + "]"
        case .mapping(let pairs): "{" + pairs.map { "\($0.key): \($0.value.flowText)" }.joined(separator: ", ") + "}"
        case .broken: ""
        }
    }

    /// A plain `~`, `null` or nothing at all.
    var isNull: Bool {
        guard case .scalar(let text, isPlain: true) = content else { return false }
        return text.isEmpty || text == "~" || text.lowercased() == "null"
    }

    var isBroken: Bool { if case .broken = content { true } else { false } }
}

/// A key, its place, and its value.
struct YAMLPair: Sendable {
    var key: String
    var keySpan: Span
    var value: YAMLNode
}
