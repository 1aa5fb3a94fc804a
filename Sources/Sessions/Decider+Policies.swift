import Content
import Core
import Platform
import Roots
import Snapshots
import Wire

/// What only some policies ask for.
extension Decider {
    /// The directories that must be made before something can be put at `path`: agreed ones that only this end removed or replaced, and
    /// that were left so (`drift: keep`). The source says nothing of them, since there they never changed.
    func wayTo(_ path: TreePath) throws(HeadwaterError) -> [Planned] {
        if !hasKeptAway { return [] }
        var missing: [TreePath] = []
        var above = path.parent
        while !above.isRoot {
            if takeKeptAway(above) { missing.append(above) }
            above = above.parent
        }
        // What the change itself is about, it brings.
        _ = takeKeptAway(path)
        var steps: [Planned] = []
        for directory in missing.reversed() {
            guard let row = try end.row(at: directory) else { continue }
            let operation = Operation.makeDirectory(
                directory, row.agreed.attributes, expected: expected(at: directory))
            steps.append(Planned(index: Planned.noIndex, path: directory, agreed: row.agreed, operation: operation))
        }
        return steps
    }

    /// Whether the source has at a path what was agreed, as far as attributes tell; for a symlink its target.
    func isAsAgreed(_ record: ChangeRecord) throws(HeadwaterError) -> Bool {
        guard let row = try end.row(at: record.path), row.agreed.attributes == record.attributes else { return false }
        if case .symlink(let target, _) = record.state { return row.agreed.digest == Hash.digest(target) }
        return true
    }

    /// The source has these paths, though no change says so.
    func note(_ held: HeldMessage) {
        if held.isWhole { claim(at: .root, withBelow: true) }
        for path in held.paths { claim(at: path, withBelow: held.withBelow) }
    }

    /// What stands here and not at the source, in scan order; to be asked when the source has said everything.
    func removalsOfSurplus() throws(HeadwaterError) -> [Removal] {
        guard var surplus = takeSurplus() else { return [] }
        let cursor = TreeCursor(root: end.root.descriptor.raw)
        let paths = try surplus.entries(rows: try end.allRows(), without: end.neverSynced) { path in
            guard let place = try? cursor.locate(path.appending(TreePath.reservedName)) else { return false }
            var status = FileStatus()
            return status.load(at: place.directory, place.name)
        }
        return paths.map { Removal(index: Planned.noIndex, path: $0, expected: expected(at: $0)) }
    }
}
