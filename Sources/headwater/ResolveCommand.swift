import ArgumentParser
import Console
import Core
import Orchestration
import Platform
import Topologies

struct ResolveCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "resolve",
        abstract: "Decides which side of a conflict wins; the next run carries it out.",
        discussion: """
            Paths are given as `headwater conflicts` shows them. A pattern follows the rules of filters, from the root: `**` is \
            all. A path that is named in full goes before every pattern. The version that loses goes to \
            .headwater/SESSION/attic on its side, whatever `keep_deleted` says.

            upstream, downstream: that side wins, its deletion too. newer: the newer modification time. both: upstream's under \
            the name, downstream's beside it as NAME~PEER~TIME. Where one side deleted it, newer and both keep the one that is left.

            The first argument that is the name of a file here and ends in .yaml or .yml is the topology file, where more follow.

            Example: headwater resolve --session docs-office-home notes/todo.txt --keep newer
            Example: headwater resolve team.yaml --session docs-office-home '**' --keep upstream
            """)

    @Argument(help: ArgumentHelp("The topology file (headwater.yaml), and paths or patterns.", valueName: "path"))
    var paths: [String] = []

    @Option(help: ArgumentHelp("The session of the edge, or FROM:TO.", valueName: "session"))
    var session: String

    @Option(help: "upstream, downstream, both or newer.", completion: .list(Keep.allCases.map(\.rawValue)))
    var keep: String

    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func execute() throws -> Core.ExitCode {
        guard let side = Keep(rawValue: keep) else {
            throw ValidationError("--keep is upstream, downstream, both or newer")
        }
        let log = try global.openLog()
        let (file, patterns) = arguments
        if patterns.isEmpty { throw ValidationError("which paths? `headwater conflicts` lists them, '**' is all") }
        let argument = try TopologyArgument.parse([file])
        let graph = try argument.load(global)
        let edge = try EdgeSelection.indices([session], in: graph)[0]
        let state = try argument.state(of: graph)
        let resolutions = try patterns.map { try Resolution(shown: $0, side) }
        let found = StatusReader(graph, state).conflicts([edge])[0]
        let known = found.isElsewhere || found.error != nil ? nil : found.conflicts
        let decided = try Resolution.decided(known, by: resolutions)
        let identity = graph.identity(of: edge)
        try state.resolutions.add(resolutions, to: identity.session)
        global.tell(ResolveCommand.lines(identity, decided, side), log: log)
        return .inStep
    }

    private var arguments: (file: String, patterns: [String]) {
        if let first = paths.first, paths.count > 1 || !mayAccess("headwater.yaml", 0),
            first.hasSuffix(".yaml") || first.hasSuffix(".yml"),
            mayAccess(first, 0)
        {
            return (first, Array(paths.dropFirst()))
        }
        return ("headwater.yaml", paths)
    }

    private static func lines(_ edge: EdgeIdentity, _ count: Int?, _ keep: Keep) -> [StyledLine] {
        var line = StyledLine(edge.label + ": ", .bold)
        let what = count.map { Amounts.count(UInt64($0), "conflict", "conflicts") } ?? "conflicts of these patterns"
        line.add("\(what) decided, \(keep.rawValue); the next run carries it out")
        return [line]
    }
}
