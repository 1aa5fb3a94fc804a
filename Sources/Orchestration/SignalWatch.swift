import Core
import Glibc
import Platform

/// Turns signals into a clean end: the first asks for it, a second one does not wait for it.
package final class SignalWatch: Sendable {
    private let source: SignalSource
    private let thread: WorkerThread<Void>

    /// The signals that end a run. SIGHUP is left out where it was ignored from the start (`nohup`).
    package static var ending: [Int32] {
        SignalSource.isIgnored(SIGHUP) ? [SIGINT, SIGTERM] : [SIGINT, SIGTERM, SIGHUP]
    }

    /// 130 for SIGINT, 143 for SIGTERM and SIGHUP.
    package static func exit(for signal: Int32) -> ExitCode { signal == SIGINT ? .interrupted : .terminated }

    /// - Parameter endAtOnce: called on a thread of its own for each signal after the first; in a program it does not return.
    package init(
        _ source: SignalSource, _ interruption: Interruption, endAtOnce: @escaping @Sendable (ExitCode) -> Void
    ) {
        self.source = source
        thread = WorkerThread("signals") { SignalWatch.follow(source.next, interruption, endAtOnce) }
    }

    /// Takes signals until `next` has none left.
    package static func follow(
        _ next: () -> Int32?, _ interruption: Interruption, _ endAtOnce: (ExitCode) -> Void
    ) {
        while let signal = next() {
            let exit = exit(for: signal)
            if interruption.exit == nil { interruption.request(exit) } else { endAtOnce(exit) }
        }
    }

    /// Ends the thread.
    package func close() {
        source.close()
        try? thread.join()
    }
}
