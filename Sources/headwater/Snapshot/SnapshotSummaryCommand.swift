import ArgumentParser
import Console
import Core
import Orchestration
import Platform

struct SnapshotSummaryCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "summary",
        abstract: "Says what one snapshot database holds: places, commits, rows by state, sizes.",
        discussion: """
            Example: headwater snapshot summary /srv/artifacts site-build-eu
            """)

    @OptionGroup var snapshot: SnapshotArgument

    @Flag(help: "One JSON object a line, the last one the summary.")
    var json = false

    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func execute() throws -> Core.ExitCode {
        let log = try global.openLog()
        let report = try SnapshotLook.summary(snapshot.session, in: snapshot.directory)
        let lines = SnapshotText.summary(report)
        if json {
            StandardOutput().result(SnapshotJSON.list([report]).map { $0 + "\n" }.joined())
            log?.append(lines.map { $0.rendered(colour: false) }, at: WallClock.now)
        } else {
            global.tell(lines, log: log)
        }
        return .inStep
    }
}
