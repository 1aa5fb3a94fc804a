import ArgumentParser
import Console
import Core
import Orchestration

struct SnapshotCompactCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "compact",
        abstract: "Writes a snapshot database anew without what is free in it.",
        discussion: """
            Reads and proves all of it first; a damaged one is left as it is (exit 5). Killed at any moment it leaves the database \
            whole. Refuses (exit 8) while the session runs.

            Example: headwater snapshot compact /srv/artifacts site-build-eu
            """)

    @OptionGroup var snapshot: SnapshotArgument
    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func execute() throws -> Core.ExitCode {
        let log = try global.openLog()
        let (before, after) = try SnapshotMend.compact(snapshot.session, in: snapshot.directory)
        global.tell([SnapshotText.compacted(snapshot.session, before: before, after: after)], log: log)
        return .inStep
    }
}
