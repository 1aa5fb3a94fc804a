import Core
import Platform

/// A `snap.db` as it is at one moment, for who only reads: nothing is made, locked or changed beside it, and a session that runs does
/// not notice. A file at rest is read as it is, one with a log from a private copy.
package struct SnapshotMoment {
    /// When database or log were last written.
    package let writtenAt: Timestamp?
    /// Of the database, and of its log; 0 without one.
    package let bytes: (file: UInt64, log: UInt64)
    /// Whether a log lies beside it: a run is under way, or was killed.
    package var hasLog: Bool { bytes.log > 0 }
    /// As last committed.
    package let meta: SnapshotMeta

    let database: Database
    private let file: String
    private let access: Database.Access
    /// The path of the `snap.db` that is meant, for messages.
    let name: String

    /// How often a file that changes under the eyes is read again.
    package static let triesMax = 5

    /// Reads the database of `directory` by `body`; false where there is none.
    ///
    /// - Parameter tries: how often `body` may run: it begins anew where the file was written meanwhile.
    /// - Throws: the refusal of a database that is not sound; what `body` throws; `snapshot.changing` when the last try met a writer.
    package static func read(
        _ directory: SessionDirectory, tries: Int = triesMax, _ body: (SnapshotMoment) throws -> Void
    ) throws(HeadwaterError) -> Bool {
        for _ in 0..<tries {
            guard let opened = try directory.open() else { return false }
            let stamp = DatabaseStamp(opened)
            let failure: HeadwaterError?
            do {
                guard try attempt(directory, opened, stamp, body) else { return false }
                failure = nil
            } catch is LogBegunAnew {
                continue
            } catch { failure = self.error(error, directory) }
            // What a writer moved away meanwhile reads like damage.
            if !stamp.stillHolds(opened) { continue }
            if let failure { throw failure }
            return true
        }
        throw HeadwaterError(
            "snapshot.changing", "\(directory.databaseFile) was written while it was read",
            remedy: "run the command again", isTransient: true)
    }

    private struct LogBegunAnew: Error {}

    private static func attempt(
        _ directory: SessionDirectory, _ opened: Descriptor, _ stamp: DatabaseStamp,
        _ body: (SnapshotMoment) throws -> Void
    ) throws -> Bool {
        switch try SnapshotFile.look(opened) {
        case .none: return false
        case .present(hasLog: false):
            try body(SnapshotMoment(directory, directory.databaseFile, .immutable, stamp))
        case .present(hasLog: true):
            guard let copy = try PrivateCopy(of: opened) else { throw LogBegunAnew() }
            defer { copy.remove() }
            try body(SnapshotMoment(directory, copy.file, .readOnly, stamp))
        }
        return true
    }

    private static func error(_ error: any Error, _ directory: SessionDirectory) -> HeadwaterError {
        let file = directory.databaseFile
        switch error {
        case let refusal as SnapshotRefusal:
            // The known wording of this one does not say where.
            let place = refusal.fault == .notDatabase ? file + ": " : ""
            return refusal.fault.error(file: file, atPeer: false, cause: refusal.cause.map { place + $0 })
        case let fault as DatabaseFault: return fault.error(file: file)
        case let error as HeadwaterError: return error
        default: return directory.fault(file, "\(error)")
        }
    }

    private init(
        _ directory: SessionDirectory, _ file: String, _ access: Database.Access, _ stamp: DatabaseStamp
    ) throws(SnapshotRefusal) {
        (name, self.file, self.access) = (directory.databaseFile, file, access)
        (writtenAt, bytes) = (stamp.writtenAt, stamp.bytes)
        let (database, stored) = try SnapshotFile.open(file, access)
        (self.database, meta) = (database, stored.meta)
    }

    /// All rows in the order of their paths, tombstones included, or those in one state.
    package func rows(in state: RowState? = nil) throws(HeadwaterError) -> RowCursor {
        try RowCursor(file, access, named: name, after: nil, in: state)
    }

    /// The verified row of a path, tombstones included; nil where there is none.
    package func row(at path: TreePath) throws -> Row? {
        let columns = try Schema.rowColumns(database)
        var statement = try database.prepare("SELECT \(columns) FROM entries WHERE path = ?1")
        statement.bind(1, copying: path.key)
        guard try statement.step() else { return nil }
        var serialiser = RowSerialiser()
        let row = try RowColumns.decode(statement, &serialiser).row
        if row.path != path { throw DatabaseFault(.corrupt, "a row stands under another path") }
        return row
    }

    /// Bytes in pages of the file that hold nothing.
    package func freeBytes() throws -> UInt64 {
        UInt64(clamping: try database.number("PRAGMA freelist_count") ?? 0) * UInt64(Schema.pageBytes)
    }
}
