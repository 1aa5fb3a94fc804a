import Core

/// What `conflicts` says to people: each path with both sides, and how to go on.
package enum ConflictsText {
    /// - Parameter file: the topology file, as it was named; for the command that decides.
    package static func lines(_ edges: [EdgeConflicts], file: String) -> [StyledLine] {
        var lines = edges.flatMap(block)
        lines += errors(edges)
        let count = edges.reduce(0) { $0 + $1.conflicts.count }
        if count > 0 {
            lines += [
                StyledLine(
                    "both sides stay as they are until they are made equal, or one is deleted or renamed; or decide:"),
                StyledLine(
                    "  headwater resolve \(Printable.text(file)) --session SESSION PATH --keep upstream|downstream|both|newer"
                ),
            ]
        }
        lines.append(total(edges, count))
        return lines
    }

    package static func errors(_ edges: [EdgeConflicts]) -> [StyledLine] {
        edges.flatMap { edge in
            guard var error = edge.error else { return [StyledLine]() }
            error.edge = edge.edge.label
            return SummaryText.block(error)
        }
    }

    private static func block(_ edge: EdgeConflicts) -> [StyledLine] {
        if edge.isElsewhere {
            return [StyledLine("\(edge.edge.label): not known here; ask on a machine of one of the two peers")]
        }
        if edge.conflicts.isEmpty { return [] }
        var head = StyledLine(edge.edge.label, .bold)
        head.add(" (\(edge.edge.session))")
        return [head] + edge.conflicts.flatMap { lines(of: $0, edge.edge) }
    }

    private static func lines(of conflict: Conflict, _ edge: EdgeIdentity) -> [StyledLine] {
        var head = StyledLine("  \(conflict.path)", .yellow)
        head.add("  \(conflict.kind.rawValue), since \(LogFile.timestamp(conflict.since))")
        let width = max(edge.upstream.count, edge.downstream.count)
        let sides = [(edge.upstream, conflict.upstream), (edge.downstream, conflict.downstream)]
        return [head]
            + sides.map { name, side in
                let padded = name + String(repeating: " ", count: width - name.count)
                return StyledLine("    \(padded)  \(describe(side))")
            }
    }

    private static func describe(_ side: AgreedEntry?) -> String {
        guard let side else { return "deleted" }
        let time = LogFile.timestamp(side.attributes.mtime)
        switch side.attributes.kind {
        case .directory: return "directory"
        case .symlink: return "symlink  \(time)"
        default: return "file  \(Amounts.bytes(side.attributes.size))  \(time)  \(side.digest?.text ?? "")"
        }
    }

    private static func total(_ edges: [EdgeConflicts], _ count: Int) -> StyledLine {
        let text =
            count == 0 ? "no conflicts" : Amounts.count(UInt64(count), "conflict stands", "conflicts stand")
        return StyledLine(text, count == 0 ? .green : .yellow)
    }
}

/// The lines of `conflicts --json`: the version, one object for each conflict, and a summary.
package enum ConflictsJSON {
    package static func lines(_ edges: [EdgeConflicts]) -> [String] {
        let found = edges.flatMap { edge in edge.conflicts.map { object($0, edge.edge).text } }
        let summary = JSONValue.object([
            ("type", .string("summary")), ("conflicts", .integer(found.count)),
            ("edges", .array(edges.map(summary))),
            ("exit", .integer(Int(ExitCode.worst(edges.map(\.exit)).rawValue))),
        ])
        return [EventJSON.version] + found + [summary.text]
    }

    private static func summary(_ edge: EdgeConflicts) -> JSONValue {
        .object([
            ("edge", .string(edge.edge.label)), ("session", .string(edge.edge.session)),
            ("conflicts", .integer(edge.conflicts.count)), ("known", .bool(!edge.isElsewhere && edge.error == nil)),
            ("code", edge.error.map { .string($0.code) } ?? .null),
        ])
    }

    private static func object(_ conflict: Conflict, _ edge: EdgeIdentity) -> JSONValue {
        .object([
            ("type", .string("conflict")), ("session", .string(edge.session)),
            ("path", .string(conflict.path.description)), ("kind", .string(conflict.kind.rawValue)),
            ("since", .string(LogFile.timestamp(conflict.since))), ("upstream", side(conflict.upstream)),
            ("downstream", side(conflict.downstream)),
        ])
    }

    private static func side(_ entry: AgreedEntry?) -> JSONValue {
        guard let entry else { return .null }
        let type =
            switch entry.attributes.kind {
            case .directory: "directory"
            case .symlink: "symlink"
            default: "file"
            }
        return .object([
            ("type", .string(type)), ("size", .unsigned(entry.attributes.size)),
            ("mtime", .string(LogFile.timestamp(entry.attributes.mtime))),
            ("digest", entry.digest.map { .string($0.text) } ?? .null),
        ])
    }
}

extension Digest {
    /// As other tools print it: `xxh128:` and 32 hexadecimal digits.
    var text: String { "xxh128:" + hex }
}
