import Core
import Platform

/// What a halted run would have deleted, or made again, as the end that would have done so tells it; bounded there and here.
package final class HaltedPaths: Sendable {
    /// What a path of the list comes as: a problem that nobody is shown.
    package static let code = "halt.would-delete"
    private static let bytesMax = 2 << 20

    private struct State: Sendable {
        var paths: [TreePath] = []
        var bytes = 0
    }

    private let state = Monitor(State())

    package init() {}

    /// In the order of deletion; the first of them where there are too many.
    package var paths: [TreePath] { state.read { $0.paths } }

    /// Forgets what an earlier try said.
    package func clear() { state.update { $0 = State() } }

    /// Keeps the path of `problem` if it belongs to such a list; false for any other problem.
    package func take(_ problem: HeadwaterError) -> Bool {
        guard problem.code == HaltedPaths.code, let path = problem.path else { return false }
        state.update { state in
            state.bytes += path.key.count + 64
            if state.bytes <= HaltedPaths.bytesMax { state.paths.append(path) }
        }
        return true
    }
}
