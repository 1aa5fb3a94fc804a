import Core
import Platform

/// What the sessions of a plan foresee, by edge; filled by several threads at once.
///
/// A try that was lost counts for nothing: what its edge foresees is said anew. Of an edge with two turns both count.
package final class PlanGathering: Sendable {
    /// Steps of each kind that are kept of an edge where not all are asked for.
    private static let stepsMax = 40
    private static let problemsMax = 1000

    private struct Tally: Sendable {
        var counts = PlanCounts()
        var steps: [ForeseenStep] = []
        var keptOfKind: [ForeseenStep.Action: Int] = [:]
        var problems: [HeadwaterError] = []
        var heldBack: [TreePath] = []
    }

    private struct State: Sendable {
        /// Of turns that are over.
        var settled: [String: Tally] = [:]
        var current: [String: Tally] = [:]
        /// Before the first turn.
        var positions: [String: SessionPosition?] = [:]
    }

    private let keepsAll: Bool
    private let state = Monitor(State())

    /// - Parameter keepsAll: every step, rather than the first of each kind.
    package init(keepsAll: Bool) { self.keepsAll = keepsAll }

    /// A try of an edge begins: what an earlier one of the same turn said is forgotten.
    func begin(_ edge: EdgeIdentity) {
        state.update { state in
            // Of the turn before the problems stand no longer where this one does not say them again.
            state.settled[edge.session]?.problems = []
            state.current[edge.session] = Tally()
        }
    }

    func note(_ edge: EdgeIdentity, _ steps: [ForeseenStep], recorded: UInt64) {
        state.update { state in
            var tally = state.current.removeValue(forKey: edge.session) ?? Tally()
            tally.counts.recorded = CycleCounts.sum(tally.counts.recorded, recorded)
            for step in steps {
                tally.counts.add(step)
                let kept = tally.keptOfKind[step.action, default: 0]
                if !keepsAll && (kept >= PlanGathering.stepsMax || step.isTimeOfDirectory) { continue }
                tally.keptOfKind[step.action] = kept + 1
                tally.steps.append(step)
            }
            state.current[edge.session] = tally
        }
    }

    func note(_ edge: EdgeIdentity, _ problem: HeadwaterError) {
        state.update { state in
            if state.current[edge.session, default: Tally()].problems.count >= PlanGathering.problemsMax { return }
            state.current[edge.session, default: Tally()].problems.append(problem)
        }
    }

    func note(_ edge: EdgeIdentity, heldBack paths: [TreePath]) {
        state.update { $0.current[edge.session, default: Tally()].heldBack = paths }
    }

    func note(_ edge: EdgeIdentity, position: SessionPosition?) {
        state.update { if $0.positions[edge.session] == nil { $0.positions[edge.session] = .some(position) } }
    }

    /// The turn of an edge is over.
    func end(_ edge: EdgeIdentity) {
        state.update { state in
            guard let tally = state.current.removeValue(forKey: edge.session) else { return }
            var settled = state.settled.removeValue(forKey: edge.session) ?? Tally()
            settled.counts.add(tally.counts)
            settled.steps += tally.steps
            settled.problems += tally.problems
            settled.heldBack = tally.heldBack
            state.settled[edge.session] = settled
        }
    }

    /// With how each edge ended, in their order.
    package func plans(_ summaries: [EdgeSummary]) -> [EdgePlan] {
        let (settled, positions) = state.read { ($0.settled, $0.positions) }
        return summaries.map { summary in
            let tally = settled[summary.edge.session] ?? Tally()
            var plan = EdgePlan(
                summary: summary, counts: tally.counts, steps: tally.steps, problems: tally.problems,
                heldBack: tally.heldBack)
            plan.position = positions[summary.edge.session] ?? nil
            return plan
        }
    }
}
