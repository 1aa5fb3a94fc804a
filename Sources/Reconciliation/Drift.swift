import Core

/// Where this tree is not as the last cycle left it, in scan order.
package struct Drift: Sendable {
    /// Agreed directories that are gone, or something else now: what is below them needs them first.
    package var directories: [TreePath] = []
    package var others: [TreePath] = []
    /// Directories of which only the time is another one: what was put beside what is agreed has done that.
    package var times: [TreePath] = []
    /// Agreed paths whose place is taken by what is not synced.
    package var blocked: [TreePath] = []
    /// Agreed directories that cannot be read or must not be entered.
    package var unknown: [HeadwaterError] = []
    /// Of the others, those that only reading has shown.
    package var silent: [TreePath] = []

    package init() {}
}

extension Drift {
    /// - Parameter found: what stands there now; nil: nothing.
    mutating func add(_ path: TreePath, _ row: Row, _ found: Attributes?, _ preserved: Preserved) {
        if row.agreed.attributes.kind != .directory {
            others.append(path)
        } else if let found, found.kind == .directory {
            if preserved.isSame(found, as: row.agreed.attributes) { times.append(path) } else { others.append(path) }
        } else {
            directories.append(path)
        }
    }
}

extension RowChange {
    /// Local halves that were found out again, kept at most until they are written.
    package static let verifiedMax = 4096
}
