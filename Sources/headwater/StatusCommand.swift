import ArgumentParser
import Console
import Core
import Orchestration
import Platform

struct StatusCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Says how every edge stands, from the databases on this machine.",
        discussion: """
            In step since which commit, never run, interrupted, running, halted, or refused by a database. Nothing is connected \
            to and nothing is changed: an edge between two far machines is not known here.

            Exit 0 when there is nothing to report, else the code of the worst edge: 6 halted, 5 refused, 1 interrupted or \
            failed, 7 not reached, 4 problems, 3 conflicts.

            Example: headwater status
            Example: headwater status production.yaml --edge build:eu --json
            """)

    @OptionGroup var topology: TopologyArgument
    @OptionGroup var selection: EdgeOptions

    @Flag(help: "One JSON object a line, the last one the summary.")
    var json = false

    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func execute() throws -> Core.ExitCode {
        let log = try global.openLog()
        let graph = try topology.load(global)
        let edges = try EdgeSelection.indices(selection.edge, in: graph)
        let statuses = StatusReader(graph, try topology.state(of: graph)).statuses(edges)
        if json {
            StandardOutput().result(StatusJSON.lines(statuses).map { $0 + "\n" }.joined())
            log?.append(StatusText.lines(statuses).map { $0.rendered(colour: false) }, at: WallClock.now)
        } else {
            global.tell(StatusText.lines(statuses), log: log)
        }
        return Core.ExitCode.worst(statuses.map(\.exit))
    }
}
