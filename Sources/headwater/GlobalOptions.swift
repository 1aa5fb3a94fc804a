import ArgumentParser
import Console
import Core
import Platform

/// What every command takes.
struct GlobalOptions: ParsableArguments {
    @Flag(name: .shortAndLong, help: "Say more: what a person who looks for a cause wants to read.")
    var verbose = false

    @Flag(name: .shortAndLong, help: "Say nothing but errors.")
    var quiet = false

    @Option(name: .long, help: ArgumentHelp("Append every line, with its time, to FILE.", valueName: "file"))
    var logFile: String?

    @Flag(name: .customLong("no-color"), help: "Use no colours; NO_COLOR and TERM=dumb do the same.")
    var noColour = false

    func validate() throws {
        if verbose && quiet { throw ValidationError("--verbose and --quiet exclude each other.") }
    }

    var verbosity: Verbosity { quiet ? .quiet : verbose ? .verbose : .normal }

    /// - Throws: `log.open`.
    func openLog() throws(HeadwaterError) -> LogFile? {
        guard let logFile else { return nil }
        return try LogFile(path: logFile)
    }

    /// Of standard output (1) or standard error (2).
    func style(of descriptor: Int32) -> Style { Surroundings.style(of: descriptor, noColour: noColour) }

    /// The same for a command whose results tell of errors: those are said on standard error where nothing else is.
    func tell(_ lines: [StyledLine], errors: [StyledLine], log: LogFile?) {
        tell(lines, log: log)
        let colour = style(of: 2).colour
        if quiet { StandardOutput().progress(errors.map { $0.rendered(colour: colour) + "\n" }.joined()) }
    }

    /// Prints a command's results, and keeps them in the log file.
    func tell(_ lines: [StyledLine], log: LogFile?) {
        log?.append(lines.map { $0.rendered(colour: false) }, at: WallClock.now)
        if quiet { return }
        let colour = style(of: 1).colour
        StandardOutput().result(lines.map { $0.rendered(colour: colour) + "\n" }.joined())
    }
}
