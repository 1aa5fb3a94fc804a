import Core

/// A tree as one session sees it, in scan order: of what its filter excludes the entry itself is left, as not synced.
package protocol EntryStream: ~Copyable {
    /// Goes to the next entry; false at the end.
    mutating func next() -> Bool
    /// Valid until the next call of `next`.
    var key: UnsafeRawBufferPointer { get }
    var path: TreePath { get }
    var kind: EntryKind { get }
    /// With the attributes as the scan found them.
    var status: EntryStatus { get }
    /// Entries so far that are not synced by their kind.
    var untrackedCount: Int { get }
    /// The place of the current entry among all of the scan; -1 where that is of no use.
    var index: Int { get }
}

extension EntryStream where Self: ~Copyable {
    package var index: Int { -1 }
}

/// Where a tree is not as its session's rows say.
package enum Difference: Sendable {
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

    package var path: TreePath {
        switch self {
        case .created(let path, _), .changed(let path, _, _), .unverified(let path, _, _): path
        case .deleted(let row), .blocked(let row, _), .conflict(let row, _), .residue(let row, _): row.path
        }
    }

    package var row: Row? {
        switch self {
        case .created: nil
        case .changed(_, _, let row), .unverified(_, _, let row), .deleted(let row), .blocked(let row, _),
            .conflict(let row, _), .residue(let row, _):
            row
        }
    }
}

/// Finds where a tree differs from what its session's rows say: one pass over two sorted streams, no memory per entry.
///
/// Unreadable is not deleted: below a directory that could not be listed whole, and below what is not synced, a row without an
/// entry means nothing.
package struct TreeComparison<Entries: EntryStream & ~Copyable, Rows: RowStream>: ~Copyable {
    @usableFromInline var entries: Entries
    @usableFromInline var rows: Rows?
    @usableFromInline var row: Row?
    @usableFromInline var hasEntry: Bool
    @usableFromInline var shield: TreePath?
    @usableFromInline let neverSynced: NeverSynced
    /// The place of the entry that the last difference is about, where it is about one.
    @usableFromInline package var place = 0
    @usableFromInline let preserved: Preserved
    @usableFromInline let isVerifying: Bool

    /// - Parameters:
    ///   - isIncomplete: the root itself could not be listed to its end.
    ///   - neverSynced: left out, whatever stands there.
    ///   - isVerifying: what looks untouched is unverified all the same.
    @inlinable
    package init(
        _ entries: consuming Entries, isIncomplete: Bool, _ rows: Rows?, without neverSynced: NeverSynced,
        _ preserved: Preserved, isVerifying: Bool = false
    ) throws(HeadwaterError) {
        self.isVerifying = isVerifying
        self.neverSynced = neverSynced
        self.preserved = preserved
        self.entries = entries
        self.rows = rows
        hasEntry = self.entries.next()
        row = try self.rows?.next()
        if isIncomplete { shield = .root }
    }

    /// Entries so far that are not synced by their kind.
    package var untrackedCount: Int { entries.untrackedCount }

    /// The next difference in scan order, nil at the end.
    @inlinable
    package mutating func next() throws(HeadwaterError) -> Difference? {
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
    @inlinable
    func orderOfHeads() -> Int {
        guard hasEntry else { return 1 }
        guard let row else { return -1 }
        return row.path.key.withUnsafeBytes { TreePath.compare(entries.key, $0) }
    }

    @inlinable
    mutating func takeEntry() throws(HeadwaterError) -> Difference? {
        place = entries.index
        defer { hasEntry = entries.next() }
        noteShield()
        switch entries.kind {
        case .file, .directory, .symlink:
            let path = entries.path
            return neverSynced.covers(path) ? nil : .created(path, entries.status)
        case .untracked, .problem: return nil
        }
    }

    @inlinable
    mutating func takeRow() throws(HeadwaterError) -> Difference? {
        let taken = row!
        row = try rows?.next()
        if let shield, shield.contains(taken.path) { return nil }
        if neverSynced.covers(taken.path) { return nil }
        switch taken.state {
        case .agreed, .kept: return .deleted(taken)
        case .conflict: return .conflict(taken, nil)
        case .residue: return .residue(taken, nil)
        case .gone, .withheld: return nil
        }
    }

    @inlinable
    mutating func takeBoth() throws(HeadwaterError) -> Difference? {
        let taken = row!
        let entry = entries.status
        place = entries.index
        noteShield()
        hasEntry = entries.next()
        row = try rows?.next()
        if neverSynced.covers(taken.path) { return nil }
        switch taken.state {
        case .conflict: return .conflict(taken, entry)
        case .residue: return .residue(taken, entry)
        case .gone, .withheld: return entry.attributes.kind.isSynced ? .created(taken.path, entry) : nil
        case .agreed, .kept: break
        }
        switch entry.attributes.kind {
        case .untracked, .problem: return .blocked(taken, entry.attributes.kind)
        case .file, .directory, .symlink:
            // What was recorded of this very inode in this state is not looked at again.
            let seen =
                entry.identity == taken.local && !preserved.items.contains(.hardlinks)
                ? preserved.seen(entry) : preserved.seen(taken.path, entry, taken)
            switch EntryStanding(of: seen, entry.identity, against: taken, preserved, isVerifying) {
            case .untouched: return nil
            case .unverified: return .unverified(taken.path, entry, taken)
            case .changed: return .changed(taken.path, entry, taken)
            }
        }
    }

    @inlinable
    mutating func noteShield() {
        if entries.status.isIncomplete || entries.kind == .problem || entries.kind == .untracked {
            let path = entries.path
            if let shield, shield.contains(path) { return }
            shield = path
        }
    }
}

/// The differences of a tree and its rows, in scan order.
package protocol DifferenceStream: AnyObject {
    /// Nil at the end.
    func next() throws(HeadwaterError) -> Difference?
    /// Entries so far that are not synced by their kind.
    var untrackedCount: Int { get }
}

/// A comparison that is shared by reference. (Cursors cannot be copied.)
package final class Differences<Entries: EntryStream & ~Copyable, Rows: RowStream>: DifferenceStream {
    @usableFromInline var comparison: TreeComparison<Entries, Rows>

    @inlinable
    package init(_ comparison: consuming TreeComparison<Entries, Rows>) { self.comparison = comparison }

    @inlinable
    package func next() throws(HeadwaterError) -> Difference? { try comparison.next() }

    package var untrackedCount: Int { comparison.untrackedCount }
}

extension RowState {
    /// Whether the agreed half is what a side's version is compared with: what both ends have, or had when they last agreed.
    package var hasAncestor: Bool { self == .agreed || self == .withheld || self == .kept }
}

/// How an entry stands to its row.
package enum EntryStanding: Sendable {
    case untouched, unverified, changed

    /// - Parameters:
    ///   - attributes: as the session sees them.
    ///   - isVerifying: only the content can tell, even of the recorded inode.
    @inlinable
    package init(
        of attributes: Attributes, _ identity: LocalIdentity, against row: Row, _ preserved: Preserved,
        _ isVerifying: Bool = false
    ) {
        let agreed = row.agreed.attributes
        let expectedTime = row.local?.mtime ?? agreed.mtime
        let isInTime = attributes.mtime == expectedTime || !preserved.items.contains(.times)
        if !isInTime || !preserved.isSame(attributes, as: agreed) {
            self = .changed
        } else if identity == row.local && (!isVerifying || agreed.kind == .directory) {
            self = .untouched
        } else if agreed.kind == .directory && !preserved.readsExtended {
            self = .untouched
        } else {
            self = .unverified
        }
    }
}
