import Core
import Roots
import Snapshots

/// Finds what a target has beyond its source, for `mirror`.
///
/// Everything counts as the source's that it announced, that has a row (but for what it deleted and this end withheld), that it has and
/// does not sync or cannot see, and whatever is above any of these. What is not synced here is nobody's, and keeps what it lies in.
/// One bit per entry of the image.
struct Surplus {
    private let image: TreeImage
    private let filter: SessionFilter
    private var kept: [UInt64]

    init(_ image: TreeImage, _ filter: SessionFilter) {
        (self.image, self.filter) = (image, filter)
        kept = Array(repeating: 0, count: image.count / 64 + 1)
    }

    /// The source has the path of this entry.
    mutating func claim(_ index: Int) { kept[index / 64] |= 1 << UInt64(index % 64) }

    private func isKept(_ index: Int) -> Bool { kept[index / 64] & 1 << UInt64(index % 64) != 0 }

    /// The source has this path; `withBelow`: and nobody knows what is below it.
    mutating func claim(at path: TreePath, withBelow: Bool) {
        if !withBelow {
            if let index = image.index(of: path) { claim(index) }
            return
        }
        var index = path.isRoot ? 0 : image.firstIndex(notBefore: path.key)
        while index < image.count, path.contains(TreePath(trusted: image.key(at: index))) {
            claim(index)
            index += 1
        }
    }

    /// What is left, in scan order: each a file or symlink, or a directory of which nothing is to stay.
    ///
    /// - Parameters:
    ///   - rows: all of this end's, whatever their state.
    ///   - holdsReserved: whether a directory has a `.headwater` in it, which no image shows.
    mutating func entries(rows: RowCursor?, without neverSynced: NeverSynced, holdsReserved: (TreePath) -> Bool)
        throws(HeadwaterError) -> [TreePath]
    {
        var cursor = FilteredCursor(image, filter)
        var row = try rows?.next()
        var above: [Int] = []
        var candidates: [Int] = []
        while cursor.next() {
            let (index, path) = (cursor.index, cursor.path)
            while let head = row, head.path < path { row = try rows?.next() }
            let depth = path.key.count { $0 == 0 }
            above.removeLast(max(0, above.count - depth))
            let hasRow = row.map { $0.path == path && $0.state != .withheld && $0.state != .gone } ?? false
            let isForeign = !cursor.kind.isSynced || cursor.status.isIncomplete || neverSynced.covers(path)
            if isKept(index) || hasRow || isForeign || cursor.kind == .directory && holdsReserved(path) {
                claim(index)
                for directory in above.reversed() {
                    if isKept(directory) { break }
                    claim(directory)
                }
            } else {
                candidates.append(index)
            }
            above.append(index)
        }
        return candidates.filter { !isKept($0) }.map { TreePath(trusted: image.key(at: $0)) }
    }
}
