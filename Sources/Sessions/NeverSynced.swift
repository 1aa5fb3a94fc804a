import Core

/// What of a tree a session neither reads nor touches, whatever stands there: the file that shows that the root is mounted, and the
/// attic with all that is below it. `.headwater` is no part of any scan.
struct NeverSynced {
    let mark: TreePath?
    let attic: TreePath?

    func covers(_ path: TreePath) -> Bool {
        if let attic, attic.contains(path) { return true }
        return path == mark
    }

    /// How many of them stand at the top of a tree.
    func topLevelCount(in image: (TreePath) -> Bool) -> Int {
        [mark, attic].count { path in path.map { $0.parent.isRoot && image($0) } ?? false }
    }
}
