import Core

/// How an edge ended, in the word that the summary and `--json` use.
package enum EdgeState: String, Sendable, CaseIterable {
    case inStep = "in-step"
    case conflicts
    case problems
    case failed
    case refused
    case halted
    case unreachable
    case alreadyRunning = "already-running"
    case skipped
    case interrupted
}

extension EdgeSummary {
    package var state: EdgeState {
        if skippedBecauseOf != nil { return .skipped }
        return switch exit {
        case .inStep: .inStep
        case .edgeFailed, .usage: .failed
        case .conflicts: .conflicts
        case .problems: .problems
        case .databaseRefuses: .refused
        case .halted: .halted
        case .unreachable: .unreachable
        case .alreadyRunning: .alreadyRunning
        case .interrupted, .terminated: .interrupted
        }
    }
}
