import ArgumentParser
import Console
import Core
import Orchestration

struct ExplainCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Explains the code of an error, the id of a rule, or what becomes of a path.",
        usage: """
            headwater explain <code>
            headwater explain <file> <peer> <path>
            """,
        discussion: """
            Of a path: which edges read or write it, through which `subpath`, what keeps it out, and what the snapshot databases on \
            this machine know of it. Nothing is connected to, and nothing is changed.

            Example: headwater explain stage.no-space
            Example: headwater explain HW101
            Example: headwater explain headwater.yaml eu docs/new.txt
            """)

    @Argument(
        help: ArgumentHelp(
            "A code as it stands in brackets in the message; or a topology file, a peer of it, and a path from the peer's directory.",
            valueName: "code | file peer path"),
        completion: .list(Explanation.codes))
    var words: [String]

    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func validate() throws {
        if words.count != 1 && words.count != 3 {
            throw ValidationError("Give one code, or a topology file, a peer and a path.")
        }
    }

    func execute() throws -> Core.ExitCode {
        let log = try global.openLog()
        if words.count == 1 {
            global.tell(try Explanation.lines(of: words[0]), log: log)
            return .inStep
        }
        var topology = TopologyArgument()
        topology.file = words[0]
        let explanation = try PathExplainer.explain(words[2], at: words[1], in: topology.load(global))
        global.tell(PathText.lines(explanation), log: log)
        return .inStep
    }
}
