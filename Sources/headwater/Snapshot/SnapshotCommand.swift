import ArgumentParser
import Core

/// `headwater snapshot`: holds the commands for `snap.db` files together.
struct SnapshotCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "snapshot",
        abstract: "Looks into the snapshot databases of sessions, and mends them.",
        discussion: """
            What both ends of a session last agreed on lies at each end in DIR/.headwater/SESSION/snap.db, where DIR is the \
            peer's directory or its `database`. Looking (list, summary, files, check) changes nothing and disturbs no run; \
            compact, reset and rename refuse (exit 8) while one is under way.
            """,
        subcommands: [
            SnapshotListCommand.self, SnapshotSummaryCommand.self, SnapshotFilesCommand.self,
            SnapshotCheckCommand.self, SnapshotCompactCommand.self, SnapshotResetCommand.self,
            SnapshotRenameCommand.self,
        ])

    func execute() throws -> Core.ExitCode {
        let names = Self.configuration.subcommands.compactMap { $0.configuration.commandName }
        throw ValidationError("Name a command: snapshot \(names.joined(separator: ", ")).")
    }
}

/// The database that a command works on.
struct SnapshotArgument: ParsableArguments {
    @Argument(
        help: ArgumentHelp("The directory that holds .headwater: the peer's, or its `database`.", valueName: "dir"),
        completion: .directory)
    var directory: String

    @Argument(help: ArgumentHelp("The name of the session.", valueName: "session"))
    var session: String
}
