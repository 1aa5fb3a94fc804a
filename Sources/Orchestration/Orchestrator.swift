import Core
import Platform
import Topologies

/// One run of a topology: edges in parallel, in topological order, each on a thread of its own.
///
///     Schedule (what next) ◄──► Orchestrator (threads, events) ──► EdgeRunner (one edge)
package final class Orchestrator: Sendable {
    /// Edges that run at the same time, unless told otherwise: beyond it more threads bring nothing.
    package static let atOnceDefault = 64

    /// What one end of an edge has open at its worst moment, at most: tree, session, lock, a database with its log and index, an intent, and
    /// one more connection for a cursor.
    private static let descriptorsPerEnd = 12

    /// As many edges at a time as these file descriptors serve: an edge within this machine has two ends here, a connection four. Fewer
    /// edges are slower; too few descriptors look like damage wherever they run out.
    ///
    /// - Parameter descriptors: that this process may have open.
    package static func atOnce(descriptors: UInt64, hosts: Int) -> Int {
        let left = Int(clamping: descriptors) - 32 - 4 * hosts
        return min(max(left / (2 * descriptorsPerEnd), 1), atOnceDefault)
    }

    private struct State: Sendable {
        var finished: [(turn: Int, summary: EdgeSummary)] = []
        var isEnding = false
    }

    private let edges: [EdgeIdentity]
    private let order: RunOrder
    private let runner: any EdgeRunner
    private let interruption: Interruption
    private let atOnceMax: Int
    private let observe: @Sendable (Event) -> Void
    private let state = Monitor(State())

    /// - Parameters:
    ///   - order: of these edges.
    ///   - observe: gets `started` and `finished` of every edge, from several threads; must not call back.
    package init(
        edges: [EdgeIdentity], order: RunOrder, runner: any EdgeRunner, interruption: Interruption,
        atOnceMax: Int = Orchestrator.atOnceDefault, observe: @escaping @Sendable (Event) -> Void
    ) {
        precondition(order.edges.allSatisfy { edges.indices.contains($0) })
        self.edges = edges
        self.order = order
        self.runner = runner
        self.interruption = interruption
        self.atOnceMax = atOnceMax
        self.observe = observe
    }

    /// Edges of a topology in its order, as many at a time as the descriptors serve that this process may have.
    ///
    /// - Parameter observe: as above.
    package convenience init(
        _ graph: Topology, edges: [Int], runner: any EdgeRunner, interruption: Interruption,
        observe: @escaping @Sendable (Event) -> Void
    ) {
        let hosts = Set(graph.peers.compactMap(\.host)).count
        self.init(
            edges: edges.map(graph.identity), order: RunOrder(graph, edges: edges), runner: runner,
            interruption: interruption,
            atOnceMax: Orchestrator.atOnce(descriptors: Host.raiseFileLimit(), hosts: hosts), observe: observe)
    }

    /// Runs every edge once; returns their summaries in the order of `edges`. Blocks until no thread of it is left. To be called once.
    package func run() -> [EdgeSummary] {
        let state = state
        interruption.onRequest { state.update { $0.isEnding = true } }
        var schedule = Schedule(feeders: order.feeders, awaited: order.awaited, atOnceMax: atOnceMax)
        var turns = Turns(order, edges)
        var threads: [Int: WorkerThread<Void>] = [:]
        var isWithheld = false
        while true {
            if interruption.exit != nil, !isWithheld {
                isWithheld = true
                for turn in schedule.withhold() { settle(turns.withhold(turn, withheld(order.edges[turn]))) }
            }
            var hasOmitted = false
            for turn in schedule.start() {
                if turns.begin(turn) {
                    threads[turn] = start(turn)
                } else {
                    let (summary, exit) = turns.omit(turn)
                    settle(summary)
                    end(turn, exit, &schedule, &turns)
                    hasOmitted = true
                }
            }
            if hasOmitted { continue }
            if schedule.isDone { break }
            for (turn, summary) in takeFinished(unlessEnding: !isWithheld) {
                try? threads.removeValue(forKey: turn)?.join()
                settle(turns.finish(turn, summary))
                end(turn, summary.exit, &schedule, &turns)
            }
        }
        return turns.summaries
    }

    private func end(_ turn: Int, _ exit: ExitCode, _ schedule: inout Schedule, _ turns: inout Turns) {
        for skip in schedule.finish(turn, exit) { settle(turns.skip(skip.edge, skipped(skip))) }
    }

    private func start(_ turn: Int) -> WorkerThread<Void> {
        let edge = order.edges[turn]
        if order.worthAfter[turn] == nil { observe(.started(edge: edges[edge])) }
        let (runner, state, identity) = (runner, state, edges[edge])
        let thread = WorkerThread<Void>("edge-\(edge)") {
            let begun = MonotonicClock.now
            var summary = runner.run(edgeIndex: edge)
            summary.edge = identity
            if summary.seconds == 0 { summary.seconds = Double(MonotonicClock.now - begun) / 1e9 }
            state.update { [summary] in $0.finished.append((turn, summary)) }
        }
        // A body that cannot throw is over this early only if the system refused the thread.
        if thread.isFinished, (try? thread.join()) == nil {
            state.update { $0.finished.append((turn, noThread(edge))) }
        }
        return thread
    }

    /// Waits for turns that ended; empty when the run is to end first.
    private func takeFinished(unlessEnding: Bool) -> [(turn: Int, summary: EdgeSummary)] {
        state.wait { state in
            if state.finished.isEmpty && !(unlessEnding && state.isEnding) { return nil }
            defer { state.finished = [] }
            return state.finished
        }
    }

    private func settle(_ summary: EdgeSummary?) { if let summary { observe(.finished(summary)) } }

    private func skipped(_ skip: Schedule.Skip) -> EdgeSummary {
        var summary = EdgeSummary(edge: edges[order.edges[skip.edge]])
        summary.exit = skip.exit
        summary.skippedBecauseOf = edges[order.edges[skip.blocker]]
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
