import ArgumentParser
import Console
import Core
import Glibc
import Platform
import Topologies

struct InitCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Writes a topology file to start from, explained line by line.",
        discussion: """
            Never overwrites a file.

            Example: headwater init
            Example: headwater init - | less
            """)

    @Argument(help: ArgumentHelp("The file to write; - is standard output.", valueName: "file"), completion: .file())
    var file = "headwater.yaml"

    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func execute() throws -> Core.ExitCode {
        let log = try global.openLog()
        let text = Starter.text(for: file == "-" ? "headwater.yaml" : file)
        if file == "-" {
            StandardOutput().result(text)
            return .inStep
        }
        try write(text)
        let word = Printable.line(ShellWord.quoted(file.hasPrefix("-") ? "./" + file : file))
        let command = file == "headwater.yaml" ? "headwater validate" : "headwater validate \(word)"
        let said = "\(Printable.text(file)): written; change the peers in it, then: \(command)"
        global.tell([StyledLine(said, .green)], log: log)
        return .inStep
    }

    private func write(_ text: String) throws(HeadwaterError) {
        do {
            let descriptor = try Descriptor(
                at: Descriptor.workingDirectory, file, O_WRONLY | O_CREAT | O_EXCL | O_NOCTTY, mode: 0o666)
            try writeFully(descriptor.raw, Array(text.utf8))
        } catch {
            let exists = error.errno == EEXIST
            throw HeadwaterError(
                exists ? "init.exists" : "init.write",
                exists ? "\(file) is already there" : "\(file) cannot be written",
                remedy: exists
                    ? "name another file, or remove this one" : "name a file in a directory you may write to",
                exit: .usage, cause: exists ? nil : error.description)
        }
    }
}
