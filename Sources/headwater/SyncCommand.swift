import ArgumentParser
import Console
import Core
import Orchestration
import Topologies

/// One session without a file: builds the topology that a person would have written, and runs it as `run` does.
struct SyncCommand: Command {
    enum Direction: String, ExpressibleByArgument, CaseIterable { case push, pull, bidi }

    static let configuration = CommandConfiguration(
        commandName: "sync",
        abstract: "Brings one pair of directories in step, without a file.",
        discussion: """
            The letters are those of Aspera Sync. The session's name tells its snapshot database from others: keep it from run \
            to run. What is decided by a file (limits, say) is not for this command: write a topology of two peers.

            Of --include, --filter-file and --exclude the first rule that matches decides, in this order; what none matches is \
            included. Their language stands in docs/filters.md.

            A halt names the file that this command keeps for the session; give that to `headwater release`.

            Example: headwater sync -N docs -d /srv/docs -r deploy@eu.example.com:/srv/docs -K push
            Example: headwater sync -N logs -d /srv/logs/web -r web:/var/log/app -K pull -i ~/.ssh/logs -P 2222
            """)

    @Option(name: [.customShort("N"), .long], help: "The session's name: letters, digits, _ and -.")
    var name: String

    @Option(
        name: [.customShort("d"), .customLong("local")], help: ArgumentHelp("The directory here.", valueName: "dir"),
        completion: .directory)
    var directory: String

    @Option(
        name: [.customShort("r"), .customLong("remote")],
        help: ArgumentHelp("The other directory.", valueName: "[user@]host:dir"))
    var remote: String

    @Option(
        name: [.customShort("K"), .long],
        help: "push: from here to there; pull: from there to here; bidi: both ways.")
    var direction: Direction

    @Option(
        name: [.customShort("b"), .long],
        help: ArgumentHelp("Where the snapshot database here lies; by default in the directory.", valueName: "dir"),
        completion: .directory)
    var database: String?

    @Option(
        name: [.customShort("B"), .long],
        help: ArgumentHelp("Where the other snapshot database lies.", valueName: "dir"))
    var remoteDatabase: String?

    @Flag(name: [.customShort("C"), .long], help: "Stay, and keep the two in step.")
    var continuous = false

    @Flag(
        name: [.customShort("x"), .long],
        help: "Rebuild both databases: equal files are adopted, nothing is deleted.")
    var reset = false

    @Flag(help: "Read all content again at both ends, and find what changed though size and times did not.")
    var verify = false

    @Option(
        help: ArgumentHelp("When deletions are carried out: before, during, after, never.", valueName: "when"),
        completion: .list(SessionPolicy.Delete.allCases.map(\.rawValue)))
    var delete: String?

    @Option(
        help: ArgumentHelp(
            "Keep deleted and replaced files: true, or a directory beneath the target.", valueName: "dir"))
    var keepDeleted: String?

    @Option(
        help: ArgumentHelp("What only the target changed: repair, keep, halt.", valueName: "how"),
        completion: .list(SessionPolicy.Drift.allCases.map(\.rawValue)))
    var drift: String?

    @Option(
        help: ArgumentHelp("What both sides changed: always (upstream wins), older, conflict.", valueName: "how"),
        completion: .list(SessionPolicy.Overwrite.allCases.map(\.rawValue)))
    var overwrite: String?

    @Option(
        help: ArgumentHelp("What becomes of symlinks: copy, skip, follow.", valueName: "how"),
        completion: .list(SessionPolicy.Symlinks.allCases.map(\.rawValue)))
    var symlinks: String?

    @Flag(help: "Delete what the target has beyond the source.")
    var mirror = false

    @Option(
        help: ArgumentHelp(
            "What is kept beside content, with commas: mode, times, owner, group, xattrs, acls, hardlinks. By default mode,times; "
                + "none is content alone.",
            valueName: "items"))
    var preserve: String?

    @Option(
        name: [.customShort("i"), .long], help: ArgumentHelp("The private key to log in with.", valueName: "file"),
        completion: .file())
    var identity: String?

