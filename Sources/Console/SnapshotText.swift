import Core

/// What `snapshot` says to people.
package enum SnapshotText {
    // MARK: list

    /// A line for each database, why one refuses, and a line that counts.
    package static func list(_ reports: [SnapshotReport]) -> [StyledLine] {
        reports.map(line) + errors(reports) + [total(reports)]
    }

    /// Refusals alone, for who wants to hear nothing else.
    package static func errors(_ reports: [SnapshotReport]) -> [StyledLine] {
        reports.flatMap { report in
            report.error.map { error in
                var named = error
                (named.edge, named.peer) = (nil, report.peer)
                return SummaryText.block(named)
            } ?? []
        }
    }

    private static func line(_ report: SnapshotReport) -> StyledLine {
        var line = StyledLine(report.session, .bold)
        line.add((report.peer.map { " at \($0)" } ?? "") + ": ")
        guard let facts = report.facts else {
            if let error = report.error { line.add("refused [\(error.code)]", .red) } else { line.add("no database") }
            return line
        }
        line.add(standing(report, facts), report.owner == nil && report.hasLog ? .yellow : .none)
        line.add("; \(direction(facts)); \(rows(facts)); \(Printable.text(facts.placeHere)) ")
        line.add("\(arrow(facts)) \(Printable.text(facts.placeThere))", .dim)
        return line
    }

    private static func standing(_ report: SnapshotReport, _ facts: SnapshotFacts) -> String {
        if let owner = report.owner { return "running (\(Printable.text(owner)))" }
        if report.hasLog || facts.isRunning { return "interrupted" }
        if facts.mine == 0 && facts.theirs == 0 { return "nothing agreed on yet" }
        return "commit \(Amounts.count(UInt64(clamping: max(facts.mine, facts.theirs))))"
            + (report.writtenAt.map { ", " + LogFile.timestamp($0) } ?? "")
    }

    private static func direction(_ facts: SnapshotFacts) -> String {
        facts.mode.rawValue + (facts.isUpstream ? ", upstream end" : ", downstream end")
    }

    private static func arrow(_ facts: SnapshotFacts) -> String {
        facts.mode == .bidi ? "<->" : facts.isUpstream ? "->" : "<-"
    }

    private static func rows(_ facts: SnapshotFacts) -> String {
        let counts = [
            (facts.files, "file", "files"), (facts.directories, "directory", "directories"),
            (facts.symlinks, "symlink", "symlinks"), (facts.conflicts, "conflict", "conflicts"),
        ].filter { $0.0 > 0 }.map { Amounts.count($0.0, $0.1, $0.2) }
        return counts.isEmpty ? "no rows" : counts.joined(separator: ", ")
    }

    private static func total(_ reports: [SnapshotReport]) -> StyledLine {
        let there = reports.filter { $0.facts != nil || $0.error != nil }
        var line = StyledLine(Amounts.count(UInt64(there.count), "database", "databases"), .bold)
        let refused = there.count { $0.error != nil }
        if refused > 0 { line.add(", \(refused) refused", .red) }
        return line
    }

    // MARK: summary

    /// Everything that one database says of itself, a line each.
    package static func summary(_ report: SnapshotReport) -> [StyledLine] {
        guard let facts = report.facts else { return [line(report)] }
        var lines = [StyledLine("\(report.session) in \(Printable.text(report.directory))", .bold)]
        func add(_ name: String, _ value: String) {
            var line = StyledLine("  " + TerminalText.fitted(name, to: 13), .dim)
            line.add(value)
            lines.append(line)
        }
        add("stands", standing(report, facts))
        add("mode", direction(facts))
        add("here", "\(Printable.text(facts.placeHere)) on \(Printable.text(facts.machineHere))")
        add("there", "\(Printable.text(facts.placeThere)) on \(Printable.text(facts.machineThere))")
        add(
            "commits",
            "\(Amounts.count(UInt64(clamping: facts.mine))) of this end, "
                + "\(Amounts.count(UInt64(clamping: facts.theirs))) of the other end recorded")
        add("snapshot", facts.id)
        if let at = report.writtenAt { add("last written", LogFile.timestamp(at)) }
        add("entries", rows(facts))
        guard let rows = report.rows else { return lines }
        add("states", rows.states.map { "\(Amounts.count($0.count)) \($0.name)" }.joined(separator: ", "))
        add("content", Amounts.bytes(rows.contentBytes))
        let log = rows.logBytes > 0 ? ", log \(Amounts.bytes(rows.logBytes))" : ""
        add("file", "\(Amounts.bytes(rows.databaseBytes)), \(Amounts.bytes(rows.freeBytes)) of it free\(log)")
        return lines
    }

    // MARK: files, check, compact

    /// One row: status, kind, size, time, path.
    package static func file(_ path: SnapshotPath) -> StyledLine {
        let colour: Colour = path.status == "CONFLICT" ? .yellow : path.state == "agreed" ? .none : .dim
        var line = StyledLine(TerminalText.fitted(path.status, to: 17) + " ", colour)
        let size = path.attributes.kind == .file ? String(path.attributes.size) : "-"
        line.add(TerminalText.fitted(path.attributes.kind.name, to: 10))
        line.add(TerminalText.fitted(size, to: 14, alignRight: true))
        line.add(" \(LogFile.timestamp(path.attributes.mtime)) \(path.path)")
        return line
    }

    package static func sound(_ session: String, rows: UInt64, commit: UInt64) -> StyledLine {
        var line = StyledLine(session + ": ", .bold)
        line.add("sound", .green)
        line.add("; \(Amounts.count(rows, "row", "rows")), commit \(Amounts.count(commit))")
        return line
    }

    package static func compacted(_ session: String, before: UInt64, after: UInt64) -> StyledLine {
        var line = StyledLine(session + ": ", .bold)
        line.add("compacted", .green)
        line.add(", \(Amounts.bytes(before)) before, \(Amounts.bytes(after)) now")
        return line
    }
}

extension EntryKind {
    var name: String {
        switch self {
        case .file: "file"
        case .directory: "directory"
        case .symlink: "symlink"
        case .untracked: "untracked"
        case .problem: "problem"
        }
    }
}
