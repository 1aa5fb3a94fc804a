import ArgumentParser
import Console
import Core
import Orchestration
import Platform
import Topologies

struct RunCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Brings every edge in step, in topological order, then exits.",
        discussion: """
            Edges that do not depend on each other run at the same time. What lies below a failed edge is skipped; nothing \
            else is. A run with nothing to do changes nothing.

            The first Ctrl-C ends the run cleanly: what is under way is finished and recorded, and the next run goes on from \
            there. A second one ends it at once, which is safe, too.

            With --plan, the edges of a plan that `headwater plan --out` kept: where anything has moved on since, nothing is done.

            Example: headwater run
            Example: headwater run production.yaml --edge build:eu --json
            Example: headwater run production.yaml --plan production.plan
            """)

    @OptionGroup var topology: TopologyArgument
    @OptionGroup var selection: EdgeOptions

    @Option(
        help: ArgumentHelp("Do what this plan says and nothing else, or refuse.", valueName: "file"),
        completion: .file())
    var plan: String?

    @Flag(help: "Rebuild both databases of each edge: equal files are adopted, nothing is deleted.")
    var reset = false

    @Flag(help: "Read all content again at both ends, and find what changed though size and times did not.")
    var verify = false

    @Flag(help: "One JSON object a line on standard output, the last one the summary.")
    var json = false

    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func validate() throws {
        if plan != nil && (reset || !selection.edge.isEmpty) {
            throw ValidationError("--plan goes with neither --reset nor --edge: its edges are those of the plan.")
        }
    }

    func execute() throws -> Core.ExitCode {
        try Host.requireAddressSpace()
        let interruption = Interruption()
        let mayHideCursor = isLive
        let signals = try watchEndingSignals(interruption) {
            if mayHideCursor { StandardOutput().progress(Repaint.showCursor) }
        }
        defer { signals.close() }
        Host.raiseFileLimit()
        let log = try global.openLog()
        let graph = try topology.load(global)
        let state = try topology.state(of: graph)
        var edges = try EdgeSelection.indices(selection.edge, in: graph)
        let decided = try RunCommand.decided(edges.map(graph.identity), state.resolutions)
        let kept = try plan.map(PlanFile.read)
        if let kept {
            edges = try PlanCheck.edges(kept, in: graph, resolutions: decided)
            try require(
                kept, PlanMaking(graph: graph, state: state, resolutions: decided, global: global), edges, interruption)
            if let exit = interruption.exit { return exit }
        }
        let reporter = Reporter(
            edges: edges.map(graph.identity), options: reporting(log), output: StandardOutput())
        interruption.onRequest { reporter.noteIfRoom(.warning(edge: nil, RunCommand.ending)) }
        let begun = MonotonicClock.now
        let runner = SessionRunner(
            graph, edges: edges, isReset: reset, isVerifying: verify, halts: state.halts, resolutions: decided,
            permits: kept?.permits,
            agent: Surroundings.agentBinary,
            interruption: interruption, askPassphrase: PassphrasePrompt.make(reporter, interruption),
            observe: reporter.note)
        defer { runner.close() }
        let hidden = runner.survey()
        if !hidden.isEmpty {
            reporter.abandon()
            StandardOutput().progress(DiagnosticText.render(hidden, colour: global.style(of: 2).colour))
            return .usage
        }
        let summaries = Orchestrator(
            graph, edges: edges, runner: runner, interruption: interruption, observe: reporter.note
        ).run()
        for summary in summaries { state.lastRuns.record(summary, at: WallClock.now) }
        for summary in summaries where summary.hasEnded {
            try state.resolutions.remove(decided[summary.edge.session] ?? [], from: summary.edge.session)
        }
        reporter.finish(summaries, seconds: Double(MonotonicClock.now - begun) / 1e9)
        return Core.ExitCode.worst(summaries.map(\.exit) + [interruption.exit ?? .inStep])
    }

    /// Makes the plan once more, and refuses where it is another by now.
    private func require(_ kept: PlanFile, _ making: PlanMaking, _ edges: [Int], _ interruption: Interruption) throws {
        let plans = try making.plans(edges, interruption, keepsAll: true)
        if interruption.exit != nil { return }
        let now = PlanFile(plans, of: making.graph, resolutions: making.resolutions)
        if let error = PlanCheck.movedOn(kept, now) { throw error }
    }

    /// What `resolve` has decided for these edges.
    static func decided(_ edges: [EdgeIdentity], _ store: ResolutionStore) throws(HeadwaterError) -> [String:
        [Resolution]]
    {
        var decided: [String: [Resolution]] = [:]
        for edge in edges {
            decided[edge.session] = try store.resolutions(of: edge.session)
        }
        return decided
    }

    private static var ending: HeadwaterError {
        HeadwaterError(
            "run.ending", "the run is ending: what is under way is finished and recorded",
            remedy: "wait; or press Ctrl-C once more to end at once, which is safe, too", exit: .interrupted)
    }

    private var isLive: Bool {
        !json && !global.quiet && Terminal.isTerminal(2) && StandardOutput.canMoveCursor(Surroundings.environment)
    }

    private func reporting(_ log: LogFile?) -> Presenter.Options {
        Presenter.Options(
            verbosity: global.verbosity, json: json, live: isLive, resultStyle: global.style(of: 1),
            progressStyle: global.style(of: 2), log: log)
    }
}

extension EdgeSummary {
    /// Whether its cycle came to its end.
    fileprivate var hasEnded: Bool { exit == .inStep || exit == .conflicts || exit == .problems }
}
