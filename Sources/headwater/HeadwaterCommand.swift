import ArgumentParser
import Core
import Orchestration

/// `headwater` itself: holds the commands together.
struct HeadwaterCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "headwater",
        abstract: "Keeps directories on many machines in step, as one YAML file draws it.",
        discussion: """
            Peers and the edges between them stand in a topology file, headwater.yaml by default:

              headwater: 1
              peers:
                build: /srv/artifacts
                eu: deploy@eu.example.com:/srv/artifacts
              edges:
                - build -> eu

            Start one with `headwater init`, check it with `headwater validate`, look at it with `headwater graph`, bring it in step with `headwater run`.

            Exit codes: 0 all in step, 1 an edge failed, 2 usage or invalid topology, 3 conflicts, 4 problems with some \
            paths, 5 a database refuses, 6 halted for safety, 7 a peer cannot be reached, 8 already running, \
            130 and 143 ended by a signal.
            """,
        version: versionText,
        subcommands: [
            PlanCommand.self, RunCommand.self, SyncCommand.self, ReleaseCommand.self, ValidateCommand.self,
            GraphCommand.self,
            DiffCommand.self, DoctorCommand.self, StatusCommand.self, ConflictsCommand.self, ResolveCommand.self,
            SnapshotCommand.self,
            InitCommand.self, ExplainCommand.self, SchemaCommand.self, CompletionsCommand.self,
        ])

    /// Ours first, then the libraries in the binary.
    private static var versionText: String {
        let lines = Libraries.versions.map { "\($0.name) \($0.version)" }
        return (["headwater \(Version.headwater)"] + lines).joined(separator: "\n")
    }

    func execute() throws -> Core.ExitCode {
        let names = Self.configuration.subcommands.compactMap { $0.configuration.commandName }
        throw ValidationError("Name a command: \(names.joined(separator: ", ")).")
    }
}
