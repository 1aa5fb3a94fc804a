import Core

/// What became of one step in the tree.
package enum Achieved: Hashable, Sendable {
    /// What the next scan will see there.
    case done(LocalIdentity)
    /// Nothing stands there any more.
    case removed
    /// A directory that is not empty: it stays, with what is not ours to delete.
    case kept
    /// Not what was planned on: left alone.
    case changedMeanwhile
    /// This path cannot be changed; others can.
    case failed
}

/// What a target has decided to do: in which order it is done, and what is recorded of each outcome. Pure.
///
/// Steps are done as they come, but for two kinds: removals, when all changes are known, deepest first; then what takes the place of
/// directories, which are empty by then.
package struct WorkList<Content> {
    /// A step with the content that is staged for it.
    package typealias Entry = (step: PlannedStep, content: Content?)

    private static var stepsMax: Int { 2048 }
    private static var bytesMax: UInt64 { 32 << 20 }

    private let isBidi: Bool
    private var steps: [Entry] = []
    private var bytes: UInt64 = 0
    private var removals: [Removal] = []
    private var areRemovalsSorted = false
    private var replacements: [Entry] = []
    /// Files that get another name, when everything else is done: as many as there are to be given.
    private var links: [PlannedStep] = []
    /// Directories that hold what should have been deleted and was not: they keep their rows, so that their turn comes with it.
    private var keptAbove: Set<TreePath> = []

    package init(isBidi: Bool) { self.isBidi = isBidi }

    package var isEmpty: Bool { steps.isEmpty }
    /// Whether what was collected is to be done before more is.
    package var isFull: Bool { steps.count >= Self.stepsMax || bytes >= Self.bytesMax }

    // MARK: Collecting

    /// - Parameter content: what is staged for it.
    package mutating func add(_ step: PlannedStep, _ content: Content? = nil) {
        if case .link = step.action { return links.append(step) }
        if step.replacesDirectory { replacements.append((step, content)) } else { append((step, content)) }
    }

    private mutating func append(_ entry: Entry) {
        steps.append(entry)
        bytes &+= UInt64(entry.step.path.key.count)
        switch entry.step.action {
        case .putFile: bytes &+= entry.step.agreed?.attributes.size ?? 0
        case .putSymlink(let target, _): bytes &+= UInt64(target.count)
        default: break
        }
    }

    package mutating func remove(later removal: Removal) {
        removals.append(removal)
        areRemovalsSorted = false
    }

    /// Notes that what the source has deleted stays here.
    package mutating func keepRow(of record: ChangeRecord) {
        if record.state == .absent { keepRows(above: record.path) }
    }

    /// Directories above what stays here keep their rows.
    package mutating func keepRows(above path: TreePath) {
        var above = path
        while !above.isRoot {
            above = above.parent
            if !keptAbove.insert(above).inserted { return }
        }
    }

    // MARK: Order

    /// What is to be done now.
    package mutating func take() -> [Entry] {
        defer { (steps, bytes) = ([], 0) }
        return steps
    }

    /// What is removed, as far as that is decided.
    package var removedPaths: Set<TreePath> { Set(removals.map(\.path)) }

    /// Whether something is to take the place of a directory.
    package func replaces(_ path: TreePath) -> Bool { replacements.contains { $0.step.path == path } }

    /// The paths that a deletion would take away from the tree, in scan order.
    ///
    /// A directory above what is kept on purpose is not among them, nor tried: it keeps its row, and its turn comes with that.
    package mutating func removalPaths() -> [TreePath] {
        removals.removeAll { keptAbove.contains($0.path) }
        return removals.filter { $0.expected != .absent }.map(\.path).sorted()
    }

    /// Has the next removals done, what lies deepest first; false when there are none left.
    package mutating func beginRemovals() -> Bool {
        if removals.isEmpty { return false }
        if !areRemovalsSorted {
            removals.sort { $0.path < $1.path }
            areRemovalsSorted = true
        }
        for removal in removals.suffix(Self.stepsMax).reversed() {
            // What the scan did not find is looked for once more: only what is gone is recorded as gone.
            var step = PlannedStep(
                index: removal.index, path: removal.path, action: .remove, expected: removal.expected)
            (step.isUnrecorded, step.isTold) = (removal.isUnrecorded, removal.isTold)
            append((step, nil))
        }
        removals.removeLast(min(Self.stepsMax, removals.count))
        return true
    }

    /// Has done what takes the place of directories that are empty by now.
    package mutating func addReplacements() {
        for entry in replacements.sorted(by: { $0.step.path < $1.step.path }) { append(entry) }
        replacements = []
    }

    /// The next files that get another name: to be added by `addLink`.
    package mutating func takeLinks() -> [PlannedStep] {
        defer { links.removeFirst(min(Self.stepsMax, links.count)) }
        return Array(links.prefix(Self.stepsMax))
    }

    package mutating func addLink(_ step: PlannedStep) { append((step, nil)) }

    /// Lets go of everything that was not done; returns what was staged for it.
    package mutating func drop() -> [Content] {
        defer { (steps, replacements, links, bytes) = ([], [], [], 0) }
        return (steps + replacements).compactMap(\.content)
    }

    // MARK: Recording

    /// What to record of a step; nil, mostly with a problem, when it was not achieved.
    ///
    /// - Parameters:
    ///   - outcome: nil for a step that does nothing to the tree.
    ///   - row: of the path, in whatever state.
    package mutating func record(
        _ step: PlannedStep, _ outcome: Achieved?, row: () throws(HeadwaterError) -> Row?
    ) throws(HeadwaterError) -> (row: RowChange?, problem: HeadwaterError?) {
        switch (step.agreed, outcome) {
        case (nil, nil): return (step.flag.map { .conflict($0, local: step.identity) } ?? .remove(step.path), nil)
        case (let agreed?, nil):
            let local = step.keepsOwnMode ? nil : step.identity
            return (.put(step.path, agreed, local: local, state: step.state, origin: step.origin), nil)
        case (let agreed?, .done(let identity)):
            // What is not as the row says must not pass for the entry that the row was made of.
            let local = step.keepsOwnMode ? nil : identity
            return (step.isUnrecorded ? nil : .put(step.path, agreed, local: local, origin: step.origin), nil)
        case (nil, .removed): return (step.isUnrecorded ? nil : .remove(step.path), nil)
        case (nil, .kept):
            if isBidi { return (step.isUnrecorded ? nil : try residue(step, row()), nil) }
            // Not ours to delete, unless it is what could not be deleted just now.
            return (keptAbove.contains(step.path) ? nil : .remove(step.path), nil)
        case (.some, .kept): return (nil, keptAbove.contains(step.path) ? nil : .notEmpty(step.path))
        case (_, .changedMeanwhile):
            if step.agreed == nil { keepRows(above: step.path) }
            return (nil, .changedMeanwhile(step.path))
        case (_, .failed):
            if step.agreed == nil { keepRows(above: step.path) }
            return (nil, nil)
        case (.some, .removed), (nil, .done): preconditionFailure("an outcome of another kind of step")
        }
    }

    /// A directory that stays for what is in it, and that the other end does not have.
    private func residue(_ step: PlannedStep, _ row: Row?) -> RowChange? {
        guard let row, row.agreed.isDirectory, case .present(_, let identity, _, _) = step.expected else { return nil }
        return .put(step.path, row.agreed, local: identity, state: .residue)
    }
}
