import ArgumentParser
import Console
import Core
import Platform
import Topologies

struct GraphCommand: Command {
    enum Format: String, ExpressibleByArgument, CaseIterable { case ascii, dot, mermaid, svg }

    static let configuration = CommandConfiguration(
        commandName: "graph",
        abstract: "Draws who feeds whom.",
        discussion: """
            Example: headwater graph
            Example: headwater graph --format svg production.yaml > production.svg
            """)

    @OptionGroup var topology: TopologyArgument

    @Option(help: "ascii for the terminal, svg for a browser, mermaid for Markdown, dot for Graphviz.")
    var format = Format.ascii

    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func execute() throws -> Core.ExitCode {
        let log = try global.openLog()
        let graph = try topology.load(global)
        let text =
            switch format {
            case .ascii: Graph.ascii(graph, colour: global.style(of: 1).colour, width: Surroundings.columns)
            case .dot: Graph.dot(graph)
            case .mermaid: Graph.mermaid(graph)
            case .svg: Graph.svg(graph)
            }
        log?.append(["graph of \(Printable.text(topology.file)) drawn"], at: WallClock.now)
        StandardOutput().result(text.hasSuffix("\n") ? text : text + "\n")
        return .inStep
    }
}
