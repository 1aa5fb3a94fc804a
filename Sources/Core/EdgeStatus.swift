/// How an edge stands while nothing runs, as far as the databases at hand tell.
package struct EdgeStatus: Sendable {
    package enum State: String, Sendable, CaseIterable {
        case inStep = "in-step"
        case conflicts
        case neverRun = "never-run"
        /// Some paths failed in the last run.
        case problems
        /// The last run failed, or did not reach a peer.
        case failed
        case unreachable
        /// A run was ended early: the next one goes on from there.
        case interrupted
        case running
        /// Waits for a release, or for a root to come back.
        case halted
        /// A database refuses.
        case refused
        /// Both databases are on other machines, which are not asked.
        case elsewhere
    }

    package var edge: EdgeIdentity
    package var state: State
    /// Why it is halted, refused or failed.
    package var error: HeadwaterError?
    /// Peers whose databases were looked into, and those that are on other machines.
    package var looked: [String] = []
    package var notLooked: [String] = []
    package var files: UInt64 = 0
    package var directories: UInt64 = 0
    package var symlinks: UInt64 = 0
    package var conflicts: UInt64 = 0
    /// The number of the last commit.
    package var commit: UInt64?
    /// When something was last recorded.
    package var recordedAt: Timestamp?
    /// When a run of it last ended here, and when last with everything in step; nil where that is not known.
    package var lastRunAt: Timestamp?
    package var lastSuccessAt: Timestamp?
    /// Who runs it.
    package var owner: String?
    /// A halt was released and the next run goes on.
    package var isReleased = false

    package init(edge: EdgeIdentity, state: State) { (self.edge, self.state) = (edge, state) }

    /// 0 when there is nothing to report; an edge that runs or never ran is none.
    package var exit: ExitCode {
        switch state {
        case .inStep, .neverRun, .running, .elsewhere: .inStep
        case .conflicts: .conflicts
        case .problems: .problems
        case .interrupted: .edgeFailed
        case .halted, .refused, .failed, .unreachable: error?.exit ?? .edgeFailed
        }
    }
}
