import ArgumentParser
import Console
import Core
import Orchestration
import Topologies

/// The topology file that a command works on.
struct TopologyArgument: ParsableArguments {
    @Argument(
        help: ArgumentHelp("The topology file.", valueName: "file"), completion: .file(extensions: ["yaml", "yml"]))
    var file = "headwater.yaml"

    /// Reads and checks the file; warnings and errors go to standard error.
    ///
    /// - Throws: `AlreadyTold` with exit 2 where there is an error in it.
    func load(_ options: GlobalOptions) throws(AlreadyTold) -> Topology {
        let (topology, diagnostics) = TopologyFile.load(path: file)
        let isWorthSaying = topology == nil || !options.quiet
        if isWorthSaying {
            StandardOutput().progress(DiagnosticText.render(diagnostics, colour: options.style(of: 2).colour))
        }
        guard let topology else { throw AlreadyTold(exit: .usage) }
        return topology
    }

    /// Where halts and the like of `topology` are kept.
    func state(of topology: Topology) throws(HeadwaterError) -> TopologyState {
        TopologyState(
            name: topology.name, file: file, workingDirectory: Surroundings.workingDirectory,
            stateDirectory: try Surroundings.directories.state())
    }
}

/// Repeated `--edge`.
struct EdgeOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp("Only this edge: a session name, or FROM:TO. May be repeated.", valueName: "edge"))
    var edge: [String] = []
}
