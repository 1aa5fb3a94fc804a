/// What a session does where more than one outcome would make sense: the edge's keys `delete`, `keep_deleted`, `drift`,
/// `mirror`, `overwrite`, `symlinks` and `preserve`.
///
/// The same at both ends. What each means for every pair of states stands in `docs/semantics.md`.
package struct SessionPolicy: Hashable, Sendable {
    /// What becomes of a deletion upstream.
    package enum Delete: String, CaseIterable, Sendable {
        /// Carried out before any content is published.
        case before
        /// Carried out after all content is published.
        case during
        /// The same.
        case after
        /// Not carried out: the downstream side keeps what it has, and the path is no longer part of what is kept in step.
        case never
    }

    /// What becomes of a path that only the downstream side changed or deleted.
    package enum Drift: String, CaseIterable, Sendable {
        /// Made again as it is upstream.
        case repair
        /// Left as it is.
        case keep
        /// The edge halts before anything is changed.
        case halt
    }

    /// Where deleted and replaced files go instead of being unlinked.
    package enum Attic: Hashable, Sendable {
        /// `.headwater/<session>/attic`.
        case session
        /// Beneath the root, never synced by this session. Not the root itself.
        case path(TreePath)
    }

    /// Who wins where both sides changed a path, or hold different files in a first cycle.
    package enum Overwrite: String, CaseIterable, Sendable {
        /// Upstream, deletions included.
        case always
        /// The newer modification time; a change beside a deletion stays a conflict.
        case older
        /// Nobody: both stay until somebody decides.
        case conflict
    }

    /// What becomes of a symlink.
    package enum Symlinks: String, CaseIterable, Sendable {
        /// It is synced as what it is.
        case copy
        /// It is not synced, at neither end.
        case skip
        /// What it leads to stands in its place downstream. Never where both ends send.
        case follow
    }

    package var delete: Delete
    /// Nil: they are unlinked.
    package var attic: Attic?
    package var drift: Drift
    /// What the downstream side has beyond the upstream one is deleted, too. Never with `delete: never`.
    package var mirror: Bool
    /// Nil: `always` in a push or pull, `conflict` where both ends send.
    package var overwrite: Overwrite?
    package var symlinks: Symlinks
    /// What is kept in step beside content.
    package var preserve: Preservation

    package init(
        delete: Delete = .during, attic: Attic? = nil, drift: Drift = .repair, mirror: Bool = false,
        overwrite: Overwrite? = nil, symlinks: Symlinks = .copy, preserve: Preservation = .standard
    ) {
        self.symlinks = symlinks
        self.overwrite = overwrite
        self.preserve = preserve
        self.delete = delete
        self.attic = attic
        self.drift = drift
        self.mirror = mirror
    }

    /// What an edge does that says nothing of all this.
    package static let standard = SessionPolicy()

    /// What the attic takes out of the tree; nil where it is no part of it.
    package var atticInTree: TreePath? {
        if case .path(let path) = attic { return path }
        return nil
    }
}
