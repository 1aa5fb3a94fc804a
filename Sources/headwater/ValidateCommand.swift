import ArgumentParser
import Console
import Core
import Platform
import Topologies

struct ValidateCommand: Command {
    enum Format: String, ExpressibleByArgument, CaseIterable { case text, json, sarif, github }

    static let configuration = CommandConfiguration(
        commandName: "validate",
        abstract: "Checks topology files, without touching any peer.",
        discussion: """
            Every mistake is reported, with its line, what is wrong and what to do. Warnings alone are fine.

            Example: headwater validate production.yaml staging.yaml
            Example: headwater validate --strict --format sarif *.yaml > headwater.sarif
            """)

    @Argument(
        help: ArgumentHelp("The topology files.", valueName: "file"), completion: .file(extensions: ["yaml", "yml"]))
    var files = ["headwater.yaml"]

    @Option(
        help: """
            text for people; json, one document for all files; sarif for code review (2.1.0); github for annotations in GitHub \
            Actions.
            """)
    var format = Format.text

    @Flag(help: "Warnings fail, too (exit 2).")
    var strict = false

    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func execute() throws -> Core.ExitCode {
        let log = try global.openLog()
        let results = files.map { ($0, TopologyFile.load(path: $0)) }
        let diagnostics = results.flatMap { $0.1.diagnostics }
        log?.append(
            DiagnosticText.render(diagnostics, colour: false).split(separator: "\n").map(String.init), at: WallClock.now
        )
        let directory = Surroundings.workingDirectory
        switch format {
        case .sarif: StandardOutput().result(DiagnosticSARIF.render(diagnostics, directory: directory) + "\n")
        case .github: StandardOutput().result(DiagnosticGitHub.render(diagnostics, directory: directory))
        case .json: StandardOutput().result(DiagnosticJSON.render(diagnostics) + "\n")
        case .text:
            for (file, result) in results { tell(file, result, log) }
        }
        let isWrong = results.contains { $0.1.topology == nil } || (strict && !diagnostics.isEmpty)
        return isWrong ? .usage : .inStep
    }

    private func tell(_ file: String, _ result: (topology: Topology?, diagnostics: [Diagnostic]), _ log: LogFile?) {
        if !result.diagnostics.isEmpty && !(global.quiet && result.topology != nil && !strict) {
            StandardOutput().result(DiagnosticText.render(result.diagnostics, colour: global.style(of: 1).colour))
        }
        guard let topology = result.topology else { return }
        let peers = Amounts.count(UInt64(topology.peers.count), "peer", "peers")
        let edges = Amounts.count(UInt64(topology.edges.count), "edge", "edges")
        global.tell([StyledLine("\(Printable.text(file)): valid, \(peers), \(edges)", .green)], log: log)
    }
}
