import Core
import Platform
import Reconciliation
import Wire

/// What a target does about conflicts before any change is decided, in a push or pull and in the first direction of a bidi cycle.
extension Target {
    /// Looks at the conflicts of a push or pull that stand.
    func beginConflicts() throws(HeadwaterError) {
        if stopping || !PushConflicts<SessionView>.isNeeded(end.policy, conflicts: end.meta.counts.conflicts) { return }
        let conflicts = try PushConflicts(decider.view, decider, at: WallClock.now)
        self.conflicts = conflicts
        try decider.note(held: end.keptPaths(), withBelow: true)
        var isSettled = false
        try settle(conflicts.standingPaths) { (found) throws(HeadwaterError) in
            defer { isSettled = true }
            return isSettled ? nil : try conflicts.settleStanding(found)
        }
        for path in conflicts.standingPaths { batch.keepRows(above: path) }
    }

    /// Asks the source how it is at these paths, and does what follows from that, until nothing more does.
    func settle(
        _ paths: [TreePath],
        _ body: ([TreePath: (index: Int, record: ChangeRecord)]) throws(HeadwaterError) -> [BidiStep]?
    ) throws(HeadwaterError) {
        var rest = paths[...]
        if rest.isEmpty { return }
        var found: [TreePath: (index: Int, record: ChangeRecord)] = [:]
        try collect(&rest) { index, record in found[record.path] = (index, record) }
        while !stopping, let steps = try body(found) {
            var wants = try take(steps)[...]
            repeat {
                try say(decidedBefore: received, Array(wants.prefix(WantMessage.itemsMax)))
                wants = wants.dropFirst(WantMessage.itemsMax)
            } while !wants.isEmpty
            while isComparing && !stopping { if let item = try inbox.next() { try handle(item) } }
        }
    }

    /// Whether digests that were asked for are due.
    var isComparing: Bool { bidi?.isWaiting ?? false || conflicts?.isWaiting ?? false }
}