    @Option(name: [.customShort("P"), .long], help: "The port of the SSH server.")
    var port: Int?

    @Option(help: ArgumentHelp("Sync what this pattern matches. May be repeated.", valueName: "pattern"))
    var include: [String] = []

    @Option(help: ArgumentHelp("Do not sync what this pattern matches. May be repeated.", valueName: "pattern"))
    var exclude: [String] = []

    @Option(
        help: ArgumentHelp("Rules, one to a line; a pattern alone is excluded.", valueName: "file"), completion: .file()
    )
    var filterFile: String?

    @Option(help: ArgumentHelp("Host keys, in place of your own known_hosts.", valueName: "file"), completion: .file())
    var knownHosts: String?

    @Option(help: ArgumentHelp("The one host key to accept: SHA256:….", valueName: "fingerprint"))
    var hostKey: String?

    @Flag(help: "One JSON object a line on standard output, the last one the summary.")
    var json = false

    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func execute() throws -> Core.ExitCode {
        let pair = pair
        let (topology, diagnostics) = TopologyFile.load(bytes: Array(pair.text.utf8), name: "sync")
        if topology == nil {
            complain(diagnostics.filter { $0.severity == .error }, pair)
            return .usage
        }
        let file = try PairFile.keep(pair, stateDirectory: try Surroundings.directories.state())
        return try RunCommand.parse(runArguments(file)).execute()
    }

    private var pair: PairTopology {
        var pair = PairTopology(
            session: name, directory: absolute(directory), remote: remote, mode: direction.rawValue)
        pair.database = database.map(absolute)
        pair.remoteDatabase = remoteDatabase
        pair.identity = identity.map(absolute)
        pair.port = port
        pair.knownHosts = knownHosts.map(absolute)
        pair.hostKey = hostKey
        pair.isContinuous = continuous
        pair.includes = include
        pair.filterFile = filterFile.map(absolute)
        pair.excludes = exclude
        (pair.delete, pair.keepDeleted, pair.drift, pair.isMirror) = (delete, keepDeleted, drift, mirror)
        pair.preserve = preserve.map { items in
            items == "none" ? [] : items.split(separator: ",").map { item in String(item.filter { $0 != " " }) }
        }
        (pair.overwrite, pair.symlinks) = (overwrite, symlinks)
        return pair
    }

    /// What a person types stands relative to where they are.
    private func absolute(_ path: String) -> String {
        let isWhole = path.hasPrefix("/") || path == "~" || path.hasPrefix("~/") || path.isEmpty
        return isWhole ? path : Surroundings.workingDirectory + "/" + path
    }

    /// The same run in the words of `run`.
    private func runArguments(_ file: String) -> [String] {
        let flags = [
            (reset, "--reset"), (verify, "--verify"), (json, "--json"), (global.verbose, "--verbose"),
            (global.quiet, "--quiet"),
            (global.noColour, "--no-color"),
        ]
        let log = global.logFile.map { ["--log-file=\($0)"] } ?? []
        return [file] + flags.filter(\.0).map(\.1) + log
    }

    /// Findings by the option that they are about, not by the line of a file that nobody wrote.
    private func complain(_ diagnostics: [Diagnostic], _ pair: PairTopology) {
        for diagnostic in diagnostics {
            let option = pair.option(of: diagnostic)
            var head = StyledLine("headwater sync\(option.isEmpty ? "" : " " + option): ", .bold)
            head.add("error[\(diagnostic.rule.id)]: ", .red)
            let isInFile = diagnostic.file == pair.filterFile
            head.add(isInFile ? "\(Printable.text(diagnostic.file)):\(diagnostic.line):\(diagnostic.column): " : "")
            head.add(diagnostic.message)
            let lines = [head, StyledLine("  remedy: \(diagnostic.remedy)")]
            let colour = global.style(of: 2).colour
            StandardOutput().progress(lines.map { $0.rendered(colour: colour) + "\n" }.joined())
        }
    }
}
