import Core

/// Reads one edge: `a -> b`, `a <-> b`, or a map of its keys; and `defaults`.
struct EdgeReader {
    /// What an edge may say beside `from`, `to` and `session`.
    static let sharedKeys = [
        "mode", "subpath", "route", "filter", "filter_file", "exclude", "delete", "keep_deleted", "max_delete",
        "overwrite", "drift", "mirror", "symlinks", "preserve", "digest", "compression", "bandwidth", "connections",
        "settle", "continuous", "schedule", "scan_interval", "durability",
    ]
    static let ownKeys = ["from", "to", "session"]

    /// Index of each declared peer; nil if `peers` could not be read, so that nothing is known of them.
    let peers: [String: Int]?
    let defaults: EdgeSettings

    /// Nil if its two ends could not be made out.
    func read(_ node: YAMLNode, _ findings: inout Findings) -> DraftEdge? {
        switch node.content {
        case .scalar(let text, let isPlain) where !node.isNull: readShort(text, isPlain, node.span, &findings)
        case .mapping(let pairs): readKeys(pairs, node.span, &findings)
        case .scalar, .sequence, .broken:
            findings.wrongType(
                node, "an edge", "an arrow or a map", remedy: "write `a -> b`, or {from: a, to: b}")
        }
    }

    private func readShort(_ text: String, _ isPlain: Bool, _ span: Span, _ findings: inout Findings) -> DraftEdge? {
        guard let short = ShortEdge(text) else {
            let remedy =
                text.contains("<-") && !text.contains("->")
                ? "write the upstream peer first: `a -> b`" : "write `a -> b` or `a <-> b`, one edge to an item"
            findings.report(.badEdge, at: span, "the edge cannot be \(quoted(text))", remedy: remedy)
            return nil
        }
        let start = span.column + (isPlain ? 0 : 1)
        func part(_ name: (text: String, offset: Int)) -> Span {
            Span(line: span.line, column: start + name.offset, length: name.text.unicodeScalars.count)
        }
        let from = peer(short.from.text, at: part(short.from), &findings)
        let to = peer(short.to.text, at: part(short.to), &findings)
        guard let from, let to else { return nil }
        return DraftEdge(
            span: span, upstream: from, downstream: to, arrow: short.isBothWays ? .bothWays : .oneWay,
            settings: defaults, upstreamSpan: part(short.from), downstreamSpan: part(short.to))
    }

    private func readKeys(_ pairs: [YAMLPair], _ span: Span, _ findings: inout Findings) -> DraftEdge? {
        if pairs.count == 1, !(EdgeReader.ownKeys + EdgeReader.sharedKeys).contains(pairs[0].key) {
            reportPair(pairs[0], &findings)
            return nil
        }
        let own = readSettings(pairs, isDefaults: false, &findings)
        let from = end("from", in: pairs, span, &findings)
        let to = end("to", in: pairs, span, &findings)
        let settings = own.over(defaults)
        if !own.rules.isEmpty { findings.checkCount(of: settings.filter.rules, at: span) }
        guard let from, let to else { return nil }
        return DraftEdge(
            span: span, upstream: from.peer, downstream: to.peer, arrow: .none, settings: settings,
            upstreamSpan: from.span, downstreamSpan: to.span)
    }

    /// `- a: b`, or `- a -> b: push`.
    private func reportPair(_ pair: YAMLPair, _ findings: inout Findings) {
        let short = ShortEdge(pair.key)
        let remedy =
            short.map {
                "write `\($0.from.text) -> \($0.to.text)` alone, or {from: \($0.from.text), to: \($0.to.text), …}"
            }
            ?? "write `upstream -> downstream`, or {from: …, to: …}"
        findings.report(
            .badEdge, at: pair.keySpan, "the edge cannot be \(quoted("\(pair.key): \(pair.value.flowText)"))",
            remedy: Printable.text(remedy))
    }

