import Core
import Glibc
import Platform

/// The file `snap.db` itself: is it there, is it ours, open it in one of three ways. Never writes to a file that it refuses.
enum SnapshotFile {
    private static let sides = ["-wal", "-shm", "-journal"]
    static let asideName = SessionDirectory.databaseName + ".new"

    enum Presence {
        case none
        /// `hasLog`: a write-ahead log lies beside it, so a run is under way or was killed.
        case present(hasLog: Bool)
    }

    /// - Throws: what stands there is no plain, non-empty file of this user.
    static func look(_ directory: Descriptor) throws(SnapshotRefusal) -> Presence {
        guard let status = try status(directory, SessionDirectory.databaseName) else { return .none }
        if status.kind != .file { throw SnapshotRefusal(.unreadable("it is not a file"), nil) }
        if status.userID != geteuid() { throw SnapshotRefusal(.unreadable("it belongs to another user"), nil) }
        if status.size == 0 { throw SnapshotRefusal(.corrupt, "the file is empty") }
        let log = try self.status(directory, SessionDirectory.databaseName + "-wal")
        // Writing would change what stands under the other name, too: most likely somebody's backup.
        if status.links > 1 || (log?.links ?? 1) > 1 {
            throw SnapshotRefusal(
                .unreadable("it has a second name, a hard link: copy it and put the copy in its place"), nil)
        }
        return .present(hasLog: log.map { $0.size > 0 } ?? false)
    }

    /// Opens a file that `look` found, and verifies schema and meta row.
    static func open(_ path: String, _ access: Database.Access) throws(SnapshotRefusal) -> (Database, StoredMeta) {
        do {
            let database = try Database(path: path, access)
            try Schema.verify(database)
            return (database, try MetaTable.load(database))
        } catch let fault as DatabaseFault { throw SnapshotRefusal(fault) } catch {
            throw error as! SnapshotRefusal
        }
    }

    /// Writes a new file aside, makes it durable and gives it its name; from then on it is complete.
    ///
    /// - Throws: `EEXIST` when there is one already.
    static func create(_ directory: SessionDirectory, _ opened: Descriptor, _ meta: SnapshotMeta) throws {
        try remove(opened, asideName)
        try remove(opened, asideName, sides)
        // A log left over by a file that is gone would be replayed into the new one.
        try remove(opened, SessionDirectory.databaseName, sides)
        try fill("\(directory.path)/\(asideName)", meta)
        let file = try Descriptor(at: opened.raw, asideName, O_RDWR | O_NOFOLLOW)
        try check("fchmod") { fchmod(file.raw, 0o600) }
        try check("fsync") { fsync(file.raw) }
        try publish(opened)
        try check("fsync") { fsync(opened.raw) }
    }

    /// Removes the file, then what belongs to it; durable when it returns. Nothing where there is nothing.
    static func discard(_ opened: Descriptor) throws(SystemError) {
        try remove(opened, SessionDirectory.databaseName)
        try remove(opened, SessionDirectory.databaseName, sides)
        try check("fsync") { fsync(opened.raw) }
    }

    private static func fill(_ path: String, _ meta: SnapshotMeta) throws(DatabaseFault) {
        let database = try Database(path: path, .create)
        try database.execute("PRAGMA synchronous=OFF")
        try Schema.create(in: database)
        var statement = try database.prepare(MetaTable.write)
        try MetaTable.save(StoredMeta(meta: meta), with: &statement)
        guard try database.text("PRAGMA journal_mode=WAL") == "wal" else {
            throw DatabaseFault(.inputOutput, "this file system cannot hold a write-ahead log")
        }
    }

    private static func publish(_ opened: Descriptor) throws(SystemError) {
        do {
            try rename(at: opened.raw, asideName, to: opened.raw, SessionDirectory.databaseName, .noReplace)
        } catch {
            if error.errno != EINVAL { throw error }
            try rename(at: opened.raw, asideName, to: opened.raw, SessionDirectory.databaseName, .replace)
        }
    }

    private static func status(_ directory: Descriptor, _ name: String) throws(SnapshotRefusal) -> FileStatus? {
        do { return try FileStatus(at: directory.raw, name) } catch {
            if error.isMissing { return nil }
            throw SnapshotRefusal(.unreadable("\(error)"), nil)
        }
    }

    private static func remove(_ directory: Descriptor, _ name: String, _ endings: [String] = [""]) throws(SystemError)
    {
        for ending in endings where unlinkat(directory.raw, name + ending, 0) != 0 && errno != ENOENT {
            throw SystemError("unlinkat")
        }
    }
}
