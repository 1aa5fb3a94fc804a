import Platform

/// Asks running sessions to end cleanly: finish the batch in flight, record it, say goodbye.
package final class Cancellation: Sendable {
    private struct State: Sendable {
        var isRequested = false
        var nextID = 0
        var listeners: [Int: @Sendable () -> Void] = [:]
    }

    private let state = Monitor(State())

    package init() {}

    package var isRequested: Bool { state.read { $0.isRequested } }

    /// May be called from any thread and more than once; not from a signal handler.
    package func request() {
        let listeners = state.update { state in
            defer { state.listeners = [:] }
            state.isRequested = true
            return Array(state.listeners.values)
        }
        for listener in listeners { listener() }
    }

    /// Calls `listener` once when the request comes, at once if it has come; `forget` with the returned number ends that.
    package func listen(_ listener: @escaping @Sendable () -> Void) -> Int {
        let (id, isLate) = state.update { state in
            state.nextID += 1
            if !state.isRequested { state.listeners[state.nextID] = listener }
            return (state.nextID, state.isRequested)
        }
        if isLate { listener() }
        return id
    }

    package func forget(_ id: Int) { state.update { $0.listeners[id] = nil } }
}
