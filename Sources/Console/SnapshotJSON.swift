import Core

/// The lines of `snapshot … --json`: the version, one object for each thing, and a summary with the exit code.
package enum SnapshotJSON {
    package static let version = EventJSON.version

    package static func list(_ reports: [SnapshotReport]) -> [String] {
        [version] + reports.map { object("snapshot", members($0)) }
            + [summary(ExitCode.worst(reports.map(\.exit)), [("databases", .integer(reports.count))])]
    }

    package static func file(_ path: SnapshotPath) -> String {
        object(
            "file",
            [
                ("path", .string(path.path.description)), ("status", .string(path.status)),
                ("state", .string(path.state)), ("origin", optional(path.origin)),
                ("kind", .string(path.attributes.kind.name)),
                ("size", .unsigned(path.attributes.size)), ("mode", .string(octal(path.attributes.mode))),
                ("mtime", .string(LogFile.timestamp(path.attributes.mtime))),
                ("mtime_s", .integer(Int(path.attributes.mtime.seconds))),
                ("mtime_ns", .integer(Int(path.attributes.mtime.nanoseconds))),
                ("digest", path.digest.map { .string($0.hex) } ?? .null), ("commit", .integer(Int(path.number))),
            ])
    }

    /// - Parameter error: why it is not sound; nil where it is.
    package static func check(
        _ directory: String, _ session: String, _ found: (rows: UInt64, commit: UInt64)?, _ error: HeadwaterError?
    ) -> String {
        object(
            "check",
            [
                ("directory", .string(Printable.text(directory))), ("session", .string(session)),
                ("sound", .bool(error == nil)), ("rows", found.map { .unsigned($0.rows) } ?? .null),
                ("commit", found.map { .unsigned($0.commit) } ?? .null),
            ] + members(error))
    }

    /// The last line of all.
    package static func summary(_ exit: ExitCode, _ more: [(String, JSONValue)] = []) -> String {
        object("summary", more + [("exit", .integer(Int(exit.rawValue)))])
    }

    private static func members(_ report: SnapshotReport) -> [(String, JSONValue)] {
        let state = report.error != nil ? "refused" : report.facts == nil ? "none" : "present"
        let head: [(String, JSONValue)] = [
            ("directory", .string(Printable.text(report.directory))), ("session", .string(report.session)),
            ("peer", optional(report.peer)), ("state", .string(state)), ("owner", optional(report.owner)),
            ("has_log", .bool(report.hasLog)),
            ("written_at", optional(report.writtenAt.map(LogFile.timestamp))),
        ]
        return head + members(report.error) + (report.facts.map(members) ?? []) + (report.rows.map(members) ?? [])
    }

    private static func members(_ error: HeadwaterError?) -> [(String, JSONValue)] {
        [
            ("code", optional(error?.code)), ("message", optional(error?.message)),
            ("remedy", optional(error?.remedy)), ("cause", optional(error?.cause)),
        ]
    }

    private static func members(_ facts: SnapshotFacts) -> [(String, JSONValue)] {
        [
            ("mode", .string(facts.mode.rawValue)), ("upstream", .bool(facts.isUpstream)),
            ("place_here", .string(Printable.text(facts.placeHere))),
            ("place_there", .string(Printable.text(facts.placeThere))),
            ("machine_here", .string(Printable.text(facts.machineHere))),
            ("machine_there", .string(Printable.text(facts.machineThere))), ("uuid", .string(facts.id)),
            ("mine", .integer(Int(facts.mine))), ("theirs", .integer(Int(facts.theirs))),
            ("running", .bool(facts.isRunning)), ("files", .unsigned(facts.files)),
            ("directories", .unsigned(facts.directories)), ("symlinks", .unsigned(facts.symlinks)),
            ("conflicts", .unsigned(facts.conflicts)),
        ]
    }

    private static func members(_ rows: SnapshotRows) -> [(String, JSONValue)] {
        [
            ("states", .object(rows.states.map { ($0.name, .unsigned($0.count)) })),
            ("content_bytes", .unsigned(rows.contentBytes)), ("database_bytes", .unsigned(rows.databaseBytes)),
            ("log_bytes", .unsigned(rows.logBytes)), ("free_bytes", .unsigned(rows.freeBytes)),
        ]
    }

    private static func object(_ type: String, _ members: [(String, JSONValue)]) -> String {
        JSONValue.object([("type", .string(type))] + members).text
    }

    private static func optional(_ text: String?) -> JSONValue { text.map { .string(Printable.text($0)) } ?? .null }

    private static func octal(_ mode: UInt16) -> String {
        let digits = String(mode, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
