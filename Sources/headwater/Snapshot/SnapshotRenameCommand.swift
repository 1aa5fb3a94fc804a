import ArgumentParser
import Console
import Core
import Orchestration
import Platform

struct SnapshotRenameCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "rename",
        abstract: "Gives a session another name at both of its ends.",
        discussion: """
            What both ends agreed on goes on under the new name: the next run moves only what changed, and deletes what was \
            deleted. The topology has to know the edge by either name; a far end is reached as by a run. Both ends are looked at \
            before anything is changed. May be repeated after it was ended at any moment; a run in between refuses.

            Example: headwater snapshot rename site-build-eu site-build-berlin
            Example: headwater snapshot rename old-name new-name production.yaml
            """)

    @Argument(help: ArgumentHelp("The name the session has had.", valueName: "old"))
    var old: String

    @Argument(help: ArgumentHelp("The name it is to have: letters, digits, _ and -.", valueName: "new"))
    var new: String

    @OptionGroup var topology: TopologyArgument
    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func validate() throws {
        for name in [old, new] where !Name.isValid(name) {
            throw ValidationError("`\(Printable.text(name))` is no name of a session: \(Name.rule).")
        }
        if old == new { throw ValidationError("Both names are the same.") }
    }

    func execute() throws -> Core.ExitCode {
        let interruption = Interruption()
        let signals = try watchEndingSignals(interruption)
        defer { signals.close() }
        Host.raiseFileLimit()
        let log = try global.openLog()
        let graph = try topology.load(global)
        let renaming = try SessionRenaming(
            graph, from: old, to: new, agent: Surroundings.agentBinary, interruption: interruption,
            askPassphrase: PassphrasePrompt.make(interruption))
        defer { renaming.close() }
        let ends: [SessionRenaming.End]
        do throws(HeadwaterError) { ends = try renaming.run() } catch {
            if let exit = interruption.exit, error.exit == .unreachable { return exit }
            throw error
        }
        global.tell(lines(ends, renaming.isOldInFile), log: log)
        return .inStep
    }

    private func lines(_ ends: [SessionRenaming.End], _ isOldInFile: Bool) -> [StyledLine] {
        var lines = ends.map { end in
            var line = StyledLine(end.peer + ": ", .bold)
            line.add(end.before == .done ? "is \(new) already" : "\(old) is \(new) now", .green)
            return line
        }
        if isOldInFile {
            lines.append(
                StyledLine(
                    "  now write `session: \(new)` at that edge of \(Printable.text(topology.file)); a run of \(old) refuses"
                ))
        }
        return lines
    }
}
