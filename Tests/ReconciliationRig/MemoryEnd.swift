import Core
import Reconciliation

/// One end of a session in memory: its tree and its rows.
package final class MemoryEnd {
    package var tree = MemoryTree()
    /// In the order of their paths; tombstones are not kept.
    package private(set) var rows: [Row] = []
    package private(set) var conflicts: [Conflict] = []

    let isUpstream: Bool

    package init(isUpstream: Bool) { self.isUpstream = isUpstream }

    func become(_ other: MemoryEnd) { (tree, rows, conflicts) = (other.tree, other.rows, other.conflicts) }

    package func row(at path: TreePath) -> Row? { rows.first { $0.path == path } }

    /// As `Snapshot.commit` does; returns how many of the changes a second end would have to hear of.
    @discardableResult
    package func commit(_ changes: [RowChange]) -> Int {
        var news = 0
        for change in changes { news += apply(change) ? 1 : 0 }
        return news
    }

    private func apply(_ change: RowChange) -> Bool {
        let index = rows.firstIndex { $0.path == change.path }
        switch change {
        case .put(let path, let agreed, let local, let state, _):
            return put(Row(path: path, agreed: agreed, local: local, state: state, number: 0), at: index)
        case .conflict(let conflict, let local):
            guard let agreed = conflict.standIn else { return false }
            let old = conflicts.first { $0.path == conflict.path }
            let row = Row(path: conflict.path, agreed: agreed, local: local, state: .conflict, number: 0)
            if let index, rows[index].state == .conflict, rows[index].agreed == agreed, old == conflict {
                if local != nil { rows[index].local = local }
                return false
            }
            set(row, at: index)
            conflicts.removeAll { $0.path == conflict.path }
            conflicts.append(conflict)
            conflicts.sort { $0.path < $1.path }
            return true
        case .local(_, let local):
            if let index { rows[index].local = local }
            return false
        case .renamed: preconditionFailure("nothing is renamed in memory")
        case .remove, .forget:
            guard let index else { return false }
            rows.remove(at: index)
            conflicts.removeAll { $0.path == change.path }
            return true
        }
    }

    private func put(_ row: Row, at index: Int?) -> Bool {
        if let index, rows[index].agreed == row.agreed, rows[index].state == row.state {
            if row.local != nil { rows[index].local = row.local }
            return false
        }
        set(row, at: index)
        conflicts.removeAll { $0.path == row.path }
        return true
    }

    private func set(_ row: Row, at index: Int?) {
        if let index {
            rows[index] = row
        } else {
            rows.insert(row, at: rows.firstIndex { row.path < $0.path } ?? rows.count)
        }
    }
}
