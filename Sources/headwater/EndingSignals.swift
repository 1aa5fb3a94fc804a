import Glibc
import Orchestration
import Platform

/// Watches the signals that end a program: the first one asks for it, a second one gives the terminal back and does not wait.
///
/// To be called before any other thread is there: signals are blocked in those that come. The caller closes it.
///
/// - Parameter beforeExit: what else is put right before the program ends at once.
func watchEndingSignals(
    _ interruption: Interruption, beforeExit: @escaping @Sendable () -> Void = {}
) throws -> SignalWatch {
    SignalWatch(try SignalSource(SignalWatch.ending), interruption) { exit in
        beforeExit()
        SecretPrompt.putBackTerminal()
        _exit(Int32(exit.rawValue))
    }
}
