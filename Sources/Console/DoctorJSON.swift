import Core

/// The lines of `doctor --json`: the version, one object for each peer, one for each finding, the summary.
package enum DoctorJSON {
    package static func lines(_ report: DoctorReport) -> [String] {
        [EventJSON.version] + report.checks.map(line) + report.findings.map(line) + [summary(report)]
    }

    private static func line(_ type: String, _ members: [(String, JSONValue)]) -> String {
        JSONValue.object([("type", .string(type))] + members).text
    }

    private static func summary(_ report: DoctorReport) -> String {
        let counts = Finding.Severity.allCases.map { severity in
            (severity.rawValue + "s", JSONValue.integer(report.findings.count { $0.severity == severity }))
        }
        let commands = DoctorText.commands(report).map { JSONValue.string($0) }
        return line(
            "summary",
            [("peers", .integer(report.checks.count))] + counts + [
                ("exit", .integer(Int(report.exit.rawValue))), ("commands", .array(commands)),
            ])
    }

    private static func line(_ finding: Finding) -> String {
        line(
            "finding",
            [
                ("severity", .string(finding.severity.rawValue)), ("peers", .array(finding.peers.map { .string($0) })),
                ("code", .string(finding.error.code)), ("exit", .integer(Int(finding.exit.rawValue))),
                ("message", .string(Printable.text(finding.error.message))),
                ("remedy", .string(Printable.text(finding.error.remedy))),
                ("cause", optional(finding.error.cause)),
                ("commands", .array(finding.commands.map { .string($0) })),
            ])
    }

    private static func line(_ check: PeerCheck) -> String {
        line(
            "peer",
            [
                ("peer", .string(check.peer)), ("place", .string(Printable.text(check.place))),
                ("here", .bool(check.isHere)), ("reached", .bool(check.failure == nil)),
                ("failed_at", check.failure.map { .string($0.stage.rawValue) } ?? .null),
                ("code", check.failure.map { .string($0.error.code) } ?? .null), ("seconds", .number(check.seconds)),
                ("machine", check.host.map(object) ?? .null), ("root", check.root.map(object) ?? .null),
                ("to_come", check.toCome.map(object) ?? .null),
                ("watches", check.watches.map { .unsigned($0) } ?? .null),
                ("clock_offset", check.clock.map { .number($0.seconds) } ?? .null),
                ("clock_uncertainty", check.clock.map { .number($0.uncertainty) } ?? .null),
            ])
    }

    private static func object(_ host: HostFacts) -> JSONValue {
        .object([
            ("name", .string(Printable.text(host.name))), ("system", .string(Printable.text(host.system))),
            ("headwater", .string(host.headwater)), ("protocol", .integer(host.protocolNumber)),
            ("watches_max", host.watchesMax.map { .unsigned($0) } ?? .null),
        ])
    }

    private static func object(_ root: RootFacts) -> JSONValue {
        let kinds: [RootFacts.Kind: String] = [
            .missing: "missing", .directory: "directory", .other: "other", .hidden: "hidden",
        ]
        return .object([
            ("path", .string(Printable.text(root.path))), ("kind", .string(kinds[root.kind]!)),
            ("readable", .bool(root.isReadable)), ("writable", .bool(root.isWritable)),
            ("parent", .bool(root.isParentThere)), ("mounted", root.isMarkThere.map { .bool($0) } ?? .null),
            ("database", .string(Printable.text(root.database.path))),
            ("file_system", root.fileSystem.map(object) ?? .null),
            ("trees", .array(root.trees.map { $0.map(object) ?? .null })),
        ])
    }

    private static func object(_ disk: FileSystemFacts) -> JSONValue {
        let names: [Ability: String] = [
            .caseSensitive: "case_sensitive", .exactNames: "exact_names", .extendedAttributes: "xattrs",
            .accessLists: "acls", .reflink: "reflink", .unnamedFiles: "o_tmpfile", .exchange: "rename_exchange",
            .hardLinks: "hard_links",
        ]
        let abilities = Ability.allCases.map { ability in
            (names[ability]!, disk.has(ability).map { JSONValue.bool($0) } ?? .null)
        }
        return .object([
            ("type", .string(disk.type)), ("read_only", .bool(disk.isReadOnly)),
            ("free_bytes", .unsigned(disk.freeBytes)), ("total_bytes", .unsigned(disk.totalBytes)),
            ("free_inodes", .unsigned(disk.freeInodes)), ("total_inodes", .unsigned(disk.totalInodes)),
            ("time_step_ns", disk.timeStepNanoseconds.map { .unsigned($0) } ?? .null),
            ("abilities", .object(abilities)),
        ])
    }

    private static func object(_ size: TreeSize) -> JSONValue {
        .object([
            ("entries", .unsigned(size.entries)), ("directories", .unsigned(size.directories)),
            ("bytes", .unsigned(size.bytes)), ("source", .string(size.source == .scan ? "scan" : "snapshot")),
            ("complete", .bool(size.isComplete)),
        ])
    }

    private static func optional(_ text: String?) -> JSONValue { text.map { .string(Printable.text($0)) } ?? .null }
}
