import ArgumentParser
import Console
import Core
import Topologies

struct SchemaCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Prints the JSON Schema of topology files, for editors.",
        discussion: """
            With it an editor completes keys, explains them, and marks unknown ones while you type. Keep it beside your \
            topologies and name it in their first line:

              headwater schema > headwater.schema.json
              # yaml-language-server: $schema=headwater.schema.json

            What only the whole tells (loops, unknown peers) remains for `headwater validate`.
            """)

    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func execute() throws -> Core.ExitCode {
        _ = try global.openLog()
        StandardOutput().result(TopologySchema.text)
        return .inStep
    }
}
