import ArgumentParser
import Console
import Core
import Orchestration
import Platform

struct SnapshotListCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists the snapshot databases of directories, or those of a topology that are on this machine.",
        discussion: """
            Exit 0, or 5 where one of them refuses.

            Example: headwater snapshot list
            Example: headwater snapshot list /srv/artifacts
            """)

    @Argument(
        help: ArgumentHelp(
            "Directories that hold .headwater, or topology files; headwater.yaml without any.", valueName: "dir|file"),
        completion: .file())
    var places: [String] = []

    @Flag(help: "One JSON object a line, the last one the summary.")
    var json = false

    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func execute() throws -> Core.ExitCode {
        let log = try global.openLog()
        var reports: [SnapshotReport] = []
        for place in places.isEmpty ? ["headwater.yaml"] : places { reports += try found(place) }
        if json {
            StandardOutput().result(SnapshotJSON.list(reports).map { $0 + "\n" }.joined())
            log?.append(SnapshotText.list(reports).map { $0.rendered(colour: false) }, at: WallClock.now)
        } else {
            global.tell(SnapshotText.list(reports), errors: SnapshotText.errors(reports), log: log)
        }
        return Core.ExitCode.worst(reports.map(\.exit))
    }

    private func found(_ place: String) throws -> [SnapshotReport] {
        if Surroundings.isDirectory(place) { return try SnapshotLook.reports(in: place) }
        var topology = TopologyArgument()
        topology.file = place
        return SnapshotLook.reports(of: try topology.load(global))
    }
}
