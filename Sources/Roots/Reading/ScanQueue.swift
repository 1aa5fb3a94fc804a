import Core
import Platform
import Synchronization

/// A directory that stays open while directories below it wait to be listed.
final class OpenDirectory: Sendable {
    /// The most that one scan holds at a time; what is below others is reached from the root.
    static let countMax = 128

    final class Count: Sendable {
        let now = Atomic<Int>(0)
    }

    private let descriptor: Descriptor
    private let count: Count

    var raw: Int32 { descriptor.raw }

    init(_ descriptor: Descriptor, _ count: Count) {
        self.descriptor = descriptor
        self.count = count
        count.now.add(1, ordering: .relaxed)
    }

    deinit { count.now.subtract(1, ordering: .relaxed) }
}

/// A directory that is known but not listed yet.
struct PendingDirectory: Sendable {
    var location: UInt32
    /// The directory that holds it; nil when too many are open.
    var parent: OpenDirectory?
    /// Of its own key.
    var depth: Int
    var keyCount: Int
}

/// What the threads of one scan share: the directories still to be listed, last in first out. Bounded by the directories of the tree.
final class ScanQueue: Sendable {
    private struct State: Sendable {
        var pending: [PendingDirectory]
        var busyCount = 0
        var failure: SystemError?
    }

    private let state: Monitor<State>
    let openCount = OpenDirectory.Count()

    init(_ first: PendingDirectory) { state = Monitor(State(pending: [first])) }

    /// The next directory, waiting while others may still find some; nil when the tree is done or the scan has failed.
    func take() -> PendingDirectory? {
        state.wait { state -> PendingDirectory?? in
            if state.failure != nil { return .some(nil) }
            if let next = state.pending.popLast() {
                state.busyCount += 1
                return next
            }
            return state.busyCount == 0 ? .some(nil) : nil
        }
    }

    /// Ends the work on a directory that `take` gave. Returns how many directories are pending now.
    func finish(adding found: [PendingDirectory]) -> Int {
        state.update {
            $0.busyCount -= 1
            $0.pending.append(contentsOf: found)
            return $0.pending.count
        }
    }

    /// Ends the scan as a whole.
    func fail(_ error: SystemError) {
        state.update {
            $0.busyCount -= 1
            $0.failure = $0.failure ?? error
            $0.pending = []
        }
    }

    var failure: SystemError? { state.read { $0.failure } }
}
