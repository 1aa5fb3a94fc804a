import ArgumentParser
import Console
import Core
import Orchestration

struct SnapshotFilesCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "files",
        abstract: "Lists the paths that a snapshot database knows, with their status.",
        discussion: """
            SYNCHRONIZED both ends have it so, (exs) as both had the file already, (mov) since it was renamed, (ddp) made of a file \
            that was there; SYNCHRONIZED(skp) deleted upstream and kept here; SYNCHRONIZED(del) deleted, which \
            the other end has not acknowledged yet; CONFLICT both ends stay as they are. A path is given as it is shown: \
            \\xNN is a byte, \\\\ a backslash.

            Example: headwater snapshot files /srv/artifacts site-build-eu
            Example: headwater snapshot files /srv/artifacts site-build-eu docs/new --json
            """)

    @OptionGroup var snapshot: SnapshotArgument

    @Argument(help: ArgumentHelp("Only these paths of the tree and what lies below them.", valueName: "path"))
    var paths: [String] = []

    @Option(
        help: ArgumentHelp(
            "Only paths in this state: \(SnapshotPath.states.joined(separator: ", ")).", valueName: "state"),
        completion: .list(SnapshotPath.states))
    var state: String?

    @Flag(help: "One JSON object a line, the last one the summary.")
    var json = false

    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    /// Lines that are written at once.
    private static let linesAtOnce = 512

    func validate() throws {
        if let state, !SnapshotPath.states.contains(state) {
            throw ValidationError("--state is one of \(SnapshotPath.states.joined(separator: ", ")).")
        }
        for path in paths where Self.parsed(path) == nil {
            throw ValidationError("`\(Printable.text(path))` cannot be a path of a tree; give it as it is shown.")
        }
    }

    func execute() throws -> Core.ExitCode {
        let log = try global.openLog()
        if json { StandardOutput().result(SnapshotJSON.version + "\n") }
        var pending: [SnapshotPath] = []
        var count: UInt64 = 0
        let unknown = try SnapshotLook.paths(
            snapshot.session, in: snapshot.directory, below: paths.compactMap(Self.parsed), ofState: state
        ) { path in
            count += 1
            pending.append(path)
            if pending.count == Self.linesAtOnce { tell(&pending, log) }
        }
        tell(&pending, log)
        let exit: Core.ExitCode = unknown.isEmpty ? .inStep : .usage
        if json { StandardOutput().result(SnapshotJSON.summary(exit, [("files", .unsigned(count))]) + "\n") }
        guard let first = unknown.first else { return .inStep }
        throw HeadwaterError(
            "snapshot.unknown", "session \(snapshot.session) knows nothing at \(first)",
            remedy: "give paths from the root of the tree, as they are shown without any", exit: .usage)
    }

    private func tell(_ pending: inout [SnapshotPath], _ log: LogFile?) {
        if json {
            StandardOutput().result(pending.map { SnapshotJSON.file($0) + "\n" }.joined())
        } else {
            global.tell(pending.map(SnapshotText.file), log: log)
        }
        pending.removeAll(keepingCapacity: true)
    }

    /// A path of a tree, as it is shown; a slash at its end does not count.
    private static func parsed(_ shown: String) -> TreePath? {
        guard var bytes = Printable.bytes(shown) else { return nil }
        if bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
        if bytes == [UInt8(ascii: ".")] { bytes = [] }
        return try? TreePath(validating: bytes.map { $0 == UInt8(ascii: "/") ? 0 : $0 })
    }
}
