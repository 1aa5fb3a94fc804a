import ArgumentParser
import Console
import Core
import Orchestration
import Platform

struct ConflictsCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "conflicts",
        abstract: "Lists the paths that both sides of an edge changed.",
        discussion: """
            Both sides stay as they are until you settle a conflict: make both equal, delete one (the other one spreads), \
            rename one (both names spread), or decide with `headwater resolve`; the next run sees it. Read from the databases on this machine, as the last run \
            left them; nothing is connected to or changed.

            Exit 3 when there are conflicts, 0 when there are none, 5 when a database cannot be read.

            Example: headwater conflicts
            Example: headwater conflicts production.yaml --edge office:home --json
            """)

    @OptionGroup var topology: TopologyArgument
    @OptionGroup var selection: EdgeOptions

    @Flag(help: "One JSON object for each conflict, the last line the summary.")
    var json = false

    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func execute() throws -> Core.ExitCode {
        let log = try global.openLog()
        let graph = try topology.load(global)
        let edges = try EdgeSelection.indices(selection.edge, in: graph)
        let found = StatusReader(graph, try topology.state(of: graph)).conflicts(edges)
        let lines = ConflictsText.lines(found, file: graph.file)
        if json {
            StandardOutput().result(ConflictsJSON.lines(found).map { $0 + "\n" }.joined())
            log?.append(lines.map { $0.rendered(colour: false) }, at: WallClock.now)
        } else {
            global.tell(lines, errors: ConflictsText.errors(found), log: log)
        }
        return Core.ExitCode.worst(found.map(\.exit))
    }
}