    private func end(
        _ key: String, in pairs: [YAMLPair], _ span: Span, _ findings: inout Findings
    ) -> (peer: Int, span: Span)? {
        guard let value = pairs.first(where: { $0.key == key })?.value else {
            findings.report(
                .missingKey, at: span, "the edge has no `\(key)`", remedy: "add `\(key):` with the name of a peer")
            return nil
        }
        if case .sequence = value.content {
            return findings.wrongType(
                value, "`\(key)`", "the name of one peer", remedy: "write an edge of its own for each peer")
        }
        guard let name = findings.text(value, "`\(key)`") else { return nil }
        return peer(name, at: value.span, &findings).map { ($0, value.span) }
    }

    private func peer(_ name: String, at span: Span, _ findings: inout Findings) -> Int? {
        guard let peers else { return nil }
        if let index = peers[name] { return index }
        let nearest = peers.count <= 200 ? Nearest.key(name, among: peers.keys.sorted()) : nil
        findings.report(
            .unknownPeer, at: span, "there is no peer \(quoted(name))",
            remedy: nearest.map { "did you mean `\($0)`?" } ?? "declare it under `peers:`")
        return nil
    }

    /// The settings of an edge or of `defaults`; what is not supported yet is checked and then refused.
    func readSettings(_ pairs: [YAMLPair], isDefaults: Bool, _ findings: inout Findings) -> EdgeSettings {
        var settings = EdgeSettings()
        for pair in pairs {
            if EdgeReader.ownKeys.contains(pair.key) {
                readOwn(pair, isDefaults, &settings, &findings)
            } else if EdgeReader.sharedKeys.contains(pair.key) {
                settings.spans[pair.key] = pair.keySpan
                settings.given[pair.key] = pair.value.flowText
                readShared(pair, &settings, &findings)
                if NotSupportedYet.edgeKeys.contains(pair.key) {
                    findings.reportNotSupportedYet("the key `\(pair.key)`", at: pair.keySpan)
                }
            } else {
                let known = EdgeReader.sharedKeys + (isDefaults ? [] : EdgeReader.ownKeys)
                findings.unknownKey(pair, in: isDefaults ? "`defaults`" : "an edge", known: known)
            }
        }
        return settings
    }

    private func readOwn(
        _ pair: YAMLPair, _ isDefaults: Bool, _ settings: inout EdgeSettings, _ findings: inout Findings
    ) {
        if isDefaults {
            findings.report(
                .unknownKey, at: pair.keySpan, "`\(pair.key)` has no default: each edge has its own",
                remedy: "write `\(pair.key)` at the edge")
        } else if pair.key == "session" {
            settings.session = findings.name(pair.value, "`session`")
            settings.sessionSpan = pair.value.span
        }
    }

    private func readShared(_ pair: YAMLPair, _ settings: inout EdgeSettings, _ findings: inout Findings) {
        let what = "`\(pair.key)`"
        switch pair.key {
        case "mode":
            settings.mode = findings.choice(pair.value, what, of: Mode.allCases.map(\.rawValue)).flatMap(Mode.init)
        case "route":
            if let route = findings.choice(pair.value, what, of: ["relay", "direct"]),
                NotSupportedYet.routes.contains(route)
            {
                findings.reportNotSupportedYet("`route: \(route)`", at: pair.value.span)
            }
        case "max_delete": settings.maxDelete = findings.maxDelete(pair.value, what)
        case "subpath": settings.subpath = findings.beneath(pair.value, what)
        case "drift":
            settings.drift = findings.choice(pair.value, what, of: Words.ofEdgeKeys["drift"]!)
                .flatMap(SessionPolicy.Drift.init)
        case "mirror": settings.mirror = findings.boolean(pair.value, what)
        case "delete":
            settings.delete = findings.choice(pair.value, what, of: Words.ofEdgeKeys["delete"]!)
                .flatMap(SessionPolicy.Delete.init)
        case "overwrite":
            settings.overwrite = findings.choice(pair.value, what, of: Words.ofEdgeKeys["overwrite"]!)
                .flatMap(SessionPolicy.Overwrite.init)
        case "preserve": settings.preserve = findings.preserve(pair.value, what)
        case "symlinks":
            settings.symlinks = findings.choice(pair.value, what, of: Words.ofEdgeKeys["symlinks"]!)
                .flatMap(SessionPolicy.Symlinks.init)
        case "keep_deleted": settings.keepDeleted = findings.keepDeleted(pair.value, what)
        case "filter", "exclude":
            settings.rules[pair.key] = findings.filterRules(pair.value, what, areSigned: pair.key == "filter")
        case "filter_file": settings.rules[pair.key] = findings.filterFile(pair.value, what)
        default: findings.checkEdgeValue(pair, what)
        }
    }
}

