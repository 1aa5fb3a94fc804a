import Core
import Platform

/// Keeps a halted edge halted from run to run, around whatever runs it.
///
/// A halt that stands answers instead of the edge; a new one is kept before anybody hears of it; a cycle that ends well clears it.
package struct HaltGuard: Sendable {
    private let store: HaltStore
    private let now: @Sendable () -> Timestamp

    package init(store: HaltStore, now: @escaping @Sendable () -> Timestamp) {
        self.store = store
        self.now = now
    }

    /// Runs `body` unless a halt of `edge` stands.
    ///
    /// - Parameter body: gets the halt that an operator released, whose facts it may carry out. The error of a halt has the facts of it.
    package func run(_ edge: EdgeIdentity, _ body: (_ released: Halt?) -> EdgeSummary) -> EdgeSummary {
        do throws(HeadwaterError) {
            let known = try store.halt(of: edge.session)
            if let known, known.stands { return HaltGuard.failed(edge, known.error) }
            let released = known.flatMap { $0.isReleased ? $0 : nil }
            let summary = body(released)
            try keep(summary, known)
            return summary
        } catch {
            return HaltGuard.failed(edge, error)
        }
    }

    private func keep(_ summary: EdgeSummary, _ known: Halt?) throws(HeadwaterError) {
        if summary.exit == .halted, let error = summary.error {
            try store.record(Halt(error, of: summary.edge, at: now()))
        } else if known != nil, !summary.exit.blocksDownstream {
            try store.clear(summary.edge.session)
        }
    }

    private static func failed(_ edge: EdgeIdentity, _ error: HeadwaterError) -> EdgeSummary {
        var summary = EdgeSummary(edge: edge)
        summary.exit = error.exit
        summary.error = error
        return summary
    }
}
