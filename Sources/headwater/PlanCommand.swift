import ArgumentParser
import Console
import Core
import Orchestration
import Platform
import Topologies

struct PlanCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Says what a run would do, and does nothing.",
        discussion: """
            Per edge: + to create, ~ to change, - to delete, ! in conflict, and the problems, halts and refusals that a run \
            would meet. An edge below others is planned on what they will have done. Nothing is written in any tree, beside \
            it or here.

            Exit 0, or the code that a run would end with. With --detailed-exitcode: 0 nothing to do, 2 there is something.

            Example: headwater plan
            Example: headwater plan production.yaml --edge build:eu --json
            Example: headwater plan --detailed-exitcode
            Example: headwater plan --out site.plan && headwater run --plan site.plan
            """)

    @OptionGroup var topology: TopologyArgument
    @OptionGroup var selection: EdgeOptions

    @Flag(help: "One JSON object a line: the version, every step, the summary.")
    var json = false

    @Option(
        help: ArgumentHelp("Keep the plan in FILE, for `headwater run --plan FILE`.", valueName: "file"),
        completion: .file())
    var out: String?

    @Flag(name: .customLong("detailed-exitcode"), help: "Exit 2 where a run would change something, 0 where not.")
    var detailedExitCode = false

    @Flag(help: "List every path; so does --verbose.")
    var all = false

    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func execute() throws -> Core.ExitCode {
        let interruption = Interruption()
        let signals = try watchEndingSignals(interruption)
        defer { signals.close() }
        Host.raiseFileLimit()
        let log = try global.openLog()
        let graph = try topology.load(global)
        let edges = try EdgeSelection.indices(selection.edge, in: graph)
        let isWhole = all || global.verbose
        let state = try topology.state(of: graph)
        let decided = try RunCommand.decided(edges.map(graph.identity), state.resolutions)
        if out != nil { try requireForeseeable(decided) }
        let making = PlanMaking(graph: graph, state: state, resolutions: decided, global: global)
        let plans = try making.plans(edges, interruption, keepsAll: isWhole || json || out != nil)
        if let exit = interruption.exit { return exit }
        if let out { try PlanFile(plans, of: graph, resolutions: decided).write(out) }
        let exit = exitCode(plans)
        let lines = PlanText.lines(plans, isWhole: isWhole)
        if json {
            StandardOutput().result(PlanJSON.lines(plans, exit: exit).map { $0 + "\n" }.joined())
            log?.append(lines.map { $0.rendered(colour: false) }, at: WallClock.now)
        } else {
            global.tell(lines, errors: PlanText.errors(plans), log: log)
        }
        return exit
    }

    private func requireForeseeable(_ decided: [String: [Resolution]]) throws(HeadwaterError) {
        guard let session = decided.keys.sorted().first(where: { decided[$0]!.contains { $0.keep == .both } }) else {
            return
        }
        var error = HeadwaterError(
            "plan.keep-both",
            "`--keep both` was decided, and makes a name with the moment in it: no plan can foresee that",
            remedy: "run without a plan, or decide otherwise with `headwater resolve`", exit: .usage)
        error.edge = session
        throw error
    }

    private func exitCode(_ plans: [EdgePlan]) -> Core.ExitCode {
        let worst = Core.ExitCode.worst(plans.map(\.summary.exit))
        return worst == .inStep && detailedExitCode && plans.contains { $0.counts.hasSteps } ? .usage : worst
    }
}
