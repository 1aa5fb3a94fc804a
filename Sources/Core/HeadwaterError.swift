/// A fault of a peer, a disk or a person, fit to be shown: code, what happened, remedy, place and cause.
///
/// `code` is stable and has the grammar `area.what`; every code stands in `docs/errors.md`. Our own bugs trap instead.
package struct HeadwaterError: Error, Sendable {
    package var code: String
    /// What happened, with the values in it; one line. For codes taken over from Aspera Sync the known wording.
    package var message: String
    /// What to do, in the imperative; one line.
    package var remedy: String
    package var exit: ExitCode
    /// Whether trying again by itself may help.
    package var isTransient: Bool
    /// The session (edge) this happened on, once known.
    package var edge: String?
    /// The peer at whose end this happened, once known, for errors that belong to one; paths in the texts are paths there.
    package var peer: String?
    /// The path in the tree, once known.
    package var path: TreePath?
    /// The system's own words, if any.
    package var cause: String?
    /// Of a halt: exactly what it would have done, in a form that compares; releasing it permits this and nothing more.
    package var facts: String?

    package init(
        _ code: String, _ message: String, remedy: String, exit: ExitCode = .edgeFailed, isTransient: Bool = false,
        path: TreePath? = nil, cause: String? = nil
    ) {
        self.code = code
        self.message = message
        self.remedy = remedy
        self.exit = exit
        self.isTransient = isTransient
        self.path = path
        self.cause = cause
    }
}

extension HeadwaterError: CustomStringConvertible {
    /// The form of every error on a terminal and in a log, several lines.
    package var description: String {
        var head = "error[\(code)]"
        if let edge { head += " edge \(edge)" }
        if let peer { head += "\(edge == nil ? "" : ",") at \(peer)" }
        if let path { head += " · \(path)" }
        var lines = [head, "  " + Printable.text(message), "  remedy: " + Printable.line(remedy)]
        if let cause { lines.append("  cause:  " + Printable.text(cause)) }
        return lines.joined(separator: "\n")
    }
}

/// The exit codes of every command.
package enum ExitCode: UInt8, Sendable, CaseIterable {
    case inStep = 0
    case edgeFailed = 1
    case usage = 2
    case conflicts = 3
    case problems = 4
    case databaseRefuses = 5
    case halted = 6
    case unreachable = 7
    case alreadyRunning = 8
    case interrupted = 130
    case terminated = 143

    /// The most severe first; with several edges the most severe wins.
    package static let bySeverity: [ExitCode] = [
        .interrupted, .terminated, .usage, .halted, .databaseRefuses, .edgeFailed, .unreachable, .alreadyRunning,
        .problems,
        .conflicts, .inStep,
    ]

    package static func worst(_ codes: some Sequence<ExitCode>) -> ExitCode {
        codes.min { bySeverity.firstIndex(of: $0)! < bySeverity.firstIndex(of: $1)! } ?? .inStep
    }

    /// Whether edges below one that ended like this are skipped.
    package var blocksDownstream: Bool {
        switch self {
        case .inStep, .conflicts, .problems: false
        default: true
        }
    }
}
