import Core

/// Finds what a target has beyond its source, for `mirror`.
///
/// Everything counts as the source's that it announced, that has a row (but for what it deleted and this end withheld), that it has and
/// does not sync or cannot see, and whatever is above any of these. What is not synced here is nobody's, and keeps what it lies in.
/// One bit per entry of the image.
struct Surplus<View: EndView> {
    private let view: View
    private var kept: [UInt64]

    init(_ view: View) {
        self.view = view
        kept = Array(repeating: 0, count: view.entryCount / 64 + 1)
    }

    /// The source has the path of this entry.
    mutating func claim(_ index: Int) { kept[index / 64] |= 1 << UInt64(index % 64) }

    private func isKept(_ index: Int) -> Bool { kept[index / 64] & 1 << UInt64(index % 64) != 0 }

    /// The source has this path; `withBelow`: and nobody knows what is below it.
    mutating func claim(at path: TreePath, withBelow: Bool) throws(HeadwaterError) {
        if let found = view.found(at: path) { claim(found.place) }
        if !withBelow { return }
        try view.visit(below: path) { _, found in
            claim(found.place)
            return true
        }
    }

    /// What is left, in scan order: each a file or symlink, or a directory of which nothing is to stay.
    mutating func entries() throws(HeadwaterError) -> [TreePath] {
        var rows = try view.allRows()
        var row = try rows?.next()
        var above: [Int] = []
        var candidates: [(place: Int, path: TreePath)] = []
        try view.visitAll { (path, found) throws(HeadwaterError) in
            while let head = row, head.path < path { row = try rows?.next() }
            let depth = path.key.count { $0 == 0 }
            above.removeLast(max(0, above.count - depth))
            let hasRow = row.map { $0.path == path && $0.state != .withheld && $0.state != .gone } ?? false
            let isForeign = !found.kind.isSynced || found.isIncomplete || view.neverSynced.covers(path)
            if isKept(found.place) || hasRow || isForeign || found.kind == .directory && view.holdsReserved(path) {
                claim(found.place)
                for directory in above.reversed() {
                    if isKept(directory) { break }
                    claim(directory)
                }
            } else {
                candidates.append((found.place, path))
            }
            above.append(found.place)
        }
        return candidates.filter { !isKept($0.place) }.map(\.path)
    }
}
