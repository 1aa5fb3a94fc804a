import ArgumentParser
import Console
import Core

struct CompletionsCommand: Command {
    enum Shell: String, ExpressibleByArgument, CaseIterable { case bash, zsh, fish }

    static let configuration = CommandConfiguration(
        commandName: "completions",
        abstract: "Prints a script that completes commands and options in your shell.",
        discussion: """
            Example: headwater completions bash > ~/.local/share/bash-completion/completions/headwater
            Example: headwater completions zsh > "${fpath[1]}/_headwater"
            Example: headwater completions fish > ~/.config/fish/completions/headwater.fish
            """)

    @Argument(help: "bash, zsh or fish.")
    var shell: Shell

    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func execute() throws -> Core.ExitCode {
        _ = try global.openLog()
        let shell: CompletionShell =
            switch shell {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        StandardOutput().result(HeadwaterCommand.completionScript(for: shell) + "\n")
        return .inStep
    }
}
