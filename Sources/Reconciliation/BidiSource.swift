import Core

/// What the source of one direction of a bidirectional cycle must leave out, and what it says beside its tree's changes.
///
/// In the first direction, upstream → downstream, nothing. In the second one it is what the downstream end has decided in the first:
/// it has both sides' changes before it, so what it leaves alone there it must not announce as its own.
package final class BidiSource {
    private var flags: ArraySlice<Conflict>
    private let outcome: BidiOutcome
    /// Directories that are residue here, in which nothing was found yet that would make them travel.
    private var waiting: [(path: TreePath, entry: EntryStatus)] = []

    /// The first direction.
    package convenience init() { self.init(BidiOutcome()) }

    /// - Parameter outcome: of the first direction.
    package init(_ outcome: BidiOutcome) {
        flags = outcome.flagged.values.sorted { $0.path < $1.path }[...]
        self.outcome = outcome
    }

    /// The conflicts to flag whose path comes before `path`, or at it; nil: all that are left.
    package func flags(before path: TreePath?) -> ArraySlice<Conflict> {
        if flags.isEmpty { return [] }
        let taken = path.map { bound in flags.prefix { $0.path <= bound } } ?? flags
        flags = flags.dropFirst(taken.count)
        return taken
    }

    /// Whether nothing may be said of `path`.
    package func isHeld(_ path: TreePath) -> Bool {
        outcome.held.contains(path) || outcome.flagged[path] != nil || outcome.isHeldWhole(path)
    }

    /// Whether something below `path` is left alone in this cycle.
    package func holds(below path: TreePath) -> Bool {
        outcome.held.contains { path.contains($0) } || outcome.heldBelow.contains { path.contains($0) }
            || outcome.flagged.keys.contains { path.contains($0) }
    }

    /// Whether what stands at a path in conflict is to become the other end's, too.
    package func spreads(_ path: TreePath) -> Bool { outcome.settled.contains(path) }

    /// What stood here when the conflict was flagged.
    package func identity(of path: TreePath) -> LocalIdentity? { outcome.identities[path] }

    /// A directory that travels only when something synced has appeared in it.
    package func wait(_ path: TreePath, _ entry: EntryStatus) {
        dropWaiting(notAbove: path)
        waiting.append((path, entry))
    }

    /// The directories above `path` that travel because of it, from above to below.
    package func takeWaiting(above path: TreePath) -> [(path: TreePath, entry: EntryStatus)] {
        dropWaiting(notAbove: path)
        defer { waiting = [] }
        return waiting
    }

    private func dropWaiting(notAbove path: TreePath) {
        while let last = waiting.last, !last.path.contains(path) || last.path == path { waiting.removeLast() }
    }
}

/// What the downstream end decided in the first direction of a bidirectional cycle, as far as the second one has to know.
package struct BidiOutcome: Hashable, Sendable {
    /// Paths to flag at both ends, for the first time or anew.
    package var flagged: [TreePath: Conflict] = [:]
    /// Paths that are left alone in this cycle: in conflict, or the upstream's change could not be applied.
    package var held: Set<TreePath> = []
    /// The same with all that is below them.
    package var heldBelow: Set<TreePath> = []
    /// Conflicts that are settled in favour of what stands downstream.
    package var settled: Set<TreePath> = []
    /// What stands here at the paths in `flagged`.
    package var identities: [TreePath: LocalIdentity] = [:]

    package init() {}

    /// Whether `path`, or a directory above it, is left alone with all that is below.
    package func isHeldWhole(_ path: TreePath) -> Bool {
        if heldBelow.isEmpty { return false }
        var above = path
        while true {
            if heldBelow.contains(above) { return true }
            if above.isRoot { return false }
            above = above.parent
        }
    }
}
