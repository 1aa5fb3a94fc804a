import Core

/// What of a tree a session neither reads nor touches, whatever stands there: the file that shows that the root is mounted, and the
/// attic with all that is below it. `.headwater` is no part of any scan.
package struct NeverSynced: Hashable, Sendable {
    package let mark: TreePath?
    package let attic: TreePath?

    package init(mark: TreePath? = nil, attic: TreePath? = nil) { (self.mark, self.attic) = (mark, attic) }

    /// Whether a path is part of it.
    package func covers(_ path: TreePath) -> Bool {
        if let attic, attic.contains(path) { return true }
        return path == mark
    }

    /// How many of them stand at the top of a tree.
    package func topLevelCount(in image: (TreePath) -> Bool) -> Int {
        [mark, attic].count { path in path.map { $0.parent.isRoot && image($0) } ?? false }
    }
}
