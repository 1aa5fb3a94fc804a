import Core

@testable import Topologies

/// A judge of its own for JSON Schema draft-07, as far as our schema uses it; a keyword that it does not know is a fault.
struct SchemaChecker {
    let root: JSONValue
    private let patterns = Patterns()

    static let annotations: Set<String> = ["$schema", "title", "description", "definitions"]

    /// Why an instance is refused; empty if it is accepted.
    func faults(_ instance: JSONValue) throws -> [String] { try faults(instance, root, "") }

    private func faults(_ instance: JSONValue, _ schema: JSONValue, _ path: String) throws -> [String] {
        var found: [String] = []
        for (keyword, value) in schema.members where !Self.annotations.contains(keyword) {
            found += try judge(instance, keyword, value, schema, path)
        }
        return found
    }

    private func judge(
        _ instance: JSONValue, _ keyword: String, _ value: JSONValue, _ schema: JSONValue, _ path: String
    ) throws -> [String] {
        func check(_ isGood: Bool) -> [String] { isGood ? [] : ["\(path): \(keyword) \(value.text.prefix(80))"] }
        switch keyword {
        case "type":
            let types = value.elements ?? [value]
            return check(types.contains { instance.types.contains($0.string ?? "") })
        case "enum": return check(value.elements?.contains { $0.text == instance.text } == true)
        case "const": return check(value.text == instance.text)
        case "pattern":
            guard let text = instance.string else { return [] }
            return check(try patterns.match(value.string!, text))
        case "minimum", "maximum":
            guard case .integer(let number) = instance, case .integer(let bound) = value else { return [] }
            return check(keyword == "minimum" ? number >= bound : number <= bound)
        case "required":
            guard instance.isObject else { return [] }
            return check(value.elements!.allSatisfy { instance[$0.string!] != nil })
        case "dependencies":
            return value.members.flatMap { key, needed in
                check(instance[key] == nil || needed.elements!.allSatisfy { instance[$0.string!] != nil })
            }
        case "properties":
            return try value.members.flatMap { key, schema in
                try instance[key].map { try faults($0, schema, path + "/" + key) } ?? []
            }
        case "additionalProperties":
            let known = Set(schema["properties"]?.members.map(\.0) ?? [])
            let others = instance.members.filter { !known.contains($0.0) }
            if case .bool(let isAllowed) = value { return check(isAllowed || others.isEmpty) }
            return try others.flatMap { try faults($0.1, value, path + "/" + $0.0) }
        case "propertyNames":
            return try instance.members.flatMap { try faults(.string($0.0), value, path + "/" + $0.0) }
        case "items":
            return try instance.elements?.flatMap { try faults($0, value, path + "/-") } ?? []
        case "anyOf":
            return check(try value.elements!.contains { try faults(instance, $0, path).isEmpty })
        case "$ref":
            let name = String(value.string!.dropFirst("#/definitions/".count))
            return try faults(instance, root["definitions"]![name]!, path)
        default: throw Unknown(keyword: keyword)
        }
    }

    /// Each pattern is compiled once.
    private final class Patterns {
        private var known: [String: Regex<AnyRegexOutput>] = [:]

        func match(_ pattern: String, _ text: String) throws -> Bool {
            let regex = try known[pattern] ?? Regex(pattern)
            known[pattern] = regex
            return try regex.firstMatch(in: text) != nil
        }
    }

    struct Unknown: Error { var keyword: String }
}

extension JSONValue {
    var members: [(String, JSONValue)] { if case .object(let members) = self { members } else { [] } }
    var isObject: Bool { if case .object = self { true } else { false } }
    var elements: [JSONValue]? { if case .array(let values) = self { values } else { nil } }
    var string: String? { if case .string(let text) = self { text } else { nil } }

    subscript(key: String) -> JSONValue? { members.first { $0.0 == key }?.1 }

    var types: Set<String> {
        switch self {
        case .string: ["string"]
        case .integer, .unsigned: ["integer", "number"]
        case .number(let number): number == number.rounded() ? ["integer", "number"] : ["number"]
        case .bool: ["boolean"]
        case .null: ["null"]
        case .array: ["array"]
        case .object: ["object"]
        }
    }

    /// A file as an editor sees it: the core schema of YAML 1.2. Nil if the YAML itself is broken.
    init?(yaml text: String) {
        var findings = Findings(source: SourceFile(name: "net.yaml", bytes: Array(text.utf8)))
        guard let root = YAMLDocument.parse(&findings), !findings.hasErrors else { return nil }
        self.init(root)
    }

    private init(_ node: YAMLNode) {
        switch node.content {
        case .mapping(let pairs): self = .object(pairs.map { ($0.key, JSONValue($0.value)) })
        case .sequence(let items): self = .array(items.map { JSONValue($0) })
        case .broken: self = .null
        case .scalar(let text, let isPlain): self = isPlain ? JSONValue(plain: text) : .string(text)
        }
    }

    private init(plain text: String) {
        switch text {
        case "", "~", "null", "Null", "NULL": self = .null
        case "true", "True", "TRUE": self = .bool(true)
        case "false", "False", "FALSE": self = .bool(false)
        default:
            if let number = Int(text) {
                self = .integer(number)
            } else if text.wholeMatch(of: /[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?/) != nil {
                self = .number(Double(text) ?? 0)
            } else {
                self = .string(text)
            }
        }
    }
}
