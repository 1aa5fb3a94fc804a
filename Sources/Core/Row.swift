/// What a row of `snap.db` stands for.
package enum RowState: UInt8, Sendable, CaseIterable {
    /// Both ends have it so.
    case agreed = 1
    /// Both sides changed it; both stay as they are.
    case conflict = 2
    /// Deleted upstream, kept downstream because deletions are off.
    case withheld = 3
    /// A directory deleted upstream that holds what is not synced.
    case residue = 4
    /// A tombstone: deleted here, and the other end has not acknowledged it yet. Its agreed half is what was deleted.
    case gone = 5
    /// Both sides of a push or pull hold something else, and it was decided that they go on doing so: the agreed half is the upstream
    /// side's, and what stands downstream takes no part until upstream changes the path again.
    case kept = 6
}

/// How what stands at a path came there, at either end: for people, and of no weight in what is decided.
package enum RowOrigin: UInt8, Sendable {
    /// Made or transferred by this session.
    case sent = 0
    /// The file had this content at both ends already.
    case existed = 1
    /// It had another name before.
    case moved = 2
    /// Made of a file that was there, as a copy or another name of it.
    case copied = 3
}

/// One path of `snap.db`.
package struct Row: Hashable, Sendable {
    package var path: TreePath
    package var agreed: AgreedEntry
    /// What stands at this end, as it really was after applying here; nil when unknown (the row came from the other end).
    package var local: LocalIdentity?
    package var state: RowState
    /// The commit of this end that last changed the agreed half or the state.
    package var number: Int64
    package var origin: RowOrigin

    package init(
        path: TreePath, agreed: AgreedEntry, local: LocalIdentity?, state: RowState, number: Int64,
        origin: RowOrigin = .sent
    ) {
        self.origin = origin
        self.path = path
        self.agreed = agreed
        self.local = local
        self.state = state
        self.number = number
    }
}

/// One change to record. Several for one path in one commit: the last counts.
package enum RowChange: Hashable, Sendable {
    /// The path is so at both ends. When the agreed half and the state are already these it is no change: then only a given
    /// `local` is refreshed, and `local: nil` keeps what is known. `state` is not `gone`; the kind is file, directory or symlink.
    /// Where both ends had this content at the path before, the row's `origin` stays.
    case put(
        TreePath, AgreedEntry, local: LocalIdentity?, state: RowState = .agreed, origin: RowOrigin = .sent)
    /// Both sides changed the path and stay as they are. The row holds the agreed half as the ancestor; `local` is what stands here.
    case conflict(Conflict, local: LocalIdentity?)
    /// The local half alone, which the other end does not see: does not count as a commit. Nothing where there is no row.
    case local(TreePath, LocalIdentity)
    /// The path is deleted at both ends: its row becomes a tombstone until the other end has acknowledged it. Nothing where there is no row.
    case remove(TreePath)
    /// The row goes without a tombstone: for what the other end told us is deleted.
    case forget(TreePath)
    /// The path, with all that is below it, is another one at both ends: the agreed rows go there with both halves.
    case renamed(RowRenaming)

    package var path: TreePath {
        switch self {
        case .conflict(let conflict, _): conflict.path
        case .renamed(let renaming): renaming.to
        case .put(let path, _, _, _, _), .local(let path, _), .remove(let path), .forget(let path): path
        }
    }
}
