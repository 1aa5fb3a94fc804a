import Core

/// An entry that a tree holds under another path than was agreed.
package struct FoundRename: Hashable, Sendable {
    package var from: TreePath
    package var to: TreePath
    package var isDirectory: Bool

    package init(from: TreePath, to: TreePath, isDirectory: Bool) {
        (self.from, self.to, self.isDirectory) = (from, to, isDirectory)
    }
}

/// Which entries were renamed, and in what order that can be done where nothing was renamed yet. Pure.
///
/// One round takes what depends on nothing but its own names; what lies in, or goes into, what is itself renamed waits for the next
/// one, which sees those paths as they are by then. What fits in no round is a deletion and a creation like any other.
package enum Renames {
    /// Whether what a scan found is the very entry that a row knows, whatever became of its content.
    ///
    /// An inode number is used again, its birth time is not. Where the file system tells none, only a file of the same size and time is
    /// taken for the same.
    package static func isSame(
        _ agreed: Attributes, _ known: LocalIdentity, as found: Attributes, _ identity: LocalIdentity
    ) -> Bool {
        guard agreed.kind == found.kind, known.inode == identity.inode, known.birth == identity.birth else {
            return false
        }
        if known.birth != .zero { return true }
        return agreed.kind != .directory && agreed.size == found.size && known.mtime == identity.mtime
    }

    /// What one round does.
    package struct Round: Equatable, Sendable {
        package var steps: [RenameStep] = []
        /// What lies in something that is renamed, or goes there.
        package var waiting: [FoundRename] = []
        /// What cannot be done by renaming.
        package var dropped: [FoundRename] = []

        package init(steps: [RenameStep] = [], waiting: [FoundRename] = [], dropped: [FoundRename] = []) {
            (self.steps, self.waiting, self.dropped) = (steps, waiting, dropped)
        }
    }

    /// Orders the renames of one round.
    ///
    /// - Parameters:
    ///   - kind: what both ends have at a path before the round, in whatever state.
    ///   - directory: the step that makes a directory as the source has it now; nil where it has none.
    ///   - copies: nothing may leave its old name: files are copied to names that are free.
    package static func round<Failure: Error>(
        _ found: [FoundRename], kind: (TreePath) throws(Failure) -> EntryKind?, directory: (TreePath) -> RenameStep?,
        copies: Bool = false
    ) throws(Failure) -> Round {
        var ordering = Ordering(found, copies: copies)
        for rename in ordering.ready { try ordering.judge(rename, kind, directory) }
        return ordering.finish()
    }
}

/// Puts renames into an order in which each new name is free when its turn comes.
///
///     a → b → c (c free)       the last one first
///     a → b → c → a            exchanges of a with b, then of a with c
private struct Ordering {
    private(set) var ready: [FoundRename] = []
    private var round = Renames.Round()
    private var byFrom: [TreePath: FoundRename] = [:]
    private let copies: Bool
    private var made: Set<TreePath> = []
    /// What was judged: whether it is done.
    private var verdicts: [TreePath: Bool] = [:]

    init(_ found: [FoundRename], copies: Bool) {
        self.copies = copies
        let found = found.sorted { $0.to < $1.to }
        if copies {
            ready = found.filter { !$0.isDirectory }
            return
        }
        let froms = Set(found.map(\.from))
        let targets = Set(found.filter(\.isDirectory).map(\.to))
        for rename in found {
            let waits =
                rename.from.isBelow(anyOf: froms) || rename.to.isBelow(anyOf: froms)
                || rename.to.isBelow(anyOf: targets)
            if waits { round.waiting.append(rename) } else { ready.append(rename) }
        }
        for rename in ready { byFrom[rename.from] = rename }
    }

    func finish() -> Renames.Round { round }

    /// Emits the chain that a rename is the beginning of, or a part of, unless that was done before.
    mutating func judge<Failure: Error>(
        _ rename: FoundRename, _ kind: (TreePath) throws(Failure) -> EntryKind?, _ directory: (TreePath) -> RenameStep?
    ) throws(Failure) {
        if verdicts[rename.from] != nil { return }
        var chain = [rename]
        while let next = byFrom[chain.last!.to], verdicts[next.from] == nil, next.from != rename.from {
            chain.append(next)
        }
        if byFrom[chain.last!.to]?.from == rename.from { return exchange(chain) }
        // What the chain runs into was judged before, and has let go of its name or not.
        let end = chain.last!.to
        var isDone: Bool
        if let verdict = verdicts[end] { isDone = verdict } else { isDone = try kind(end) == nil }
        for link in chain.reversed() {
            if isDone { isDone = try makeWay(to: link.to, kind, directory) }
            settle(link, isDone)
            if isDone { round.steps.append(step(link)) }
        }
    }

    private func step(_ rename: FoundRename) -> RenameStep {
        copies ? .copy(from: rename.from, to: rename.to) : .move(from: rename.from, to: rename.to)
    }

    private mutating func settle(_ rename: FoundRename, _ isDone: Bool) {
        verdicts[rename.from] = isDone
        if !isDone { round.dropped.append(rename) }
    }

    private mutating func exchange(_ cycle: [FoundRename]) {
        for rename in cycle {
            settle(rename, true)
            if rename.to != cycle[0].from { round.steps.append(.exchange(cycle[0].from, rename.to)) }
        }
    }

    /// Emits what makes the directories that a new name lies in; false where there can be none.
    private mutating func makeWay<Failure: Error>(
        to path: TreePath, _ kind: (TreePath) throws(Failure) -> EntryKind?, _ directory: (TreePath) -> RenameStep?
    ) throws(Failure) -> Bool {
        var missing: [RenameStep] = []
        var above = path.parent
        while !above.isRoot, !made.contains(above) {
            if let standing = try kind(above) {
                if standing != .directory { return false }
                break
            }
            guard let step = directory(above) else { return false }
            missing.append(step)
            above = above.parent
        }
        for step in missing.reversed() {
            made.insert(step.path)
            round.steps.append(step)
        }
        return true
    }
}

extension TreePath {
    /// Whether a directory above this path is among these.
    fileprivate func isBelow(anyOf paths: Set<TreePath>) -> Bool {
        var above = self
        while !above.isRoot {
            above = above.parent
            if paths.contains(above) { return true }
        }
        return false
    }
}
