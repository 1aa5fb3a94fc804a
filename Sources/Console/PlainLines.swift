import Core

/// How much is said.
package enum Verbosity: Int, Comparable, Sendable {
    /// Errors only.
    case quiet
    case normal
    /// Details for a person who looks for a cause.
    case verbose

    package static func < (a: Verbosity, b: Verbosity) -> Bool { a.rawValue < b.rawValue }
}

/// Events as calm lines for a pipe: start, end, problems; progress is not said, and what an edge did is the summary's.
package enum PlainLines {
    package static func lines(for event: Event, _ verbosity: Verbosity) -> [StyledLine] {
        switch event {
        case .started(let edge): verbosity >= .normal ? [StyledLine("\(edge.label): started")] : []
        case .progress: []
        case .problem(let edge, let error): [problem(error, of: edge)]
        case .warning(let edge, let error): verbosity >= .normal ? warning(error, of: edge) : []
        case .finished(let summary): verbosity >= .normal ? [SummaryText.end(summary)] : []
        case .detail(let edge, let text): verbosity >= .verbose ? [detail(text, of: edge)] : []
        }
    }

    /// A path that was not brought in step.
    package static func problem(_ error: HeadwaterError, of edge: EdgeIdentity) -> StyledLine {
        let cause = error.cause.map { " (\(Printable.text($0)))" } ?? ""
        var line = StyledLine("\(edge.label): ")
        line.add("problem[\(error.code)] ", .yellow)
        line.add((error.path.map { "\($0): " } ?? "") + Printable.text(error.message) + cause)
        return line
    }

    private static func warning(_ error: HeadwaterError, of edge: EdgeIdentity?) -> [StyledLine] {
        var line = StyledLine(edge.map { "\($0.label): " } ?? "")
        line.add("warning[\(error.code)] ", .yellow)
        line.add((error.path.map { "\($0): " } ?? "") + Printable.text(error.message))
        return [line, StyledLine("  remedy: " + Printable.line(error.remedy))]
    }

    private static func detail(_ text: String, of edge: EdgeIdentity?) -> StyledLine {
        StyledLine((edge.map { "\($0.label): " } ?? "") + Printable.text(text), .dim)
    }
}
