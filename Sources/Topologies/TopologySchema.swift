import Core

/// The JSON Schema (draft-07, which editors understand) of topology files, made from the readers' own lists of keys and words.
///
/// It accepts every file that the readers accept, and refuses unknown keys, missing keys, wrong types and unknown words. What only the
/// whole tells (loops, unknown peers, names that clash) is for `validate`. The format as a whole is in it; what this version does not
/// support yet says so in its description, since an editor should complete and explain it, and `validate` refuses it by name.
package enum TopologySchema {
    /// The document, indented, with a newline at its end.
    package static var text: String { document.indentedText }

    package static var document: JSONValue {
        .object([
            ("$schema", .string("http://json-schema.org/draft-07/schema#")),
            ("title", .string("Headwater topology file, version 1")),
            ("description", .string("Who feeds whom. Check a file as a whole with `headwater validate`.")),
            ("type", .string("object")), ("required", strings(["headwater", "peers", "edges"])),
            ("additionalProperties", .bool(false)),
            ("properties", properties(TopologyReader.keys, KeyMeaning.ofFile, NotSupportedYet.topKeys, topValue)),
            ("definitions", .object([("peer", peer), ("edge", edge)])),
        ])
    }

    // MARK: Parts

    private static func topValue(_ key: String) -> Members {
        switch key {
        case "headwater": return [("type", .string("integer")), ("const", .integer(1))]
        case "name": return name
        case "defaults": return map(edgeProperties(EdgeReader.sharedKeys), required: [])
        case "peers":
            return [
                ("type", .string("object")), ("propertyNames", .object([("pattern", .string(namePattern))])),
                ("additionalProperties", reference("peer")),
            ]
        case "edges": return [("type", .string("array")), ("items", reference("edge"))]
        default: return map(properties(Words.limitKeys, KeyMeaning.ofLimits, [], limitValue), required: [])
        }
    }

    private static var peer: JSONValue {
        var whole = map(
            properties(PeerReader.keys, KeyMeaning.ofPeer, NotSupportedYet.peerKeys, peerValue), required: ["path"])
        let ofConnections = ["user", "port", "identity", "known_hosts", "host_key"]
        whole.append(("dependencies", .object(ofConnections.map { ($0, strings(["host"])) })))
        let short: Members = [
            ("description", .string("A directory: /path, ~/path, host:/path or user@host:~/path.")),
            ("type", .string("string")), ("pattern", .string("^([^/]+:)?(/|~/)")),
        ]
        return .object([("anyOf", .array([.object(short), .object(whole)]))])
    }

    private static var edge: JSONValue {
        let short: Members = [
            ("description", .string("`upstream -> downstream`, or `a <-> b` for both ways.")),
            ("type", .string("string")),
            ("pattern", .string("^ *[A-Za-z0-9_-]{1,64} *<?-> *[A-Za-z0-9_-]{1,64} *$")),
        ]
        let whole = map(edgeProperties(EdgeReader.ownKeys + EdgeReader.sharedKeys), required: ["from", "to"])
        return .object([("anyOf", .array([.object(short), .object(whole)]))])
    }

    private static func edgeProperties(_ keys: [String]) -> JSONValue {
        properties(keys, KeyMeaning.ofEdge, NotSupportedYet.edgeKeys, edgeValue)
    }

    // MARK: Values

    private static func peerValue(_ key: String) -> Members {
        switch key {
        case "path", "identity", "known_hosts", "database": absolutePath
        case "port": integer(Words.portRange)
        case "host_key": pattern("^SHA256:[A-Za-z0-9+/]{43}$")
        case "bandwidth": quantity(Words.rateUnits)
        default: anyText
        }
    }

    private static func limitValue(_ key: String) -> Members {
        key == "bandwidth" ? quantity(Words.rateUnits) : integer(Words.limitRange)
    }

    private static func edgeValue(_ key: String) -> Members {
        if let words = Words.ofEdgeKeys[key] { return [("enum", strings(words))] }
        return switch key {
        case "from", "to", "session": name
        case "mirror", "continuous": [("type", .string("boolean"))]
        case "filter", "exclude": list(anyText)
        case "preserve": list([("enum", strings(Words.preserved))])
        case "bandwidth": quantity(Words.rateUnits)
        case "settle", "scan_interval": quantity(Words.durationUnits)
        case "connections": either(integer(Words.connectionsRange), [("enum", strings(["auto"]))])
        case "keep_deleted": either([("type", .string("boolean"))], relativePath)
        case "subpath": relativePath
        case "filter_file": anyText + [("pattern", .string("^[^~]"))]
        case "max_delete":
            either(
                [("type", .string("integer")), ("minimum", .integer(0))],
                pattern("^([0-9]+|0*(100|[0-9]{1,2})%)$"))
        default: anyText
        }
    }

    private typealias Members = [(String, JSONValue)]

    private static let namePattern = "^[A-Za-z0-9_-]{1,64}$"
    /// Where text is wanted, an unquoted number, `true` or `false` is text as well.
    private static let anyText: Members = [("type", strings(["string", "number", "boolean"]))]
    private static let name: Members = [
        ("type", strings(["string", "integer", "boolean"])), ("pattern", .string(namePattern)),
    ]
    private static let absolutePath = pattern("^(/|~/)")
    private static let relativePath: Members = anyText + [("pattern", .string("^[^/~]"))]

    private static func pattern(_ pattern: String) -> Members {
        [("type", .string("string")), ("pattern", .string(pattern))]
    }

    private static func quantity(_ units: [String]) -> Members {
        pattern("^[0-9]+(\\.[0-9]+)?(\(units.joined(separator: "|")))$")
    }

    private static func integer(_ range: ClosedRange<Int>) -> Members {
        [
            ("type", .string("integer")), ("minimum", .integer(range.lowerBound)),
            ("maximum", .integer(range.upperBound)),
        ]
    }

    private static func list(_ item: Members) -> Members { [("type", .string("array")), ("items", .object(item))] }

    private static func either(_ choices: Members...) -> Members { [("anyOf", .array(choices.map { .object($0) }))] }

    private static func map(_ properties: JSONValue, required: [String]) -> Members {
        [
            ("type", .string("object")), ("required", strings(required)), ("additionalProperties", .bool(false)),
            ("properties", properties),
        ]
    }

    private static func reference(_ definition: String) -> JSONValue {
        .object([("$ref", .string("#/definitions/\(definition)"))])
    }

    private static func strings(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }

    /// Every key with its meaning and its value. A key without a meaning is a fault of ours.
    private static func properties(
        _ keys: [String], _ meanings: [String: KeyMeaning], _ refused: Set<String>, _ value: (String) -> Members
    ) -> JSONValue {
        .object(
            keys.map { key in
                let meaning = meanings[key]!
                var text = meaning.text
                if let standard = meaning.standard { text += " Default: \(standard)." }
                if refused.contains(key) { text += " Not supported yet by this version." }
                let refusedValues: [String: Set<String>] = [
                    "route": NotSupportedYet.routes
                ]
                let values = refusedValues[key] ?? []
                if !values.isEmpty {
                    text += " Not supported yet by this version: \(values.sorted().joined(separator: ", "))."
                }
                return (key, .object([("description", .string(text))] + value(key)))
            })
    }
}
