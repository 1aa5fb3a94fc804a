import Core
import Platform

/// The wish that a run ends soon and cleanly, and which exit code it ends with then.
package final class Interruption: Sendable {
    private struct State: Sendable {
        var exit: ExitCode?
        var bodies: [@Sendable () -> Void] = []
    }

    private let state = Monitor(State())

    package init() {}

    /// 130 or 143 once requested.
    package var exit: ExitCode? { state.read { $0.exit } }

    /// The first request decides the exit code; later ones change nothing. Runs on the calling thread what `onRequest` was given.
    package func request(_ exit: ExitCode) {
        let bodies = state.update { state -> [@Sendable () -> Void] in
            if state.exit != nil { return [] }
            state.exit = exit
            defer { state.bodies = [] }
            return state.bodies
        }
        for body in bodies { body() }
    }

    /// Runs `body` once, when the end is requested: at once if it already is. `body` must not block. It is kept until then.
    package func onRequest(_ body: @escaping @Sendable () -> Void) {
        let isLate = state.update { state -> Bool in
            if state.exit == nil { state.bodies.append(body) }
            return state.exit != nil
        }
        if isLate { body() }
    }

    /// Waits; true as soon as the end is requested, false when the time is over.
    func wait(seconds: Double) -> Bool {
        state.wait(until: MonotonicClock.after(seconds: seconds)) { $0.exit == nil ? nil : true } ?? false
    }
}
