import Core

/// Reads rows in the order of their paths, on a connection of its own, all from one moment.
///
/// One thread. Every row is verified against its checksum and the order; the end, that none is missing and none came twice. Keeps the
/// log of the file from being reused while it is open: run it to its end or let it go.
package final class RowCursor {
    private let file: String
    private let database: Database
    private var statement: Statement
    private var serialiser = RowSerialiser()
    private let stored: StoredMeta
    private let number: Int64?
    private let state: RowState?
    private var rowSum: UInt64 = 0
    private var last: [UInt8]?
    private var isAtEnd = false

    /// - Parameter name: what messages call the file; by default its path.
    init(
        _ file: String, _ access: Database.Access, named name: String? = nil, after number: Int64?, in state: RowState?
    ) throws(HeadwaterError) {
        self.file = name ?? file
        self.number = number
        self.state = state
        do {
            database = try Database(path: file, access, cacheKiB: 1024)
            try database.execute("PRAGMA query_only=ON; BEGIN")
            try Schema.verify(database)
            stored = try MetaTable.load(database)
            let columns = try Schema.rowColumns(database)
            statement = try database.prepare("SELECT \(columns) FROM entries ORDER BY path")
        } catch let refusal as SnapshotRefusal {
            throw refusal.fault.error(file: self.file, atPeer: false, cause: refusal.cause)
        } catch let fault as DatabaseFault { throw fault.error(file: self.file) } catch {
            throw DatabaseFault(.inputOutput, "\(error)").error(file: self.file)
        }
    }

    /// The meta row of the moment that is read.
    package var meta: SnapshotMeta { stored.meta }

    /// The next row; nil at the end, which is also when a missing row is found out.
    ///
    /// - Throws: `snapshot.corrupt`, `snapshot.io`. What came before the error was as it was written.
    package func next() throws(HeadwaterError) -> Row? {
        do { return try advance() } catch { throw error.error(file: file) }
    }

    func advance() throws(DatabaseFault) -> Row? {
        while !isAtEnd {
            guard try statement.step() else {
                try finish()
                break
            }
            let (row, checksum) = try RowColumns.decode(statement, &serialiser)
            if let last, TreePath.compare(last, row.path.key) >= 0 {
                throw DatabaseFault(.corrupt, "the row of \(row.path) is out of order")
            }
            last = row.path.key
            rowSum &+= checksum
            if row.number > number ?? .min && (state == nil || row.state == state) { return row }
        }
        return nil
    }

    private func finish() throws(DatabaseFault) {
        isAtEnd = true
        statement.reset()
        if rowSum != stored.rowSum { throw DatabaseFault(.corrupt, "rows are missing") }
        try database.execute("COMMIT")
    }
}
