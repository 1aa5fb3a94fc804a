import Core

/// The lines of `--json`: one object each; the first says the version, the last is the summary.
package enum EventJSON {
    /// Grows when a member changes its meaning or goes; new members do not count.
    package static let format = 1

    package static var version: String {
        line("version", [("format", .integer(format)), ("headwater", .string(Version.headwater))])
    }

    /// The line of an event; nil for details, which are for people.
    package static func line(for event: Event) -> String? {
        switch event {
        case .started(let edge): line("started", members(edge))
        case .progress(let edge, let progress): line("progress", members(edge) + members(progress))
        case .problem(let edge, let error): line("problem", members(edge) + members(error))
        case .warning(let edge, let error): line("warning", (edge.map(members) ?? []) + members(error))
        case .finished(let summary): line("finished", finish(summary))
        case .detail: nil
        }
    }

    package static func summary(_ edges: [EdgeSummary]) -> String {
        line("summary", [("edges", .array(edges.map { .object(summaryMembers($0)) }))])
    }

    private static func line(_ type: String, _ members: [(String, JSONValue)]) -> String {
        JSONValue.object([("type", .string(type))] + members).text
    }

    private static func members(_ edge: EdgeIdentity) -> [(String, JSONValue)] {
        [("edge", .string(edge.label)), ("session", .string(edge.session))]
    }

    private static func members(_ progress: Progress) -> [(String, JSONValue)] {
        [
            ("phase", .string(progress.phase.rawValue)), ("entries_done", .integer(progress.entriesDone)),
            ("entries_total", .integer(progress.entriesTotal)), ("bytes_done", .unsigned(progress.bytesDone)),
            ("bytes_total", .unsigned(progress.bytesTotal)),
        ]
    }

    private static func members(_ error: HeadwaterError) -> [(String, JSONValue)] {
        [
            ("code", .string(error.code)), ("message", .string(Printable.text(error.message))),
            ("remedy", .string(error.remedy)), ("path", error.path.map { .string($0.description) } ?? .null),
            ("cause", error.cause.map { .string(Printable.text($0)) } ?? .null),
            ("peer", error.peer.map { .string($0) } ?? .null),
        ]
    }

    private static func finish(_ summary: EdgeSummary) -> [(String, JSONValue)] {
        var all = members(summary.edge)
        all.append(("state", .string(summary.state.rawValue)))
        all.append(("exit", .integer(Int(summary.exit.rawValue))))
        if let error = summary.error { all.append(("error", .object(members(error)))) }
        if let blocker = summary.skippedBecauseOf { all.append(("skipped_because_of", .string(blocker.session))) }
        return all
    }

    static func summaryMembers(_ summary: EdgeSummary) -> [(String, JSONValue)] {
        let counts = summary.counts
        return [
            ("edge", .string(summary.edge.label)), ("session", .string(summary.edge.session)),
            ("state", .string(summary.state.rawValue)), ("exit", .integer(Int(summary.exit.rawValue))),
            ("files", .unsigned(counts.files)), ("directories", .unsigned(counts.directories)),
            ("symlinks", .unsigned(counts.symlinks)), ("deleted", .unsigned(counts.deleted)),
            ("renamed", .unsigned(counts.renamed)), ("conflicts", .unsigned(counts.conflicts)),
            ("problems", .unsigned(counts.problems)), ("bytes_payload", .unsigned(counts.bytesPayload)),
            ("bytes_sent", .unsigned(summary.bytesSent)), ("bytes_received", .unsigned(summary.bytesReceived)),
            ("seconds", .number(summary.seconds)),
        ]
    }
}
