import ArgumentParser
import Console
import Core
import Orchestration
import Topologies

struct ReleaseCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "release",
        abstract: "Permits exactly what a halt listed; without --edge, says what stands halted.",
        discussion: """
            A run that would delete too much, or finds a root emptied or replaced, halts that edge and deletes nothing. Put \
            right what is wrong, and the next run goes on by itself. Where it is meant, release the edge: the next run \
            carries out what the halt listed, and halts again if there is more by then.

            Exit codes: 0 released, or nothing stands halted; 6 something still does.

            Example: headwater release site.yaml
            Example: headwater release site.yaml --edge build:eu
            """)

    @OptionGroup var topology: TopologyArgument
    @OptionGroup var selection: EdgeOptions
    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func execute() throws -> Core.ExitCode {
        let log = try global.openLog()
        let graph = try topology.load(global)
        let edges = try EdgeSelection.indices(selection.edge, in: graph).map(graph.identity)
        let halts = try topology.state(of: graph).halts
        let isRelease = !selection.edge.isEmpty
        var standing = 0
        var lines: [StyledLine] = []
        for edge in edges {
            var halt = try halts.halt(of: edge.session)
            if isRelease, halt?.canBeReleased == true { halt = try halts.release(edge.session) }
            if let halt, !halt.isReleased { standing += 1 }
            if isRelease || halt != nil { lines += tell(edge, halt) }
        }
        if lines.isEmpty { lines = [StyledLine("no halt stands", .green)] }
        global.tell(lines, log: log)
        return standing == 0 ? .inStep : .halted
    }

    private func tell(_ edge: EdgeIdentity, _ halt: StandingHalt?) -> [StyledLine] {
        var line = StyledLine(edge.label + ": ", .bold)
        guard let halt else {
            line.add("no halt stands, nothing to release")
            return [line]
        }
        line.add(halt.isReleased ? "released" : "halted", halt.isReleased ? .yellow : .red)
        line.add(" [\(halt.code)]: \(Printable.text(halt.message))")
        if halt.isReleased {
            line.add("; the next run goes on")
            return [line]
        }
        let remedy = halt.error.withCommands(file: topology.file, session: edge.session).remedy
        return [line, StyledLine("  remedy: \(remedy)")]
    }
}
