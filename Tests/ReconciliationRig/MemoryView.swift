import Core
import Reconciliation

/// One end as production's deciding sees it, in memory.
package final class MemoryView: EndView {
    private let end: MemoryEnd
    package let tree: MemoryTree
    private let decided: [TreePath: Keep]
    package let policy: SessionPolicy
    package let preserved: Preserved
    package let neverSynced = NeverSynced()

    package init(_ end: MemoryEnd, _ terms: Terms) {
        self.end = end
        tree = end.tree.listed
        (policy, decided) = (terms.policy, terms.decided)
        preserved = Preserved(
            policy.preserve, isUpstream: end.isUpstream, isWritten: !end.isUpstream || terms.isBidi,
            accounts: NoAccounts(), rights: ProcessRights(isPrivileged: true, user: 0, groups: [], umask: 0))
    }

    package var hasRows: Bool { !end.rows.isEmpty }
    package var entryCount: Int { tree.entries.count }
    package var visibleProblems: [TreePath] { tree.entries.filter(\.isUnknown).map(\.path) }

    package var unknownPlaces: [TreePath: HeadwaterError] {
        if !tree.entries.contains(where: \.isUnknown) { return [:] }
        return Dictionary(
            uniqueKeysWithValues: visibleProblems.map {
                ($0, HeadwaterError("path.unreadable", "", remedy: "", exit: .problems, path: $0))
            })
    }

    package func found(at path: TreePath) -> Found? { tree.index(of: path).map(found) }

    private func found(_ place: Int) -> Found {
        let entry = tree.entries[place]
        return Found(
            place: place, attributes: entry.attributes, identity: entry.identity, kind: entry.kind,
            isIncomplete: entry.isIncomplete)
    }

    package func visit(
        below path: TreePath, _ body: (TreePath, Found) throws(HeadwaterError) -> Bool
    ) throws(HeadwaterError) {
        for (place, entry) in tree.entries.enumerated() where path.contains(entry.path) && entry.path != path {
            if try !body(entry.path, found(place)) { return }
        }
    }

    package func visitAll(_ body: (TreePath, Found) throws(HeadwaterError) -> Void) throws(HeadwaterError) {
        for (place, entry) in tree.entries.enumerated() { try body(entry.path, found(place)) }
    }

    package func holdsReserved(_ directory: TreePath) -> Bool { false }

    package func differences() throws(HeadwaterError) -> Differences<MemoryEntries, MemoryRows> {
        Differences(
            try TreeComparison(
                MemoryEntries(tree), isIncomplete: false, MemoryRows(end.rows), without: neverSynced, preserved))
    }

    package func standingRow(at path: TreePath) throws(HeadwaterError) -> Row? { end.row(at: path) }
    package func allRows() throws(HeadwaterError) -> MemoryRows? { MemoryRows(end.rows) }

    package func residues() throws(HeadwaterError) -> [TreePath] {
        end.rows.filter { $0.state == .residue && $0.local != nil }.map(\.path)
    }

    package func conflicts() throws(HeadwaterError) -> [Conflict] { end.conflicts }
    package func keep(of conflict: Conflict) -> Keep? { decided[conflict.path] }
    package func refresh(_ changes: [RowChange]) throws(HeadwaterError) { end.commit(changes) }

    package func digest(at path: TreePath, _ attributes: Attributes, _ identity: LocalIdentity) -> Digest? {
        tree[path]?.digest
    }

    package func linkTarget(at path: TreePath) -> [UInt8]? { tree[path]?.target }
    package func checkIsIncluded(_ path: TreePath, _ kind: EntryKind) throws(HeadwaterError) {}
}

extension MemoryEntry {
    var isUnknown: Bool { kind == .problem || isIncomplete }
}

/// Nobody has a name.
struct NoAccounts: AccountDirectory {
    func user(_ id: UInt32) -> Account { Account(id: id, name: nil) }
    func group(_ id: UInt32) -> Account { Account(id: id, name: nil) }
    func userID(of account: Account) -> UInt32 { account.id }
    func groupID(of account: Account) -> UInt32 { account.id }
}

/// A tree in memory in scan order.
package struct MemoryEntries: EntryStream, ~Copyable {
    private let entries: [MemoryEntry]
    package private(set) var index = -1
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256, alignment: 8)
    package private(set) var untrackedCount = 0

    init(_ tree: MemoryTree) { entries = tree.entries }

    deinit { buffer.deallocate() }

    package mutating func next() -> Bool {
        index += 1
        guard index < entries.count else { return false }
        buffer.copyBytes(from: entries[index].path.key)
        if kind == .untracked { untrackedCount += 1 }
        return true
    }

    package var key: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: buffer[..<path.key.count]) }
    package var path: TreePath { entries[index].path }
    package var kind: EntryKind { entries[index].kind }
    package var status: EntryStatus { entries[index].status }
}

/// Rows in memory.
package struct MemoryRows: RowStream {
    private var rows: ArraySlice<Row>

    init(_ rows: [Row]) { self.rows = rows[...] }

    package mutating func next() throws(HeadwaterError) -> Row? { rows.popFirst() }
}
