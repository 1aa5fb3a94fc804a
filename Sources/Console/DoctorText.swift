import Core

/// What `doctor` says to people: each peer with what was found, the findings, and what to type.
package enum DoctorText {
    package static func lines(_ report: DoctorReport) -> [StyledLine] {
        var lines: [StyledLine] = []
        for check in report.checks {
            lines += self.lines(check) + [StyledLine("")]
        }
        for finding in report.findings { lines += self.lines(finding) }
        if !report.findings.isEmpty { lines.append(StyledLine("")) }
        return lines + advice(report) + [verdict(report)]
    }

    // MARK: one peer

    private static func lines(_ check: PeerCheck) -> [StyledLine] {
        var head = StyledLine(check.peer, .bold)
        head.add("  \(Printable.text(check.place))" + (check.isHere ? "  (here)" : ""), .dim)
        var facts: [(String, String)] = []
        if !check.isHere || check.failure != nil { facts.append(("reached", reach(check))) }
        if let host = check.host { facts.append(("machine", machine(host, check))) }
        if let root = check.root { facts += self.facts(root) }
        if let size = check.toCome { facts.append(("to come", words(size))) }
        if let watches = check.watches, let most = check.host?.watchesMax {
            facts.append(("watches", "\(Amounts.count(watches)) to stay in step, at most \(Amounts.count(most))"))
        }
        if let clock = check.clock { facts.append(("clock", words(clock))) }
        return [head] + facts.map { StyledLine("  " + padded($0.0) + Printable.text($0.1)) }
    }

    private static func padded(_ label: String) -> String {
        label + String(repeating: " ", count: max(1, 13 - label.utf8.count))
    }

    /// `name, port, host key, login, agent`, or up to where it ended.
    private static func reach(_ check: PeerCheck) -> String {
        guard let failure = check.failure else { return "in " + Amounts.seconds(check.seconds) }
        if check.isHere { return "no" }
        let passed = ReachStage.allCases.prefix { $0 != failure.stage }.map { words($0) + " ok" }
        return (passed + ["\(words(failure.stage)) failed [\(failure.error.code)]"]).joined(separator: ", ")
    }

    private static func words(_ stage: ReachStage) -> String { stage == .hostKey ? "host key" : stage.rawValue }

    private static func machine(_ host: HostFacts, _ check: PeerCheck) -> String {
        let program = check.isHere ? "headwater" : "headwater-agent"
        return "\(host.name), \(host.system), \(program) \(host.headwater), protocol \(host.protocolNumber)"
    }

    private static func facts(_ root: RootFacts) -> [(String, String)] {
        var facts = [("root", words(root))]
        if let disk = root.fileSystem {
            facts.append(("disk", space(disk)))
            facts.append(("abilities", abilities(disk)))
            let unknown = Ability.allCases.filter { disk.has($0) == nil }.map { words($0, true) }
            if !unknown.isEmpty {
                let later =
                    root.kind == .directory && root.isWritable
                    ? ": not tried among your files; the first run makes .headwater" : ""
                facts.append(("not known", unknown.joined(separator: ", ") + later))
            }
        }
        for tree in root.trees.compactMap({ $0 }).prefix(1) { facts.append(("holds", words(tree))) }
        return facts
    }

    private static func words(_ root: RootFacts) -> String {
        switch root.kind {
        case .missing:
            root.isParentThere ? "not there; the directory above it is" : "not there, nor is the directory above it"
        case .other: "there, but no directory"
        case .hidden: "cannot be looked at" + (root.cause.map { ": " + $0 } ?? "")
        case .directory:
            "there" + (root.isReadable ? ", readable" : ", not readable")
                + (root.isWritable ? ", writable" : ", not writable")
                + (root.isMarkThere.map { $0 ? ", mounted" : ", not mounted" } ?? "")
        }
    }

    private static func space(_ disk: FileSystemFacts) -> String {
        let bytes = "\(disk.type), \(Amounts.bytes(disk.freeBytes)) of \(Amounts.bytes(disk.totalBytes)) free"
        let inodes = disk.totalInodes == 0 ? "" : ", \(Amounts.count(disk.freeInodes)) inodes free"
        return bytes + inodes + (disk.isReadOnly ? ", read-only" : "")
    }

    private static func abilities(_ disk: FileSystemFacts) -> String {
        var parts = disk.abilities.map { words($0.ability, $0.isThere) }
        if let step = disk.timeStepNanoseconds { parts.append("times in steps of " + duration(step)) }
        return parts.isEmpty ? "none known" : parts.joined(separator: ", ")
    }

    private static func duration(_ nanoseconds: UInt64) -> String {
        switch nanoseconds {
        case 1_000_000_000...: "\(nanoseconds / 1_000_000_000) s"
        case 1_000_000...: "\(nanoseconds / 1_000_000) ms"
        default: "\(nanoseconds) ns"
        }
    }

    private static func words(_ ability: Ability, _ isThere: Bool) -> String {
        switch ability {
        case .caseSensitive: isThere ? "case-sensitive" : "not case-sensitive"
        case .exactNames: isThere ? "names as given" : "names normalised"
        case .extendedAttributes: (isThere ? "" : "no ") + "xattrs"
        case .accessLists: (isThere ? "" : "no ") + "ACLs"
        case .reflink: (isThere ? "" : "no ") + "reflink"
        case .unnamedFiles: (isThere ? "" : "no ") + "O_TMPFILE"
        case .exchange: (isThere ? "" : "no ") + "RENAME_EXCHANGE"
        case .hardLinks: (isThere ? "" : "no ") + "hard links"
        }
    }

    /// `at least 1 204 entries, 118 MB (counted)`.
    private static func words(_ size: TreeSize) -> String {
        let source = size.source == .scan ? "counted now" : "as last agreed on"
        return (size.isComplete ? "" : "at least ") + Amounts.count(size.entries, "entry", "entries") + ", "
            + Amounts.bytes(size.bytes) + " (\(source))"
    }

    private static func words(_ clock: ClockOffset) -> String {
        if abs(clock.seconds) <= clock.uncertainty + 0.001 { return "as here" }
        return Amounts.seconds(abs(clock.seconds)) + (clock.seconds > 0 ? " ahead" : " behind")
    }

    // MARK: findings

    private static func lines(_ finding: Finding) -> [StyledLine] {
        let colour: Colour = finding.severity == .error ? .red : finding.severity == .warning ? .yellow : .none
        let peers = finding.peers.isEmpty ? "" : " " + finding.peers.joined(separator: ", ")
        var lines = [StyledLine("\(finding.severity.rawValue)[\(finding.error.code)]\(peers)", colour)]
        lines.append(StyledLine("  " + Printable.text(finding.error.message)))
        lines.append(StyledLine("  remedy: " + Printable.text(finding.error.remedy)))
        if let cause = finding.error.cause { lines.append(StyledLine("  cause:  " + Printable.text(cause))) }
        return lines
    }

    private static func advice(_ report: DoctorReport) -> [StyledLine] {
        let commands = DoctorText.commands(report)
        if commands.isEmpty { return [] }
        return [StyledLine("What to do:", .bold)] + commands.map { StyledLine("  " + Printable.command($0)) } + [
            StyledLine("")
        ]
    }

    /// Each command once, in the order of the findings.
    static func commands(_ report: DoctorReport) -> [String] {
        var seen: Set<String> = []
        return report.findings.flatMap(\.commands).filter { seen.insert($0).inserted }
    }

    private static func verdict(_ report: DoctorReport) -> StyledLine {
        var line = StyledLine(Amounts.count(UInt64(report.checks.count), "peer", "peers") + ": ", .bold)
        let counts = Finding.Severity.allCases.compactMap { severity -> String? in
            let count = report.findings.count { $0.severity == severity }
            return count == 0 ? nil : Amounts.count(UInt64(count), severity.rawValue, severity.rawValue + "s")
        }
        let isFine = report.exit == .inStep
        line.add(counts.isEmpty ? "nothing to report" : counts.joined(separator: ", "), isFine ? .green : .yellow)
        return line
    }
}

extension Printable {
    /// A command as it is to be typed: backslashes stay.
    fileprivate static func command(_ text: String) -> String {
        text.split(separator: "\\", omittingEmptySubsequences: false).map { Printable.text(String($0)) }
            .joined(separator: "\\")
    }
}
