import Core
import Glibc
import Platform

/// What an operator does to a snapshot at rest, under the session's lock: nobody runs meanwhile.
package struct SnapshotMending {
    private let directory: SessionDirectory
    private let lock: SessionLock

    /// Takes the lock of a session that has a database; nil where there is none, and then nothing was made.
    ///
    /// - Throws: `session.already-running` (exit 8); `snapshot.directory`; `snapshot.unreadable` and `.foreign` for what is no file of ours.
    package init?(_ directory: SessionDirectory, owner: LockOwner) throws(HeadwaterError) {
        guard try SnapshotMending.isOurs(directory) else { return nil }
        switch try SessionLock.acquireExisting(directory: directory, owner: owner) {
        case nil: return nil
        case .held(let by): throw LockOwner.alreadyRunning(session: directory.session, owner: by)
        case .acquired(let lock): self.lock = lock
        }
        self.directory = directory
    }

    /// Moves the log into the file, and writes that anew without its free pages. Reads everything first: a damaged file is left as it is.
    ///
    /// Killed at any moment it leaves the database as it was or compacted.
    /// - Returns: bytes of database and log before and after.
    package func compact() throws(HeadwaterError) -> (before: UInt64, after: UInt64) {
        var before: UInt64 = 0
        let isThere = try SnapshotMoment.read(directory) { moment in
            try moment.prove(session: directory.session)
            before = moment.bytes.file + moment.bytes.log
        }
        guard isThere else {
            throw SnapshotFault.unreadable("it does not exist").error(file: directory.databaseFile, atPeer: false)
        }
        do { try rewrite() } catch {
            guard error.kind == .noSpace else { throw error.error(file: directory.databaseFile) }
            throw HeadwaterError(
                "snapshot.no-space", "no space is left to write \(directory.databaseFile) anew",
                remedy: "free as much as the database has, beside it and in the directory for temporary files",
                cause: error.message)
        }
        guard let opened = try directory.open() else { return (before, 0) }
        let stamp = DatabaseStamp(opened)
        return (before, stamp.bytes.file + stamp.bytes.log)
    }

    /// Removes the database of this end, whatever state it is in. Durable; may be repeated after a kill.
    package func reset() throws(HeadwaterError) { try Snapshot.discard(directory: directory) }

    private func rewrite() throws(DatabaseFault) {
        let database = try Database(path: directory.databaseFile, .readWrite)
        try database.execute("PRAGMA synchronous=FULL")
        try database.vacuum()
        _ = try database.number("PRAGMA wal_checkpoint(TRUNCATE)")
    }

    /// Whether there is a file that one may write to or remove: another program's is not touched.
    private static func isOurs(_ directory: SessionDirectory) throws(HeadwaterError) -> Bool {
        guard try directory.open() != nil else { return false }
        switch Glance(directory).state {
        case .none: return false
        case .refused(let fault):
            switch fault {
            case .notDatabase, .corrupt, .newerSchema: return true
            case .foreign, .unreadable: throw fault.error(file: directory.databaseFile, atPeer: false)
            }
        case .ok: return true
        }
    }
}
