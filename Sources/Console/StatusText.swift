import Core

/// What `status` says to people: a line for each edge, and the reason where something keeps it.
package enum StatusText {
    package static func lines(_ statuses: [EdgeStatus]) -> [StyledLine] {
        var lines = statuses.map(line)
        for status in statuses { if let error = status.error { lines += block(error, of: status.edge) } }
        return lines + [total(statuses)]
    }

    private static func line(_ status: EdgeStatus) -> StyledLine {
        var line = StyledLine(status.edge.label + ": ", .bold)
        line.add(words(status), status.exit == .inStep ? .green : status.exit == .conflicts ? .yellow : .red)
        let details = details(status)
        if !details.isEmpty { line.add("; " + details.joined(separator: "; ")) }
        return line
    }

    private static func words(_ status: EdgeStatus) -> String {
        switch status.state {
        case .inStep: "in step"
        case .conflicts: Amounts.count(status.conflicts, "conflict stands", "conflicts stand")
        case .neverRun: "never run"
        case .problems: "with problems"
        case .failed: "failed [\(status.error?.code ?? "")]"
        case .unreachable: "unreachable [\(status.error?.code ?? "")]"
        case .interrupted: "interrupted; the next run goes on from there"
        case .running: "running" + (status.owner.map { " (\($0))" } ?? "")
        case .halted: "halted [\(status.error?.code ?? "")]"
        case .refused: "refused [\(status.error?.code ?? "")]"
        case .elsewhere: "not known here"
        }
    }

    private static func details(_ status: EdgeStatus) -> [String] {
        var parts: [String] = []
        if let commit = status.commit {
            let at = status.recordedAt.map { ", " + LogFile.timestamp($0) } ?? ""
            parts.append("commit \(Amounts.count(commit))\(at)")
            parts.append(rows(status))
        }
        if status.state != .inStep, let success = status.lastSuccessAt {
            parts.append("last in step " + LogFile.timestamp(success))
        }
        if status.isReleased { parts.append("a halt was released, the next run goes on") }
        if !status.notLooked.isEmpty { parts.append("\(status.notLooked.joined(separator: " and ")) not asked") }
        return parts
    }

    private static func rows(_ status: EdgeStatus) -> String {
        let counts = [
            (status.files, "file", "files"), (status.directories, "directory", "directories"),
            (status.symlinks, "symlink", "symlinks"),
        ].filter { $0.0 > 0 }.map { Amounts.count($0.0, $0.1, $0.2) }
        return counts.isEmpty ? "nothing in it" : counts.joined(separator: ", ")
    }

    private static func block(_ error: HeadwaterError, of edge: EdgeIdentity) -> [StyledLine] {
        var named = error
        named.edge = edge.label
        return SummaryText.block(named)
    }

    private static func total(_ statuses: [EdgeStatus]) -> StyledLine {
        var line = StyledLine(Amounts.count(UInt64(statuses.count), "edge", "edges") + ": ", .bold)
        let parts = EdgeStatus.State.allCases.compactMap { state -> String? in
            let count = statuses.count { $0.state == state }
            return count == 0 ? nil : "\(count) \(state.rawValue.replacing("-", with: " "))"
        }
        let isFine = statuses.allSatisfy { $0.exit == .inStep }
        line.add(parts.joined(separator: ", "), isFine ? .green : .yellow)
        return line
    }
}

/// The lines of `status --json`: the version, and a summary with all edges.
package enum StatusJSON {
    package static func lines(_ statuses: [EdgeStatus]) -> [String] {
        let summary = JSONValue.object([
            ("type", .string("summary")), ("edges", .array(statuses.map(object))),
            ("exit", .integer(Int(ExitCode.worst(statuses.map(\.exit)).rawValue))),
        ])
        return [EventJSON.version, summary.text]
    }

    private static func object(_ status: EdgeStatus) -> JSONValue {
        func optional(_ text: String?) -> JSONValue { text.map { .string(Printable.text($0)) } ?? .null }
        return .object([
            ("edge", .string(status.edge.label)), ("session", .string(status.edge.session)),
            ("state", .string(status.state.rawValue)), ("exit", .integer(Int(status.exit.rawValue))),
            ("code", optional(status.error?.code)), ("message", optional(status.error?.message)),
            ("remedy", optional(status.error?.remedy)), ("released", .bool(status.isReleased)),
            ("owner", optional(status.owner)), ("commit", status.commit.map { .unsigned($0) } ?? .null),
            ("recorded_at", optional(status.recordedAt.map(LogFile.timestamp))),
            ("last_run_at", optional(status.lastRunAt.map(LogFile.timestamp))),
            ("last_success_at", optional(status.lastSuccessAt.map(LogFile.timestamp))),
            ("files", .unsigned(status.files)),
            ("directories", .unsigned(status.directories)), ("symlinks", .unsigned(status.symlinks)),
            ("conflicts", .unsigned(status.conflicts)), ("looked", .array(status.looked.map { .string($0) })),
            ("not_asked", .array(status.notLooked.map { .string($0) })),
        ])
    }
}
