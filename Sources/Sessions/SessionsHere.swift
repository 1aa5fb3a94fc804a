import Platform

/// The sessions that run in this process, by their databases, so that a later one of the same orchestrator can end an earlier one whose
/// link was lost without its noticing: a process that must not be signalled, since it is this one.
enum SessionsHere {
    private struct State: Sendable {
        var nextID = 0
        var ends: [String: (id: Int, end: @Sendable () -> Void)] = [:]
    }

    private static let state = Monitor(State())

    /// Notes a session that holds its lock; `end` wakes all of its threads.
    static func enter(_ database: String, end: @escaping @Sendable () -> Void) -> Int {
        state.update {
            $0.nextID += 1
            $0.ends[database] = ($0.nextID, end)
            return $0.nextID
        }
    }

    static func leave(_ database: String, _ id: Int) {
        state.update { if $0.ends[database]?.id == id { $0.ends[database] = nil } }
    }

    /// Asks the session of this database to end, if there is one.
    static func end(_ database: String) { state.read { $0.ends[database]?.end }?() }
}
