import Core
import Platform

/// One run of a topology: edges in parallel, in topological order, each on a thread of its own.
///
///     Schedule (what next) ◄──► Orchestrator (threads, events) ──► EdgeRunner (one edge)
package final class Orchestrator: Sendable {
    /// Edges that run at the same time, unless told otherwise: beyond it more threads bring nothing.
    package static let atOnceDefault = 64

    private struct State: Sendable {
        var finished: [(edge: Int, summary: EdgeSummary)] = []
        var isEnding = false
    }

    private let edges: [EdgeIdentity]
    private let feeders: [[Int]]
    private let runner: any EdgeRunner
    private let interruption: Interruption
    private let atOnceMax: Int
    private let observe: @Sendable (Event) -> Void
    private let state = Monitor(State())

    /// - Parameters:
    ///   - feeders: for each edge the indices of those that write what it reads.
    ///   - observe: gets `started` and `finished` of every edge, from several threads; must not call back.
    package init(
        edges: [EdgeIdentity], feeders: [[Int]], runner: any EdgeRunner, interruption: Interruption,
        atOnceMax: Int = Orchestrator.atOnceDefault, observe: @escaping @Sendable (Event) -> Void
    ) {
        precondition(edges.count == feeders.count)
        self.edges = edges
        self.feeders = feeders
        self.runner = runner
        self.interruption = interruption
        self.atOnceMax = atOnceMax
        self.observe = observe
    }

    /// Runs every edge once; returns their summaries in the order of `edges`. Blocks until no thread of it is left. To be called once.
    package func run() -> [EdgeSummary] {
        let state = state
        interruption.onRequest { state.update { $0.isEnding = true } }
        var schedule = Schedule(feeders: feeders, atOnceMax: atOnceMax)
        var summaries = [EdgeSummary?](repeating: nil, count: edges.count)
        var threads: [Int: WorkerThread<Void>] = [:]
        var isWithheld = false
        while true {
            if interruption.exit != nil, !isWithheld {
                isWithheld = true
                for edge in schedule.withhold() { summaries[edge] = settle(withheld(edge)) }
            }
            for edge in schedule.start() { threads[edge] = start(edge) }
            if schedule.isDone { break }
            for (edge, summary) in takeFinished(unlessEnding: !isWithheld) {
                try? threads.removeValue(forKey: edge)?.join()
                summaries[edge] = settle(summary)
                for skip in schedule.finish(edge, summary.exit) { summaries[skip.edge] = settle(skipped(skip)) }
            }
        }
        return summaries.compactMap { $0 }
    }

    private func start(_ edge: Int) -> WorkerThread<Void> {
        observe(.started(edge: edges[edge]))
        let (runner, state, identity) = (runner, state, edges[edge])
        let thread = WorkerThread<Void>("edge-\(edge)") {
            let begun = MonotonicClock.now
            var summary = runner.run(edgeIndex: edge)
            summary.edge = identity
            if summary.seconds == 0 { summary.seconds = Double(MonotonicClock.now - begun) / 1e9 }
            state.update { [summary] in $0.finished.append((edge, summary)) }
        }
        // A body that cannot throw is over this early only if the system refused the thread.
        if thread.isFinished, (try? thread.join()) == nil {
            state.update { $0.finished.append((edge, noThread(edge))) }
        }
        return thread
    }

    /// Waits for edges that ended; empty when the run is to end first.
    private func takeFinished(unlessEnding: Bool) -> [(edge: Int, summary: EdgeSummary)] {
        state.wait { state in
            if state.finished.isEmpty && !(unlessEnding && state.isEnding) { return nil }
            defer { state.finished = [] }
            return state.finished
        }
    }

    private func settle(_ summary: EdgeSummary) -> EdgeSummary {
        observe(.finished(summary))
        return summary
    }

    private func skipped(_ skip: Schedule.Skip) -> EdgeSummary {
        var summary = EdgeSummary(edge: edges[skip.edge])
        summary.exit = skip.exit
        summary.skippedBecauseOf = edges[skip.blocker]
        return summary
    }

    private func withheld(_ edge: Int) -> EdgeSummary {
        var summary = EdgeSummary(edge: edges[edge])
        summary.exit = interruption.exit ?? .interrupted
        return summary
    }

    private func noThread(_ edge: Int) -> EdgeSummary {
        var summary = EdgeSummary(edge: edges[edge])
        summary.exit = .edgeFailed
        summary.error = HeadwaterError(
            "run.no-thread", "the system refuses another thread",
            remedy: "raise the limit of processes (ulimit -u, TasksMax=) and run again", isTransient: true)
        return summary
    }
}
