import Core

/// What stands at one path of an end's tree, as a scan found it.
package struct Found: Hashable, Sendable {
    /// Its place among all entries of the scan, which are in scan order.
    package var place: Int
    /// As the session sees them.
    package var attributes: Attributes
    package var identity: LocalIdentity
    /// What it is to this session: `untracked` where the filter excludes it.
    package var kind: EntryKind
    /// Nothing may be concluded about what lies below.
    package var isIncomplete: Bool
    package var owner: OwnerIDs

    package init(
        place: Int, attributes: Attributes, identity: LocalIdentity, kind: EntryKind, isIncomplete: Bool = false,
        owner: OwnerIDs = OwnerIDs(user: 0, group: 0)
    ) {
        self.owner = owner
        self.place = place
        self.attributes = attributes
        self.identity = identity
        self.kind = kind
        self.isIncomplete = isIncomplete
    }

    /// The same as a scan has it, but for what the session does not see.
    var entry: EntryStatus {
        EntryStatus(attributes: attributes, identity: identity, isIncomplete: isIncomplete, owner: owner)
    }

    /// What must still stand there when it is replaced or removed.
    package var expected: Expected {
        .present(attributes.kind, identity, size: attributes.size, mode: attributes.mode)
    }
}

/// All that deciding knows of one end of a session: its tree as one scan saw it, its rows, and content where it is asked for.
///
/// What stands behind it is a `TreeImage` and a `Snapshot` in a session, and plain memory in the tests. The same calls give the same
/// answers for as long as a cycle decides. One thread.
package protocol EndView: AnyObject {
    associatedtype Rows: RowStream
    associatedtype Differences: DifferenceStream

    var policy: SessionPolicy { get }
    /// What is kept in step beside content, as this end can.
    var preserved: Preserved { get }
    /// Content is read again, whatever the rows say of it.
    var isVerifying: Bool { get }
    /// Left out, whatever stands there.
    var neverSynced: NeverSynced { get }
    /// Whether there is any row at all.
    var hasRows: Bool { get }
    /// How many entries the scan has; their places are below this.
    var entryCount: Int { get }
    /// Where the scan could not look, with the problem that this is.
    var unknownPlaces: [TreePath: HeadwaterError] { get }
    /// Those of them that the filter does not exclude, in scan order.
    var visibleProblems: [TreePath] { get }

    /// What stands at a path; nil: nothing. Logarithmic in the size of the tree.
    func found(at path: TreePath) -> Found?
    /// Calls `body` for what lies below a directory, in scan order, until it returns false.
    func visit(below path: TreePath, _ body: (TreePath, Found) throws(HeadwaterError) -> Bool) throws(HeadwaterError)
    /// Calls `body` for every entry in scan order, but for those below what the filter excludes.
    func visitAll(_ body: (TreePath, Found) throws(HeadwaterError) -> Void) throws(HeadwaterError)
    /// Whether a directory has a `.headwater` in it, which no scan shows.
    func holdsReserved(_ directory: TreePath) -> Bool

    /// Where the tree differs from the rows, in scan order.
    func differences() throws(HeadwaterError) -> Differences
    /// The row in whatever state; nil where there is none, or only a tombstone.
    func standingRow(at path: TreePath) throws(HeadwaterError) -> Row?
    /// All rows of this session in the order of their paths, whatever their state; nil where there are none.
    func allRows() throws(HeadwaterError) -> Rows?
    /// The directories that are residue at this end, in the order of their paths.
    func residues() throws(HeadwaterError) -> [TreePath]
    /// The conflicts that stand, in the order of their paths.
    func conflicts() throws(HeadwaterError) -> [Conflict]
    /// What a person decided for a conflict; nil where nothing was.
    func keep(of conflict: Conflict) -> Keep?
    /// Notes local halves that were found out again: a matter of this end alone.
    func refresh(_ changes: [RowChange]) throws(HeadwaterError)

    /// The digest of a file's content or of a symlink's target, read if need be; nil where it cannot be read.
    func digest(at path: TreePath, _ attributes: Attributes, _ identity: LocalIdentity) -> Digest?
    /// Nil where it cannot be read.
    func linkTarget(at path: TreePath) -> [UInt8]?
    /// - Throws: for a path that the filter excludes: no honest end speaks of it.
    func checkIsIncluded(_ path: TreePath, _ kind: EntryKind) throws(HeadwaterError)
}

extension EndView {
    package var isVerifying: Bool { false }

    /// Whether the content is not what was agreed of an entry that looks untouched. Only where content is read again.
    package func isSilentChange(_ path: TreePath, _ entry: EntryStatus, _ row: Row) -> Bool {
        let attributes = preserved.seen(entry)
        guard isVerifying, EntryStanding(of: attributes, entry.identity, against: row, preserved) == .untouched,
            let digest = digest(at: path, entry.attributes, entry.identity)
        else { return false }
        return digest != row.agreed.digest
    }

    /// What stands at a path, with what has to be read for it.
    func looked(_ path: TreePath, _ found: Found, _ row: Row?) -> Found {
        var looked = found
        looked.attributes = preserved.looked(found.attributes, path, found.identity, row)
        return looked
    }

    /// The row of a path that is agreed.
    package func row(at path: TreePath) throws(HeadwaterError) -> Row? {
        guard let row = try standingRow(at: path), row.state == .agreed else { return nil }
        return row
    }

    /// Whether a file or symlink that looks as agreed, but is not the recorded inode, has the agreed content.
    package func hasAgreedContent(
        _ path: TreePath, _ attributes: Attributes, _ identity: LocalIdentity, _ row: Row
    ) -> Bool {
        // A directory has none of its own.
        if attributes.kind == .directory { return row.agreed.isDirectory }
        guard let agreed = row.agreed.digest else { return false }
        return digest(at: path, attributes, identity) == agreed
    }
}

/// Rows in the order of their paths.
package protocol RowStream {
    /// The next row; nil at the end.
    mutating func next() throws(HeadwaterError) -> Row?
}
