import Core

/// What a source has to say of one difference.
package enum Announcement: Sendable {
    /// A change, with what stands there to be read.
    case change(ChangeRecord, EntryStatus?)
    /// Only touched: the content is as agreed.
    case verified(TreePath, LocalIdentity)
    /// It looks untouched and is not; the change itself follows.
    case changedSilently(TreePath)
    /// It is here, though no change says so: a mirror must not take it away.
    case here(TreePath)
    /// A symlink that cannot be read.
    case unreadable(TreePath)
    /// A synced path was replaced by what is not synced.
    case replacedByUnsynced(TreePath)
}

/// Says what changed in a source's tree since both ends agreed, difference by difference. Pure but for what the view reads.
///
/// With `delete: before` the tree is gone through twice: for what was deleted, then for the rest.
package final class Announcements<View: EndView> {
    private let view: View
    private let bidi: BidiSource?
    private var differences: View.Differences?
    private var isDeletionPass: Bool
    /// The last path in conflict that was gone by.
    private var conflict: TreePath?
    /// Entries that are not synced by their kind, as far as the tree was gone through.
    package private(set) var untrackedCount = 0

    /// - Parameter bidi: nil in a push or pull.
    package init(_ view: View, _ bidi: BidiSource?) throws(HeadwaterError) {
        (self.view, self.bidi) = (view, bidi)
        isDeletionPass = view.policy.delete == .before
        differences = try view.differences()
    }

    /// Whether nothing is left to say in this pass.
    package var isAtEnd: Bool { differences == nil }

    /// Whether the pass that ended, or is under way, is followed by another.
    package var hasAnotherPass: Bool { isDeletionPass }

    /// Goes through the tree once more, for what is not a deletion.
    package func beginLastPass() throws(HeadwaterError) {
        isDeletionPass = false
        differences = try view.differences()
    }

    /// Nothing more is said.
    package func stop() { differences = nil }

    /// What the next difference is to the target: mostly one change, or none. The last call of a pass leaves `isAtEnd` true.
    package func next() throws(HeadwaterError) -> [Announcement] {
        let difference = try differences!.next()
        if difference == nil {
            untrackedCount = differences!.untrackedCount
            differences = nil
        }
        guard let bidi else { return difference.map(announcements(of:)) ?? [] }
        return announcements(of: difference, bidi)
    }

    /// What stands at a path, whatever was agreed; nothing where nothing synced does.
    package func answer(_ path: TreePath) throws(HeadwaterError) -> [Announcement] {
        guard let found = view.found(at: path), found.kind.isSynced else { return [] }
        // What this end may not have been able to set is told as it was agreed.
        let agreed = bidi != nil && view.preserved.hasMetadata ? try view.row(at: path)?.agreed.attributes : nil
        return describe(path, found.entry, agreed)
    }

    // MARK: Push and pull

    private func announcements(of difference: Difference) -> [Announcement] {
        let isDeletion = if case .deleted = difference { true } else { false }
        if !isDeletionPass {
            return !isDeletion || view.policy.delete != .before ? announce(difference) : []
        }
        // For a mirror, what this pass leaves out is told at least to be here.
        if case .created(let path, _) = difference { return [.here(path)] }
        return isDeletion ? announce(difference) : []
    }

    private func announce(_ difference: Difference) -> [Announcement] {
        switch difference {
        case .created(let path, let entry): return describe(path, entry, nil)
        case .changed(let path, let entry, let row):
            return isSameFile(entry, row) ? [touched(path, entry, row)] : describe(path, entry, row.agreed.attributes)
        case .unverified(let path, let entry, let row):
            if isStillAgreed(path, entry, row) { return [.verified(path, entry.identity)] }
            let silent: [Announcement] = view.isSilentChange(path, entry, row) ? [.changedSilently(path)] : []
            return silent + describe(path, entry, row.agreed.attributes)
        case .deleted(let row): return [.change(ChangeRecord(path: row.path, state: .absent), nil)]
        case .blocked(let row, let kind): return kind == .untracked ? [.replacedByUnsynced(row.path)] : []
        case .conflict, .residue: return []
        }
    }

    private func touched(_ path: TreePath, _ entry: EntryStatus, _ row: Row) -> Announcement {
        let said = view.preserved.said(path, entry, agreed: row.agreed.attributes)
        return .change(ChangeRecord(path: path, state: .touchedFile(said)), entry)
    }

    private func describe(_ path: TreePath, _ entry: EntryStatus, _ agreed: Attributes?) -> [Announcement] {
        let attributes = view.preserved.said(path, entry, agreed: agreed)
        switch attributes.kind {
        case .directory:
            let state = ChangeRecord.State.directory(
                mode: attributes.mode, mtime: attributes.mtime, metadata: attributes.metadata)
            return [.change(ChangeRecord(path: path, state: state), entry)]
        case .symlink:
            guard let target = view.linkTarget(at: path) else { return [.unreadable(path), .here(path)] }
            let state = ChangeRecord.State.symlink(
                target: target, mtime: attributes.mtime, metadata: attributes.metadata)
            return [.change(ChangeRecord(path: path, state: state), entry)]
        default: return [.change(ChangeRecord(path: path, state: .file(attributes)), entry)]
        }
    }

    private func isStillAgreed(_ path: TreePath, _ entry: EntryStatus, _ row: Row) -> Bool {
        view.hasAgreedContent(path, entry.attributes, entry.identity, row)
    }

    // MARK: Bidi

    /// For nil, what is left to say at the end.
    private func announcements(of difference: Difference?, _ bidi: BidiSource) -> [Announcement] {
        let path = difference?.path
        var told: [Announcement] = bidi.flags(before: path).map {
            .change(ChangeRecord(path: $0.path, state: .conflict($0)), nil)
        }
        guard let difference, let path, !bidi.isHeld(path) else { return told }
        switch difference {
        case .conflict(let row, let entry):
            conflict = row.path
            if bidi.spreads(row.path) {
                if entry != nil { told += waiting(above: path, bidi) }
                told += resolved(row.path, entry)
            }
        case .residue(let row, let entry):
            if let entry, entry.attributes.kind == .directory, row.local != nil {
                bidi.wait(row.path, entry)
            } else if entry != nil || row.local != nil {
                told += resolved(row.path, entry)
            }
        case .changed(_, let entry, let row) where entry.attributes.kind == .directory && row.agreed.isDirectory:
            // The time of a directory alone is no change.
            let agreed = row.agreed.attributes
            let seen = view.preserved.seen(path, entry, row)
            if !view.preserved.isSame(seen, as: agreed) { told += resolved(path, entry, agreed) }
        case .changed(_, let entry, let row) where isTouched(path, entry, row):
            told.append(touched(path, entry, row))
        case .created:
            // What is new below a conflict brings nothing back that leads there.
            if !(conflict?.contains(path) ?? false) { told += waiting(above: path, bidi) }
            told += announce(difference)
        default: told += announce(difference)
        }
        return told
    }

    private func waiting(above path: TreePath, _ bidi: BidiSource) -> [Announcement] {
        bidi.takeWaiting(above: path).flatMap { resolved($0.path, $0.entry) }
    }

    /// What stands at a path as it is, whatever was agreed.
    private func resolved(_ path: TreePath, _ entry: EntryStatus?, _ agreed: Attributes? = nil) -> [Announcement] {
        guard let entry else { return [.change(ChangeRecord(path: path, state: .absent), nil)] }
        return entry.attributes.kind.isSynced ? describe(path, entry, agreed) : []
    }

    /// Whether only mode or time of a file changed.
    private func isTouched(_ path: TreePath, _ entry: EntryStatus, _ row: Row) -> Bool {
        guard entry.attributes.kind == .file, row.agreed.attributes.kind == .file,
            entry.attributes.size == row.agreed.attributes.size
        else { return false }
        return isSameFile(entry, row) || isStillAgreed(path, entry, row)
    }

    /// Whether nothing has happened to a file: what differs is that more of it is preserved than when it was agreed on.
    private func isSameFile(_ entry: EntryStatus, _ row: Row) -> Bool {
        entry.attributes.kind == .file && row.agreed.attributes.kind == .file && entry.identity == row.local
            && entry.attributes.size == row.agreed.attributes.size && !view.isVerifying
    }
}

extension EndView {
    /// What a mirror's source has though no change says so: what it does not sync or cannot look into, and the file that shows that it is
    /// mounted; and whether it has anything at all that is synced.
    package func held() throws(HeadwaterError) -> (hasEntries: Bool, paths: [TreePath]) {
        var hasEntries = false
        var paths: [TreePath] = []
        try visitAll { path, found in
            if neverSynced.covers(path) { return }
            hasEntries = hasEntries || found.kind.isSynced
            if !found.kind.isSynced || found.isIncomplete { paths.append(path) }
        }
        if let mark = neverSynced.mark { paths.append(mark) }
        return (hasEntries, paths)
    }
}
