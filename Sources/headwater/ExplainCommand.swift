import ArgumentParser
import Console
import Core

struct ExplainCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Explains the code of an error or the id of a rule.",
        discussion: """
            Example: headwater explain stage.no-space
            Example: headwater explain HW101
            """)

    @Argument(
        help: ArgumentHelp("As it stands in brackets in the message.", valueName: "code"),
        completion: .list(Explanation.codes))
    var code: String

    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func execute() throws -> Core.ExitCode {
        let log = try global.openLog()
        global.tell(try Explanation.lines(of: code), log: log)
        return .inStep
    }
}
