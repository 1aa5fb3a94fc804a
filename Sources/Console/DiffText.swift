import Core
import Topologies

/// What differs between two topology files, for people and for programs.
package enum DiffText {
    /// A line per change, its keys and consequences beneath it, and a line that counts. For no change one line that says so.
    package static func lines(_ changes: [TopologyChange]) -> [StyledLine] {
        if changes.isEmpty { return [StyledLine("no difference", .dim)] }
        return changes.flatMap(lines) + [StyledLine(""), StyledLine(summary(changes), .bold)]
    }

    /// One document: `{"version":1,"changes":[{"kind":…,"subject":…,"name":…,"session":…,"fields":[…],"consequences":[…]}]}`.
    package static func json(_ changes: [TopologyChange]) -> String {
        JSONValue.object([("version", .integer(1)), ("changes", .array(changes.map(object)))]).text
    }

    private static func lines(_ change: TopologyChange) -> [StyledLine] {
        let (sign, colour): (String, Colour) =
            switch change.kind {
            case .added: ("+", .green)
            case .removed: ("-", .red)
            case .changed, .renamed: ("~", .yellow)
            }
        var head = StyledLine("\(sign) \(change.subject.rawValue) \(change.name)", colour)
        let details = [change.detail, change.session.map { "session \($0)" }].compactMap { $0 }
        if !details.isEmpty { head.add("  " + details.joined(separator: ", "), .dim) }
        let fields = change.fields.map { StyledLine("    \($0.key): \(value($0.old, $0)) → \(value($0.new, $0))") }
        let consequences = change.consequences.map { consequence in
            var line = StyledLine("    ! ", .yellow)
            line.add(consequence)
            return line
        }
        return [head] + fields + consequences
    }

    private static func value(_ value: String?, _ field: TopologyChange.Field) -> String {
        if let value { return Printable.text(value) }
        return field.standard.map { "\($0) (default)" } ?? "none"
    }

    /// `2 peers added, 1 removed; 1 edge changed`.
    private static func summary(_ changes: [TopologyChange]) -> String {
        let parts = [TopologyChange.Subject.topology, .peer, .edge].compactMap { subject -> String? in
            let kinds = [TopologyChange.Kind.added, .removed, .changed, .renamed].compactMap { kind -> (Int, String)? in
                let count = changes.count { $0.subject == subject && $0.kind == kind }
                return count == 0 ? nil : (count, kind.rawValue)
            }
            guard let first = kinds.first else { return nil }
            let noun = subject == .topology ? "topology" : subject.rawValue + (first.0 == 1 ? "" : "s")
            return (["\(first.0) \(noun) \(first.1)"] + kinds.dropFirst().map { "\($0.0) \($0.1)" }).joined(
                separator: ", ")
        }
        return parts.joined(separator: "; ")
    }

    private static func object(_ change: TopologyChange) -> JSONValue {
        func optional(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
        let fields = change.fields.map { field in
            JSONValue.object([
                ("key", .string(field.key)), ("old", optional(field.old)), ("new", optional(field.new)),
                ("default", optional(field.standard)),
            ])
        }
        return .object([
            ("kind", .string(change.kind.rawValue)), ("subject", .string(change.subject.rawValue)),
            ("name", .string(change.name)), ("session", optional(change.session)), ("detail", optional(change.detail)),
            ("fields", .array(fields)), ("consequences", .array(change.consequences.map { .string($0) })),
        ])
    }
}
