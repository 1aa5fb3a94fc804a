import Core
import Roots
import Snapshots

/// Finds where a tree differs from what its session's rows say: one pass over two sorted streams, no memory per entry.
///
/// Unreadable is not deleted: below a directory that could not be listed whole, and below what is not synced, a row without an
/// entry means nothing.
struct TreeComparison: ~Copyable {
    enum Difference {
        /// An entry without a row.
        case created(TreePath, EntryStatus)
        /// Kind, size, mode or time differ from the row.
        case changed(TreePath, EntryStatus, Row)
        /// Attributes are as agreed but the inode or its change time is not the recorded one: only the content can tell.
        case unverified(TreePath, EntryStatus, Row)
        /// A row without an entry.
        case deleted(Row)
        /// A row whose path is taken by something that is not synced or cannot be read.
        case blocked(Row, EntryKind)
        /// A path in conflict, and what stands there; only where rows in all states are compared.
        case conflict(Row, EntryStatus?)
        /// A directory that is left at one end for what is not synced in it, and what stands there; only with rows in all states.
        case residue(Row, EntryStatus?)

        var path: TreePath {
            switch self {
            case .created(let path, _), .changed(let path, _, _), .unverified(let path, _, _): path
            case .deleted(let row), .blocked(let row, _), .conflict(let row, _), .residue(let row, _): row.path
            }
        }
    }

    private var image: FilteredCursor
    private var rows: RowCursor?
    private var row: Row?
    private var hasEntry: Bool
    private var shield: TreePath?
    private let neverSynced: NeverSynced

    /// - Parameters:
    ///   - filter: what it excludes is as if it were not synced by its kind.
    ///   - neverSynced: left out, whatever stands there.
    init(_ image: TreeImage, _ filter: SessionFilter, _ rows: RowCursor?, without neverSynced: NeverSynced)
        throws(HeadwaterError)
    {
        self.neverSynced = neverSynced
        self.image = FilteredCursor(image, filter)
        self.rows = rows
        hasEntry = self.image.next()
        row = try rows?.next()
        if image.root.isIncomplete { shield = .root }
    }

    /// Entries so far that are not synced by their kind. (Mutating, so that it can be asked in an optional property.)
    var untrackedCount: Int { mutating get { image.untrackedCount } }

    /// The next difference in scan order, nil at the end.
    mutating func next() throws(HeadwaterError) -> Difference? {
        while hasEntry || row != nil {
            let order = orderOfHeads()
            if order < 0 {
                if let found = try takeEntry() { return found }
            } else if order > 0 {
                if let found = try takeRow() { return found }
            } else if let found = try takeBoth() {
                return found
            }
        }
        return nil
    }

    /// Negative: the entry comes first; positive: the row does; zero: both are at one path.
    private func orderOfHeads() -> Int {
        guard hasEntry else { return 1 }
        guard let row else { return -1 }
        return row.path.key.withUnsafeBytes { TreePath.compare(image.key, $0) }
    }

    private mutating func takeEntry() throws(HeadwaterError) -> Difference? {
        defer { hasEntry = image.next() }
        noteShield()
        switch image.kind {
        case .file, .directory, .symlink:
            let path = image.path
            return neverSynced.covers(path) ? nil : .created(path, image.status)
        case .untracked, .problem: return nil
        }
    }

    private mutating func takeRow() throws(HeadwaterError) -> Difference? {
        let taken = row!
        row = try rows?.next()
        if let shield, shield.contains(taken.path) { return nil }
        if neverSynced.covers(taken.path) { return nil }
        switch taken.state {
        case .agreed, .withheld: return .deleted(taken)
        case .conflict: return .conflict(taken, nil)
        case .residue: return .residue(taken, nil)
        case .gone: return nil
        }
    }

    private mutating func takeBoth() throws(HeadwaterError) -> Difference? {
        let taken = row!
        let entry = image.status
        noteShield()
        hasEntry = image.next()
        row = try rows?.next()
        if neverSynced.covers(taken.path) { return nil }
        switch taken.state {
        case .conflict: return .conflict(taken, entry)
        case .residue: return .residue(taken, entry)
        case .gone: return entry.attributes.kind.isSynced ? .created(taken.path, entry) : nil
        case .agreed, .withheld: break
        }
        switch entry.attributes.kind {
        case .untracked, .problem: return .blocked(taken, entry.attributes.kind)
        case .file, .directory, .symlink:
            switch EntryStanding(of: entry.attributes.synced, entry.identity, against: taken) {
            case .untouched: return nil
            case .unverified: return .unverified(taken.path, entry, taken)
            case .changed: return .changed(taken.path, entry, taken)
            }
        }
    }

    private mutating func noteShield() {
        if image.status.isIncomplete || image.kind == .problem || image.kind == .untracked {
            let path = image.path
            if let shield, shield.contains(path) { return }
            shield = path
        }
    }
}

/// How an entry stands to its row.
enum EntryStanding {
    case untouched, unverified, changed

    /// - Parameter attributes: reduced to what is synced.
    init(of attributes: Attributes, _ identity: LocalIdentity, against row: Row) {
        let agreed = row.agreed.attributes
        let expectedTime = row.local?.mtime ?? agreed.mtime
        let isSame =
            attributes.kind == agreed.kind && attributes.mode == agreed.mode && attributes.size == agreed.size
            && attributes.mtime == expectedTime
        if !isSame {
            self = .changed
        } else if agreed.kind == .directory || identity == row.local {
            self = .untouched
        } else {
            self = .unverified
        }
    }
}
