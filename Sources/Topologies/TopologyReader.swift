import Core

/// Reads the root node of a file into a draft, with every diagnostic about keys and values.
struct TopologyReader {
    static let keys = ["headwater", "name", "defaults", "peers", "edges", "limits"]

    private var findings: Findings

    /// The draft is nil only if the root is no map.
    static func read(_ root: YAMLNode, _ findings: inout Findings) -> Draft? {
        var reader = TopologyReader(findings: findings)
        let draft = reader.read(root)
        findings = reader.findings
        return draft
    }

    private mutating func read(_ root: YAMLNode) -> Draft? {
        guard let pairs = findings.pairs(root, "a topology file") else { return nil }
        for pair in pairs {
            if !TopologyReader.keys.contains(pair.key) { reportUnknown(pair, in: pairs) }
        }
        let values = Dictionary(pairs.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        readVersion(values["headwater"]?.value)
        var draft = Draft(name: readName(values["name"]?.value))
        if let limits = values["limits"] { readLimits(limits, &draft) }
        let peers = required("peers", values)
        draft.peers = (peers ?? []).map { PeerReader.read($0, &findings) }
        readEdges(values, &draft, arePeersKnown: peers != nil)
        return draft
    }

    /// Where a key above has no value, the unknown one is likely one of its own that lacks its indentation.
    private mutating func reportUnknown(_ pair: YAMLPair, in pairs: [YAMLPair]) {
        let empty = pairs.last { $0.keySpan.line < pair.keySpan.line && $0.value.isNull }
        guard let empty, TopologyReader.keys.contains(empty.key) else {
            return findings.unknownKey(pair, in: "a topology file", known: TopologyReader.keys)
        }
        findings.report(
            .unknownKey, at: pair.keySpan, "a topology file has no key \(quoted(pair.key))",
            remedy: "indent it, if it belongs to `\(empty.key)`")
    }

    private mutating func readVersion(_ node: YAMLNode?) {
        guard let node else {
            findings.report(
                .missingKey, at: .start, "the format version is missing", remedy: "add `headwater: 1` as the first line"
            )
            return
        }
        guard let version = findings.integer(node, "`headwater`", in: Int.min...Int.max), version != 1 else { return }
        findings.report(
            .version, at: node.span, "format version \(version) is not known to this version of Headwater",
            remedy: "write `headwater: 1`, or use a version of Headwater that knows it")
    }

    private mutating func readName(_ node: YAMLNode?) -> String {
        if let node { return findings.name(node, "`name`") ?? "" }
        let name = TopologyReader.stem(of: findings.source.namedAfter)
        if Name.isValid(name) { return name }
        findings.report(
            .badName, at: .start, "the topology would be named \(quoted(name)) after its file, which cannot be",
            remedy: "add `name:` with \(Name.rule)")
        return ""
    }

    /// The last component of a path without its extension.
    static func stem(of path: String) -> String {
        let file = path.split(separator: "/").last ?? ""
        guard let dot = file.lastIndex(of: "."), dot != file.startIndex else { return String(file) }
        return String(file[..<dot])
    }

    private mutating func readLimits(_ pair: YAMLPair, _ draft: inout Draft) {
        for limit in findings.pairs(pair.value, "`limits`") ?? [] {
            draft.limits[limit.key] = limit.value.flowText
            switch limit.key {
            case "bandwidth": findings.checkRate(limit.value, "`bandwidth`")
            case "starts", "connections": _ = findings.integer(limit.value, "`\(limit.key)`", in: Words.limitRange)
            default: findings.unknownKey(limit, in: "`limits`", known: Words.limitKeys)
            }
        }
        if NotSupportedYet.topKeys.contains(pair.key) {
            findings.reportNotSupportedYet("the key `\(pair.key)`", at: pair.keySpan)
        }
    }

    /// The pairs of a map that must be there.
    private mutating func required(_ key: String, _ values: [String: YAMLPair]) -> [YAMLPair]? {
        if let pair = values[key] {
            return findings.pairs(
                pair.value, "`\(key)`",
                remedy: "write `name: /path` or `name: host:/path` lines below it, indented, without `- `")
        }
        findings.report(.missingKey, at: .start, "`\(key)` is missing", remedy: "add `\(key):`")
        return nil
    }

    private mutating func readEdges(
        _ values: [String: YAMLPair], _ draft: inout Draft, arePeersKnown: Bool
    ) {
        let peers = Dictionary(
            draft.peers.indices.map { (draft.peers[$0].name, $0) }, uniquingKeysWith: { first, _ in first })
        var defaults = EdgeSettings()
        if let node = values["defaults"]?.value, let pairs = findings.pairs(node, "`defaults`") {
            defaults = EdgeReader(peers: [:], defaults: defaults).readSettings(pairs, isDefaults: true, &findings)
            defaults = defaults.asDefaults
            defaults.spans = [:]
            findings.checkCount(of: defaults.filter.rules, at: node.span)
        }
        draft.hasUnreadEdges = true
        guard let pair = values["edges"] else {
            findings.report(
                .missingKey, at: .start, "`edges` is missing", remedy: "add `edges:` with a list, `[]` for none")
            return
        }
        guard case .sequence(let items) = pair.value.content else {
            let _: String? = findings.wrongType(
                pair.value, "`edges`", "a list", remedy: "write each edge as an item: `- a -> b`")
            return
        }
        draft.hasUnreadEdges = false
        let reader = EdgeReader(peers: arePeersKnown ? peers : nil, defaults: defaults)
        for item in items {
            if let edge = reader.read(item, &findings) {
                draft.edges.append(edge)
            } else {
                draft.hasUnreadEdges = true
            }
        }
    }

    private init(findings: Findings) { self.findings = findings }
}
