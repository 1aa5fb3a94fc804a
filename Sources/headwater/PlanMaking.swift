import Console
import Core
import Orchestration
import Platform
import Topologies

/// Makes the plan of a topology, for `plan`, and for `run --plan`, which makes it once more before it does anything.
struct PlanMaking {
    let graph: Topology
    let state: TopologyState
    let resolutions: [String: [Resolution]]
    let global: GlobalOptions

    /// Blocks until all that the edges read was looked at.
    ///
    /// - Parameter keepsAll: every step, rather than the first of each kind.
    /// - Throws: `AlreadyTold` for what names, links and mounts hid.
    func plans(_ edges: [Int], _ interruption: Interruption, keepsAll: Bool) throws -> [EdgePlan] {
        let global = global
        let observe: @Sendable (Event) -> Void = { event in
            let lines: [StyledLine] =
                switch event {
                case .detail, .warning: PlainLines.lines(for: event, global.verbosity)
                default: []
                }
            let colour = global.style(of: 2).colour
            StandardOutput().progress(lines.map { $0.rendered(colour: colour) + "\n" }.joined())
        }
        let gathering = PlanGathering(keepsAll: keepsAll)
        let runner = SessionRunner(
            graph, edges: edges, isReset: false, halts: state.halts, resolutions: resolutions, plan: gathering,
            agent: Surroundings.agentBinary, interruption: interruption,
            askPassphrase: PassphrasePrompt.make(interruption), observe: observe)
        defer { runner.close() }
        let hidden = runner.survey()
        if !hidden.isEmpty {
            StandardOutput().progress(DiagnosticText.render(hidden, colour: global.style(of: 2).colour))
            throw AlreadyTold(exit: .usage)
        }
        let summaries = Orchestrator(
            graph, edges: edges, runner: runner, interruption: interruption, observe: { _ in }
        ).run()
        return gathering.plans(summaries)
    }
}
