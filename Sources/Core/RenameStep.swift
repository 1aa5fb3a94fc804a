/// One step of what makes a target have under their new names what its source has renamed. In order: each goes on from those before it.
package enum RenameStep: Hashable, Sendable {
    /// A directory that the source has made, for what was moved into it.
    case directory(TreePath, Attributes)
    /// The very entry, a directory with all that is below it.
    case move(from: TreePath, to: TreePath)
    /// Two entries have changed places.
    case exchange(TreePath, TreePath)
    /// A file that is there under both names afterwards: of sessions that delete nothing.
    case copy(from: TreePath, to: TreePath)

    /// What it makes, or one of the two that change places.
    package var path: TreePath {
        switch self {
        case .directory(let path, _), .move(_, let path), .exchange(let path, _), .copy(_, let path): path
        }
    }

    /// What stands there before it; nil where nothing does.
    package var from: TreePath? {
        switch self {
        case .directory: nil
        case .move(let from, _), .exchange(_, let from), .copy(let from, _): from
        }
    }
}

/// A path that both ends have under another name now, with all that is below it.
package struct RowRenaming: Hashable, Sendable {
    package var from: TreePath
    package var to: TreePath
    /// What was at `to` is at `from` now.
    package var isExchange: Bool
    /// What stands at `to` here now; nil keeps what is known, which then shows that it has to be looked at.
    package var local: LocalIdentity?
    /// The same at `from`, of an exchange.
    package var otherLocal: LocalIdentity?
    /// The other end told it, and so needs no tombstones.
    package var isTold: Bool

    package init(
        from: TreePath, to: TreePath, isExchange: Bool = false, local: LocalIdentity? = nil,
        otherLocal: LocalIdentity? = nil, isTold: Bool = false
    ) {
        (self.from, self.to, self.isExchange) = (from, to, isExchange)
        (self.local, self.otherLocal, self.isTold) = (local, otherLocal, isTold)
    }
}
