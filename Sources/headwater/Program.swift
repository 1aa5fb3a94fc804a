import ArgumentParser
import Console
import Core

/// What every command of `headwater` is.
protocol Command: ParsableCommand {
    /// Does the work and returns the exit code of the process. What it throws is told on standard error.
    func execute() throws -> Core.ExitCode
}

/// Ends a command whose failure has been told already.
struct AlreadyTold: Error {
    var exit: Core.ExitCode
}

/// From arguments to an exit code.
enum Program {
    static func run(_ arguments: [String]) -> Core.ExitCode {
        let exit = execute(arguments)
        guard let loss = StandardOutput.lostResults else { return exit }
        tell(loss)
        return exit == .inStep ? loss.exit : exit
    }

    private static func execute(_ arguments: [String]) -> Core.ExitCode {
        do {
            var command = try HeadwaterCommand.parseAsRoot(arguments)
            guard let ours = command as? any Command else {
                try command.run()
                return .inStep
            }
            return try ours.execute()
        } catch let error as HeadwaterError {
            tell(error)
            return error.exit
        } catch let error as AlreadyTold {
            return error.exit
        } catch {
            return tell(parsing: error)
        }
    }

    private static func tell(_ error: HeadwaterError) {
        let output = StandardOutput()
        let style = Surroundings.style(of: 2, noColour: false)
        output.progress(SummaryText.block(error).map { $0.rendered(colour: style.colour) + "\n" }.joined())
    }

    /// Help and version are results; everything else is a wrong use, exit 2.
    private static func tell(parsing error: any Error) -> Core.ExitCode {
        let text = HeadwaterCommand.fullMessage(for: error)
        let isResult = HeadwaterCommand.exitCode(for: error).isSuccess
        if isResult { StandardOutput().result(text + "\n") } else { StandardOutput().progress(text + "\n") }
        return isResult ? .inStep : .usage
    }
}
