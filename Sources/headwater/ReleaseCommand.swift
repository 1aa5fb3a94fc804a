import ArgumentParser
import Console
import Core
import Orchestration
import Topologies

struct ReleaseCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "release",
        abstract: "Permits exactly what a halt listed.",
        discussion: """
            A run that would delete too much, or finds a root emptied or replaced, halts that edge and changes nothing. \
            Once you have looked and mean it, release the edge: the next run carries out what the halt listed, and halts \
            again if there is more by then.

            Example: headwater release --edge build:eu
            """)

    @OptionGroup var topology: TopologyArgument
    @OptionGroup var selection: EdgeOptions
    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func validate() throws {
        if selection.edge.isEmpty { throw ValidationError("Name the edge to release with --edge.") }
    }

    func execute() throws -> Core.ExitCode {
        let log = try global.openLog()
        let graph = try topology.load(global)
        let edges = try EdgeSelection.indices(selection.edge, in: graph)
        let halts = try topology.state(of: graph).halts
        let lines = try edges.map { edge in
            let identity = graph.identity(of: edge)
            return line(identity, try halts.release(identity.session))
        }
        global.tell(lines, log: log)
        return .inStep
    }

    private func line(_ edge: EdgeIdentity, _ halt: StandingHalt?) -> StyledLine {
        var line = StyledLine(edge.label + ": ", .bold)
        if let halt {
            line.add("released", .yellow)
            line.add(" [\(halt.code)]: \(Printable.text(halt.message)); the next run goes on")
        } else {
            line.add("no halt stands, nothing to release")
        }
        return line
    }
}
