import ArgumentParser
import Console
import Core
import Topologies

struct DiffCommand: Command {
    enum Format: String, ExpressibleByArgument, CaseIterable { case text, json }

    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Says what changes between two topology files, and what follows from it.",
        discussion: """
            Peers are compared by name, then by place; edges by session, then by their ends. Nothing is connected to. Where \
            a file has no `name:`, both are named after the new one, so that versions of one file can be compared:

            Example: headwater diff <(git show main:site.yaml) site.yaml
            """)

    @Argument(help: "The file as it was; may be a pipe.", completion: .file(extensions: ["yaml", "yml"]))
    var old: String

    @Argument(help: "The file as it is to be; may be a pipe.", completion: .file(extensions: ["yaml", "yml"]))
    var new: String

    @Option(help: "text for people, json for programs.")
    var format = Format.text

    @Flag(help: "Exit with 1 if there are differences, as diff and git do.")
    var exitCode = false

    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func execute() throws -> Core.ExitCode {
        let log = try global.openLog()
        let namedAfter = new.hasPrefix("/dev/") || new.hasPrefix("/proc/") ? old : new
        let files = [old, new].map { TopologyFile.load(path: $0, mayBePipe: true, namedAfter: namedAfter) }
        // Warnings are for `validate`; here they would hide the difference.
        let errors = files.flatMap(\.diagnostics).filter { $0.severity == .error }
        StandardOutput().progress(DiagnosticText.render(errors, colour: global.style(of: 2).colour))
        guard let before = files[0].topology, let after = files[1].topology else { return .usage }
        let changes = TopologyDiff.changes(from: before, to: after)
        switch format {
        case .json: StandardOutput().result(DiffText.json(changes) + "\n")
        case .text: global.tell(DiffText.lines(changes), log: log)
        }
        return exitCode && !changes.isEmpty ? .edgeFailed : .inStep
    }
}
