import Core

/// How many rows there are, kept up to date by each commit. Tombstones count only in `tombstones`.
package struct RowCounts: Hashable, Sendable {
    package var files: Int64 = 0
    package var directories: Int64 = 0
    package var symlinks: Int64 = 0
    /// Rows right below the root of what both ends have or should have: neither withheld, kept nor residue.
    package var topLevel: Int64 = 0
    /// Rows in state `agreed`: those of the running sum.
    package var agreed: Int64 = 0
    package var conflicts: Int64 = 0
    package var tombstones: Int64 = 0

    package init() {}

    /// Without tombstones.
    package var rows: Int64 { files + directories + symlinks }

    mutating func add(_ row: Row, _ sign: Int64) {
        if row.state == .gone {
            tombstones += sign
            return
        }
        switch row.agreed.attributes.kind {
        case .directory: directories += sign
        case .symlink: symlinks += sign
        default: files += sign
        }
        let isAtBoth = row.state == .agreed || row.state == .conflict
        if isAtBoth && !row.path.isRoot && !row.path.key.contains(0) { topLevel += sign }
        if row.state == .agreed { agreed += sign }
        if row.state == .conflict { conflicts += sign }
    }
}
