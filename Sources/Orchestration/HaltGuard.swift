import Core
import Platform

/// Keeps a halted edge halted from run to run, around whatever runs it.
///
/// A halt that stands answers instead of the edge; a new one is kept before anybody hears of it; a cycle that ends well clears it.
package struct HaltGuard: Sendable {
    private let store: HaltStore
    private let clearingByThemselves: Set<String>
    private let now: @Sendable () -> Timestamp

    /// - Parameter clearingByThemselves: codes of reasons that go when the root is back: they never wait for a release.
    package init(
        store: HaltStore, clearingByThemselves: Set<String>, now: @escaping @Sendable () -> Timestamp
    ) {
        self.store = store
        self.clearingByThemselves = clearingByThemselves
        self.now = now
    }

    /// Runs `body` unless a halt of `edge` stands.
    ///
    /// - Parameter body: gets what an operator released, which it may carry out. The error of a halt has the halt's facts.
    package func run(_ edge: EdgeIdentity, _ body: (_ released: [Permit]) -> EdgeSummary) -> EdgeSummary {
        do throws(HeadwaterError) {
            let known = try store.halt(of: edge.session)
            if let known, !known.isReleased, !clearingByThemselves.contains(known.code) {
                return HaltGuard.failed(edge, known.error)
            }
            let summary = body(known?.permits ?? [])
            try keep(summary, known)
            return summary
        } catch {
            return HaltGuard.failed(edge, error)
        }
    }

    private func keep(_ summary: EdgeSummary, _ known: StandingHalt?) throws(HeadwaterError) {
        if summary.exit == .halted, let error = summary.error {
            try store.record(StandingHalt(error, of: summary.edge, at: now()).following(known))
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
