import Core

/// What a run says at its end, in words.
package enum SummaryText {
    /// Of one edge, one line: what it moved, or why not.
    ///
    /// - Parameter isBrief: leaves the message of an error out, where the whole block of it follows.
    package static func line(_ summary: EdgeSummary, isBrief: Bool = false) -> StyledLine {
        var line = StyledLine(summary.edge.label + ": ", .bold)
        let (text, colour) = verdict(summary, isBrief)
        line.add(text, colour)
        return line
    }

    /// That an edge ended, and how; one line without figures and errors, which follow at the end of the run.
    package static func end(_ summary: EdgeSummary) -> StyledLine {
        var line = StyledLine(summary.edge.label + ": ")
        line.add(words(summary.state))
        if summary.skippedBecauseOf == nil { line.add(" after " + Amounts.seconds(summary.seconds)) }
        return line
    }

    /// Of the whole run, one line.
    package static func total(_ summaries: [EdgeSummary], seconds: Double) -> StyledLine {
        var line = StyledLine(Amounts.count(UInt64(summaries.count), "edge", "edges") + ": ", .bold)
        let states = EdgeState.allCases.compactMap { state -> String? in
            let count = summaries.count { $0.state == state }
            return count == 0 ? nil : "\(count) \(words(state))"
        }
        let allGood = summaries.allSatisfy { $0.exit == .inStep }
        line.add(states.isEmpty ? "nothing to do" : states.joined(separator: ", "), allGood ? .green : .yellow)
        let moved = total(summaries.map(\.counts))
        let rest = amounts(moved)
        if !rest.isEmpty { line.add("; " + rest.joined(separator: ", ")) }
        line.add("; " + Amounts.seconds(seconds))
        return line
    }

    /// The problems of one edge: the first of them, then how many more there are.
    package static func problems(_ first: [HeadwaterError], count: UInt64, of edge: EdgeIdentity) -> [StyledLine] {
        var lines = first.map { PlainLines.problem($0, of: edge) }
        if count > UInt64(first.count) {
            let more = Amounts.count(count - UInt64(first.count), "more problem", "more problems")
            lines.append(StyledLine("\(edge.label): \(more); --log-file keeps every one", .yellow))
        }
        return lines
    }

    /// What to do about problems, once for each kind.
    package static func remedies(_ remedies: [(code: String, remedy: String)]) -> [StyledLine] {
        remedies.map { code, remedy in
            var line = StyledLine("remedy[\(code)] ", .yellow)
            line.add(Printable.text(remedy))
            return line
        }
    }

    /// The block of an edge's error, for the end of a run; empty when the edge did not fail.
    package static func errorBlock(_ summary: EdgeSummary) -> [StyledLine] {
        guard var error = summary.error, summary.skippedBecauseOf == nil else { return [] }
        if error.edge == nil { error.edge = summary.edge.label }
        return block(error)
    }

    /// `HeadwaterError.description` as lines.
    package static func block(_ error: HeadwaterError) -> [StyledLine] {
        error.description.split(separator: "\n").enumerated().map { index, text in
            StyledLine(String(text), index == 0 ? .red : .none)
        }
    }

    private static func verdict(_ summary: EdgeSummary, _ isBrief: Bool) -> (String, Colour) {
        if let blocker = summary.skippedBecauseOf { return ("skipped because of \(blocker.label)", .yellow) }
        let moved = amounts(summary.counts)
        let stands = standing(summary.counts)
        switch summary.state {
        case .inStep where moved.isEmpty: return (joined("in step, nothing to do", stands), .green)
        case .inStep: return (joined(movedText(summary, moved), stands), .green)
        case .conflicts, .problems:
            return (joined(moved.isEmpty ? "nothing to do" : movedText(summary, moved), stands), .yellow)
        case .interrupted:
            return ("interrupted" + after(moved) + "; the next run goes on from here", .yellow)
        default:
            let reason =
                summary.error.map {
                    " [\($0.code)]" + (isBrief ? "" : ": " + Printable.text($0.message))
                } ?? ""
            return (words(summary.state) + after(moved) + reason, .red)
        }
    }

    private static func joined(_ text: String, _ stands: [String]) -> String {
        stands.isEmpty ? text : text + "; " + stands.joined(separator: ", ")
    }

    private static func after(_ moved: [String]) -> String {
        moved.isEmpty ? "" : " after " + moved.joined(separator: ", ")
    }

    private static func movedText(_ summary: EdgeSummary, _ moved: [String]) -> String {
        let text = moved.joined(separator: ", ") + " in " + Amounts.seconds(summary.seconds)
        if summary.counts.bytesPayload == 0 || summary.seconds < 0.05 { return text }
        return text + " (\(Amounts.rate(Double(summary.counts.bytesPayload) / summary.seconds)))"
    }

    /// What was done, by kind; a kind without any is left out.
    private static func amounts(_ counts: CycleCounts) -> [String] {
        var out = [String]()
        func add(_ number: UInt64, _ singular: String, _ plural: String) {
            if number > 0 { out.append(Amounts.count(number, singular, plural)) }
        }
        add(counts.files, "file", "files")
        add(counts.directories, "directory", "directories")
        add(counts.symlinks, "symlink", "symlinks")
        add(counts.deleted, "deleted", "deleted")
        add(counts.renamed, "renamed", "renamed")
        if counts.bytesPayload > 0 { out.append(Amounts.bytes(counts.bytesPayload)) }
        return out
    }

    private static func standing(_ counts: CycleCounts) -> [String] {
        var out = [String]()
        if counts.conflicts > 0 { out.append(Amounts.count(counts.conflicts, "conflict", "conflicts")) }
        if counts.problems > 0 { out.append(Amounts.count(counts.problems, "problem", "problems")) }
        if counts.untracked > 0 {
            out.append(Amounts.count(counts.untracked, "special file", "special files") + " not synced")
        }
        return out
    }

    private static func words(_ state: EdgeState) -> String {
        switch state {
        case .inStep: "in step"
        case .conflicts: "with conflicts"
        case .problems: "with problems"
        case .refused: "refused"
        case .alreadyRunning: "already running"
        default: state.rawValue
        }
    }

    private static func total(_ all: [CycleCounts]) -> CycleCounts {
        all.reduce(into: CycleCounts()) { $0.add(moved: $1) }
    }
}
