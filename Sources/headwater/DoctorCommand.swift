import ArgumentParser
import Console
import Core
import Orchestration
import Platform

struct DoctorCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Looks at every peer before anything runs, and says what a run would meet.",
        discussion: """
            All peers at once: name, port, host key, login and agent; the directory, its permissions and its mount; disk and \
            inodes against what is to come; what the file system can do; directories to watch; clocks and versions. No tree \
            and no database is changed. It ends with what to do, as commands.

            Exit 0 when there is nothing to report, else the code of the worst finding; warnings count as 4, notes as 0.

            Example: headwater doctor
            Example: headwater doctor production.yaml --json
            """)

    @OptionGroup var topology: TopologyArgument

    @Flag(help: "One JSON object a line: version, peers, findings, summary.")
    var json = false

    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func execute() throws -> Core.ExitCode {
        let interruption = Interruption()
        let signals = try watchEndingSignals(interruption)
        defer { signals.close() }
        Host.raiseFileLimit()
        let log = try global.openLog()
        let graph = try topology.load(global)
        let doctor = Doctor(
            graph, agent: Surroundings.agentBinary, interruption: interruption,
            askPassphrase: PassphrasePrompt.make(interruption))
        defer { doctor.close() }
        if !json, !global.quiet, Terminal.isTerminal(2) {
            let machines = Amounts.count(UInt64(doctor.farHostsCount), "other machine", "other machines")
            StandardOutput().progress(
                "looking at \(Amounts.count(UInt64(graph.peers.count), "peer", "peers")), \(machines) …\n")
        }
        let report = doctor.run()
        if let exit = interruption.exit { return exit }
        if json {
            StandardOutput().result(DoctorJSON.lines(report).map { $0 + "\n" }.joined())
            log?.append(DoctorText.lines(report).map { $0.rendered(colour: false) }, at: WallClock.now)
        } else {
            global.tell(DoctorText.lines(report), errors: DoctorText.errors(report), log: log)
        }
        return report.exit
    }
}
