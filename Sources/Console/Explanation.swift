import Core
import Topologies

/// What `explain` prints about the code of an error or the id of a rule.
package enum Explanation {
    /// Everything that is known.
    package static var codes: [String] { ErrorManual.all.map(\.code) + Rule.allCases.map(\.id) }

    /// - Throws: `explain.unknown` with the nearest that there is.
    package static func lines(of word: String) throws(HeadwaterError) -> [StyledLine] {
        let code = inBrackets(word)
        if let manual = ErrorManual.of(code.lowercased()) { return lines(manual) }
        if let rule = Rule(rawValue: code.uppercased()) { return lines(RuleManual.of(rule)) }
        let nearest = Nearest.key(code, among: codes)
        throw HeadwaterError(
            "explain.unknown", "there is no error code or rule `\(code.prefix(64))`",
            remedy: nearest.map { "did you mean `\($0)`?" }
                ?? "give a code as it stands in an error, as in stage.no-space or HW101; docs/errors.md lists all",
            exit: .usage)
    }

    /// `stage.no-space` of `error[stage.no-space]`, as a message begins.
    private static func inBrackets(_ word: String) -> String {
        guard let open = word.firstIndex(of: "["), let end = word.lastIndex(of: "]"), open < end else { return word }
        return String(word[word.index(after: open)..<end])
    }

    private static func lines(_ manual: ErrorManual) -> [StyledLine] {
        var head = StyledLine(manual.code, .bold)
        head.add("  exit \(manual.exit)", .dim)
        return [
            head, StyledLine("  what happened: \(manual.cause)"), StyledLine("  what to do:    \(manual.remedy)"),
        ]
    }

    private static func lines(_ manual: RuleManual) -> [StyledLine] {
        var head = StyledLine("\(manual.rule.id) \(manual.rule.title)", .bold)
        head.add(
            "  \(manual.rule.severity.rawValue), exit \(manual.rule.severity == .error ? "2" : "0; 2 with --strict")",
            .dim)
        var lines = [head]
        if !manual.text.isEmpty { lines += split(manual.text) }
        if let example = manual.example {
            lines += [StyledLine(""), StyledLine("  This breaks it:"), StyledLine("")]
            lines += split(String(example.dropLast())).map { line in
                StyledLine("  " + line.rendered(colour: false), .cyan)
            }
            lines.append(StyledLine(""))
        }
        return lines + [StyledLine("  remedy: \(manual.remedy)")]
    }

    private static func split(_ text: String) -> [StyledLine] {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { StyledLine("  " + $0) }
    }
}
