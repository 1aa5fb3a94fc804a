import Core
import Platform
import Sessions

/// Keeps the halts of edges from run to run, around whatever runs them.
///
/// A halted edge runs again: the brakes are in the session, and judge anew. Where the cause is gone the halt is dropped; where there is
/// one, the present one is kept before anybody hears of it. What was halted happens only with what an operator released.
package struct HaltGuard: Sendable {
    private let store: HaltStore
    private let now: @Sendable () -> Timestamp
    private let isPlan: Bool

    /// - Parameter isPlan: what is known counts, and stays as it is.
    package init(store: HaltStore, isPlan: Bool = false, now: @escaping @Sendable () -> Timestamp) {
        self.isPlan = isPlan
        self.store = store
        self.now = now
    }

    /// Runs `body`, unless what is known of `edge` cannot be read.
    ///
    /// - Parameter body: gets what an operator released, which it may carry out, and the list to fill with what a halt would have
    ///   deleted. The error of a halt has the halt's facts.
    package func run(_ edge: EdgeIdentity, _ body: (_ released: [Permit], _ list: HaltedPaths) -> EdgeSummary)
        -> EdgeSummary
    {
        do throws(HeadwaterError) {
            let known = try store.halt(of: edge.session)
            let list = HaltedPaths()
            var summary = body(known?.permits ?? [], list)
            if isPlan { return summary }
            if summary.exit == .halted, let error = summary.error {
                summary.error = try keep(error, edge, known, list)
            } else if known != nil, !summary.exit.blocksDownstream {
                try store.clear(edge.session)
            }
            return summary
        } catch {
            return HaltGuard.failed(edge, error)
        }
    }

    /// Returns the error with the place of the list in it.
    private func keep(
        _ error: HeadwaterError, _ edge: EdgeIdentity, _ known: StandingHalt?, _ list: HaltedPaths
    ) throws(HeadwaterError) -> HeadwaterError {
        var error = error
        let paths = list.paths
        if !paths.isEmpty {
            let file = try store.keep(list: paths, of: edge.session)
            let due = error.facts.flatMap(HaltGuard.paths)
            let some = due.map { $0 > paths.count } ?? false ? "the first \(paths.count) of them" : "they"
            error.message += "; \(some) are listed in \(file)"
        }
        var halt = StandingHalt(error, of: edge, at: now()).following(known)
        if let known, !known.isReleased, known.code == halt.code, known.facts == halt.facts { halt.at = known.at }
        if halt != known { try store.record(halt) }
        return error
    }

    /// `deletions=17 digest=…`, `drift=17 digest=…`: 17.
    private static func paths(_ facts: String) -> Int? {
        for prefix in ["deletions=", "drift="] where facts.hasPrefix(prefix) {
            return Int(facts.dropFirst(prefix.count).prefix { $0 != " " })
        }
        return nil
    }

    private static func failed(_ edge: EdgeIdentity, _ error: HeadwaterError) -> EdgeSummary {
        var summary = EdgeSummary(edge: edge)
        summary.exit = error.exit
        summary.error = error
        return summary
    }
}
