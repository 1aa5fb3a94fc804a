import ArgumentParser
import Console
import Core
import Orchestration

struct SnapshotResetCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "reset",
        abstract: "Removes the snapshot database of one end.",
        discussion: """
            For a database that refuses and cannot be mended. No file of the tree is touched. The next run then refuses because of \
            the other end's (exit 5), until it is told `headwater run FILE --edge SESSION --reset`, which unites both ends and \
            deletes nothing. That command alone does the same where both ends can be reached.

            Example: headwater snapshot reset /srv/artifacts site-build-eu --yes
            """)

    @OptionGroup var snapshot: SnapshotArgument

    @Flag(help: "It is meant.")
    var yes = false

    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func execute() throws -> Core.ExitCode {
        let log = try global.openLog()
        try SnapshotMend.reset(snapshot.session, in: snapshot.directory, isConfirmed: yes)
        var line = StyledLine(snapshot.session + ": ", .bold)
        line.add("database removed", .yellow)
        global.tell(
            [
                line,
                StyledLine(
                    "  where the other end still has one, the next run refuses (exit 5); then unite both ends, which deletes "
                        + "nothing: headwater run FILE --edge \(snapshot.session) --reset"),
            ], log: log)
        return .inStep
    }
}
