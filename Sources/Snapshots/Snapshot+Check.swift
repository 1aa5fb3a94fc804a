import Core
import Platform

/// What all rows of a snapshot add up to.
package struct RowTally: Hashable, Sendable {
    package var states: [RowState: UInt64] = [:]
    /// Content of agreed files.
    package var contentBytes: UInt64 = 0
    /// What the meta row has to say of these rows.
    package private(set) var counts = RowCounts()
    package private(set) var sum = Digest.zero
    private var serialiser = RowSerialiser()
    private var highestNumber: Int64 = 0

    package init() {}

    package mutating func add(_ row: Row) {
        states[row.state, default: 0] += 1
        if row.state == .agreed && row.agreed.attributes.kind == .file {
            contentBytes &+= row.agreed.attributes.size
        }
        counts.add(row, 1)
        sum = sum &+ serialiser.marks(row).agreed
        highestNumber = max(highestNumber, row.number)
    }

    /// What in the meta row contradicts the rows; nil where all fits.
    func fault(of meta: SnapshotMeta) -> String? {
        if counts != meta.counts { return "its meta row counts other rows than there are" }
        if sum != meta.sum { return "its running sum is not that of its rows" }
        if highestNumber > meta.mine { return "a row names commit \(highestNumber), the last one was \(meta.mine)" }
        return nil
    }

    package static func == (a: RowTally, b: RowTally) -> Bool {
        (a.states, a.contentBytes, a.counts, a.sum) == (b.states, b.contentBytes, b.counts, b.sum)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(counts)
        hasher.combine(sum)
    }
}

extension SnapshotMoment {
    /// Reads everything there is and proves it: the pages, the schema, the meta row, every row with its checksum and its order, that none
    /// is missing, and that counts and running sum are theirs.
    ///
    /// - Parameter session: that the file has to belong to.
    /// - Throws: `snapshot.corrupt`, `snapshot.other-session`; exit 5.
    @discardableResult
    package func prove(session: String) throws -> RowTally {
        let verdict = try database.text("PRAGMA integrity_check(1)") ?? ""
        if verdict != "ok" { throw DatabaseFault(.corrupt, verdict) }
        let cursor = try rows()
        var tally = RowTally()
        var conflicts: [TreePath] = []
        while let row = try cursor.next() {
            tally.add(row)
            if row.state == .conflict { conflicts.append(row.path) }
        }
        let flagged = try Schema.hasConflicts(database) ? ConflictTable.all(database) : []
        if flagged.map(\.path) != conflicts {
            throw DatabaseFault(.corrupt, "its conflicts are not those of its rows")
        }
        if let fault = tally.fault(of: meta) { throw DatabaseFault(.corrupt, fault) }
        if meta.terms.session != session { throw StartRefusal.foreignName(name, meta.terms.session, session) }
        return tally
    }
}