extension Findings {
    /// The type of a value that nothing reads yet.
    fileprivate mutating func checkEdgeValue(_ pair: YAMLPair, _ what: String) {
        switch pair.key {
        case "bandwidth": checkRate(pair.value, what)
        case "settle", "scan_interval": checkDuration(pair.value, what)
        case "continuous": _ = boolean(pair.value, what)
        case "connections":
            if case .scalar("auto", _) = pair.value.content { return }
            _ = integer(pair.value, what, in: Words.connectionsRange)
        default:
            if let choices = Words.ofEdgeKeys[pair.key] {
                _ = choice(pair.value, what, of: choices)
            } else {
                _ = text(pair.value, what)
            }
        }
    }

    fileprivate mutating func preserve(_ node: YAMLNode, _ what: String) -> Preservation? {
        guard case .sequence(let items) = node.content else { return wrongType(node, what, "a list") }
        var preserve: Preservation = []
        for item in items {
            guard let word = choice(item, "an item of \(what)", of: Words.preserved) else { continue }
            if let one = Preservation(word: word) { preserve.insert(one) }
        }
        return preserve
    }

    /// `true`, `false`, or a directory beneath the root.
    fileprivate mutating func keepDeleted(_ node: YAMLNode, _ what: String) -> EdgeSettings.KeepDeleted? {
        if case .scalar("false", isPlain: true) = node.content { return .no }
        if case .scalar("true", isPlain: true) = node.content { return .attic(.session) }
        guard let components = beneath(node, what) else { return nil }
        guard let path = try? TreePath(validating: Array(components.joined(separator: [0]))) else {
            report(
                .badPath, at: node.span, "\(what) cannot be a path of \(components.count) directories",
                remedy: "write `true` for the session's own attic, or a shorter path")
            return nil
        }
        return .attic(.path(path))
    }
}

/// `a -> b` or `a <-> b`, with the offset of each name in characters.
struct ShortEdge {
    var from: (text: String, offset: Int)
    var to: (text: String, offset: Int)
    var isBothWays: Bool

    init?(_ text: String) {
        let scalars = Array(text.unicodeScalars)
        guard let head = scalars.indices.first(where: { scalars[$0...].starts(with: "->".unicodeScalars) }) else {
            return nil
        }
        isBothWays = head > 0 && scalars[head - 1] == "<"
        let arrowOffset = isBothWays ? head - 1 : head
        guard let from = ShortEdge.part(scalars, 0..<arrowOffset),
            let to = ShortEdge.part(scalars, (head + 2)..<scalars.count)
        else { return nil }
        (self.from, self.to) = (from, to)
    }

    /// One name without the spaces around it; nil if it is empty or no single word.
    private static func part(_ scalars: [Unicode.Scalar], _ range: Range<Int>) -> (text: String, offset: Int)? {
        guard let first = range.first(where: { scalars[$0] != " " }),
            let last = range.last(where: { scalars[$0] != " " })
        else { return nil }
        let word = scalars[first...last]
        if word.contains(where: { " <>".unicodeScalars.contains($0) }) { return nil }
        return (String(String.UnicodeScalarView(word)), first)
    }
}
