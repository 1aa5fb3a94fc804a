import ArgumentParser
import Console
import Core
import Orchestration
import Platform

struct SnapshotCheckCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Reads everything in snapshot databases and proves it.",
        discussion: """
            The pages of the file, its tables, each row with its checksum and place, that none is missing, counts and running sum. \
            Exit 5 with a code where something is wrong.

            Example: headwater snapshot check /srv/artifacts
            Example: headwater snapshot check /srv/artifacts site-build-eu
            """)

    @Argument(
        help: ArgumentHelp("The directory that holds .headwater: the peer's, or its `database`.", valueName: "dir"),
        completion: .directory)
    var directory: String

    @Argument(help: ArgumentHelp("The names of sessions; all that are there without any.", valueName: "session"))
    var sessions: [String] = []

    @Flag(help: "One JSON object a line, the last one the summary.")
    var json = false

    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func execute() throws -> Core.ExitCode {
        let log = try global.openLog()
        let names = sessions.isEmpty ? try SnapshotLook.sessions(in: directory) : sessions
        if json { StandardOutput().result(SnapshotJSON.version + "\n") }
        let exits = names.map { check($0, log) }
        let exit = Core.ExitCode.worst(exits)
        if json {
            StandardOutput().result(
                SnapshotJSON.summary(exit, [("databases", .integer(names.count))]) + "\n")
        }
        return exit
    }

    private func check(_ session: String, _ log: LogFile?) -> Core.ExitCode {
        do throws(HeadwaterError) {
            let found = try SnapshotLook.check(session, in: directory)
            tell([SnapshotText.sound(session, rows: found.rows, commit: found.commit)], [], log)
            if json { StandardOutput().result(SnapshotJSON.check(directory, session, found, nil) + "\n") }
            return .inStep
        } catch {
            let block = SummaryText.block(error)
            tell(block, block, log)
            if json { StandardOutput().result(SnapshotJSON.check(directory, session, nil, error) + "\n") }
            return error.exit
        }
    }

    private func tell(_ lines: [StyledLine], _ errors: [StyledLine], _ log: LogFile?) {
        if json {
            log?.append(lines.map { $0.rendered(colour: false) }, at: WallClock.now)
        } else {
            global.tell(lines, errors: errors, log: log)
        }
    }
}
