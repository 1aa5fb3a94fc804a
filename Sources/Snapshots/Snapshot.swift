import Core
import Platform

/// What both ends of a session last agreed on, at one end: `snap.db`.
///
/// One owner thread makes it, uses it and lets it go; every call blocks. Who holds one also holds the `SessionLock`.
/// Invariants: the file claims only what callers hand to `commit`, after the disk holds it; a commit is whole or absent; numbers,
/// sum and counts are those of the rows in the same transaction; nothing to record writes nothing.
package final class Snapshot {
    /// The meta row as last committed.
    package var meta: SnapshotMeta { stored.meta }
    /// A number for all that is recorded: it is another one when anything of it is. (The sum over all rows is in it.)
    package var mark: UInt64 { MetaTable.mark(of: stored) }
    package let directory: SessionDirectory

    let database: Database
    private var stored: StoredMeta
    private var table: EntryTable
    private var metaStatement: Statement
    private var acknowledged: Int64 = 0
    private var isSoundOnDisk = false
    private var isDurable = false
    private var broken: HeadwaterError?
    private let access: Database.Access
    /// What is committed is dropped.
    package var isOnlyLookedAt: Bool { access == .immutable }

    private init(
        _ directory: SessionDirectory, _ database: Database, _ stored: StoredMeta,
        _ access: Database.Access = .readWrite
    ) throws(DatabaseFault) {
        self.directory = directory
        self.access = access
        self.database = database
        self.stored = stored
        try database.execute(
            "PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=2048; PRAGMA journal_size_limit=33554432")
        table = try EntryTable(database)
        metaStatement = try database.prepare(MetaTable.write)
    }

    /// Opens what `inspect` found sound. Recovers the log of a killed run; changes no row, number or mark.
    ///
    /// - Throws: the refusal of `SnapshotFault.error`, the file untouched; `snapshot.unreadable` when there is none.
    package static func open(directory: SessionDirectory) throws(HeadwaterError) -> Snapshot {
        guard let opened = try directory.open() else {
            throw SnapshotFault.unreadable("it does not exist").error(file: directory.databaseFile, atPeer: false)
        }
        do {
            guard case .present = try SnapshotFile.look(opened) else {
                throw SnapshotRefusal(.unreadable("it does not exist"), nil)
            }
            // A refusal must not touch the file, and opening for writing may: what lies there is judged by a reader first.
            _ = try Snapshot.peek(directory, opened)
            let (database, stored) = try SnapshotFile.open(directory.databaseFile, .readWrite)
            guard try database.text("PRAGMA journal_mode") == "wal" else {
                throw SnapshotRefusal(.corrupt, "its header names another journal mode")
            }
            try Schema.migrate(database)
            return try Snapshot(directory, database, stored)
        } catch let refusal as SnapshotRefusal {
            throw refusal.fault.error(file: directory.databaseFile, atPeer: false, cause: refusal.cause)
        } catch let fault as DatabaseFault { throw fault.error(file: directory.databaseFile) } catch {
            throw directory.fault(directory.path, "\(error)")
        }
    }

    /// Opens a file at rest, without a log and of this version, for a plan: whatever is committed to it is dropped, and nothing of it,
    /// beside it or about it is written.
    ///
    /// - Throws: the refusal of `SnapshotFault.error`.
    static func look(directory: SessionDirectory) throws(HeadwaterError) -> Snapshot {
        do {
            let (database, stored) = try SnapshotFile.open(directory.databaseFile, .immutable)
            return try Snapshot(directory, database, stored, .immutable)
        } catch let refusal as SnapshotRefusal {
            throw refusal.fault.error(file: directory.databaseFile, atPeer: false, cause: refusal.cause)
        } catch let fault as DatabaseFault { throw fault.error(file: directory.databaseFile) } catch {
            throw directory.fault(directory.path, "\(error)")
        }
    }

    /// Makes a snapshot without rows, numbers 0, and opens it. Durable, directories included, when it returns: before the first
    /// publish of a first cycle both ends call this.
    ///
    /// Killed half-way it leaves no `snap.db`. A `snap.db` that is there, sound or not, is an error (`snapshot.exists`).
    package static func create(directory: SessionDirectory, meta: SnapshotMeta) throws(HeadwaterError) -> Snapshot {
        let opened = try directory.openOrCreate()
        let file = directory.databaseFile
        let presence: SnapshotFile.Presence?
        do { presence = try SnapshotFile.look(opened) } catch { presence = nil }
        guard case .some(.none) = presence else {
            throw refusal(
                "snapshot.exists", false, "Database \(file) exists already",
                "run again; where it is to be replaced, \(StartRefusal.reset)")
        }
        do { try SnapshotFile.create(directory, opened, meta) } catch let fault as DatabaseFault {
            throw fault.error(file: file)
        } catch let error as SystemError {
            throw directory.fault(file, error)
        } catch { throw directory.fault(file, "\(error)") }
        return try open(directory: directory)
    }

    /// Removes the snapshot, for a reset. Durable; may be repeated, also after it was killed half-way.
    package static func discard(directory: SessionDirectory) throws(HeadwaterError) {
        guard let opened = try directory.open() else { return }
        do { try SnapshotFile.discard(opened) } catch { throw directory.fault(directory.databaseFile, "\(error)") }
    }

    /// The row of a path, tombstones included; nil where there is none.
    ///
    /// - Throws: `snapshot.corrupt` when the row is damaged. That a row vanished shows only at the end of a cursor over all.
    package func row(at path: TreePath) throws(HeadwaterError) -> Row? {
        try checkUsable()
        do { return try table.load(path)?.row } catch { throw fail(error) }
    }

    /// The next rows behind `last` of those below `path`, at most `count` of them, as they are now; none at the end. Tombstones are left out.
    package func rows(below path: TreePath, after last: TreePath?, atMost count: Int) throws(HeadwaterError) -> [Row] {
        try checkUsable()
        do {
            var last = last?.key
            while true {
                let rows = try table.load(below: path, after: last, atMost: count)
                let standing = rows.filter { $0.state != .gone }
                if !standing.isEmpty || rows.isEmpty { return standing }
                last = rows.last!.path.key
            }
        } catch { throw fail(error) }
    }

    /// Both sides of a path whose row is in state `conflict`, as they were flagged.
    package func conflict(at path: TreePath) throws(HeadwaterError) -> Conflict {
        try checkUsable()
        do { return try table.loadConflict(path) } catch { throw fail(error) }
    }

    /// All conflicts that stand, in the order of their paths.
    package func conflicts() throws(HeadwaterError) -> [Conflict] {
        try checkUsable()
        if meta.counts.conflicts == 0 { return [] }
        do { return try ConflictTable.all(database) } catch { throw fail(error) }
    }

    /// All rows in the order of their paths, as they are now, whatever is committed while the cursor runs.
    ///
    /// - Parameters:
    ///   - number: only rows that a later commit than this changed: what the other end has not recorded yet.
    ///   - state: only rows in this state; nil: all, tombstones included.
    package func rows(after number: Int64? = nil, in state: RowState? = nil) throws(HeadwaterError) -> RowCursor {
        try checkUsable()
        return try RowCursor(directory.databaseFile, access, after: number, in: state)
    }

    /// The same for another thread than the owner's: the cursor belongs to the thread that calls this. The owner keeps the snapshot open.
    package static func rows(directory: SessionDirectory, after number: Int64? = nil, in state: RowState? = nil)
        throws(HeadwaterError) -> RowCursor
    {
        try RowCursor(directory.databaseFile, .readWrite, after: number, in: state)
    }

    /// Notes that the other end has recorded all commits of this end through `number`: the next commit that writes anything drops the
    /// tombstones up to it. Writes nothing itself.
    package func acknowledge(mineThrough number: Int64) { acknowledged = max(acknowledged, min(number, meta.mine)) }

    /// Records changes that are on disk, as one transaction.
    ///
    /// - Parameters:
    ///   - theirs: the number of the other end's commit that is recorded with this one; a lower one than known is ignored.
    ///   - durably: whether it is on disk when this returns, so that the number may be acknowledged. Otherwise the next durable commit
    ///     makes it so; lost in a power cut it is as if it had never been made.
    /// - Returns: `mine`: one higher when a row changed (not for local halves alone); the old one when nothing changed, and then
    ///   nothing is written.
    /// - Throws: `snapshot.no-space`, `.busy`: nothing is recorded, and it may be tried again. Everything else: the snapshot
    ///   is of no more use and must be opened anew.
    @discardableResult
    package func commit(_ changes: [RowChange], theirs: Int64? = nil, durably: Bool = true) throws(HeadwaterError)
        -> Int64
    {
        try write(durably: durably) { (stored: inout StoredMeta) throws(DatabaseFault) in
            try self.table.apply(changes, theirs: theirs ?? 0, to: &stored, acknowledged: self.acknowledged)
        }
        return meta.mine
    }

    /// Sets or clears the mark of a cycle that changes something. Durable. Writes nothing when it is so already.
    package func setRunning(_ running: Bool) throws(HeadwaterError) {
        try write(durably: true) { (stored: inout StoredMeta) throws(DatabaseFault) in stored.meta.running = running }
    }

    /// Records which directory the root now is, after an operator released the halt. Writes nothing when it is so already.
    package func setRoot(_ root: RootIdentity) throws(HeadwaterError) {
        try write(durably: true) { (stored: inout StoredMeta) throws(DatabaseFault) in stored.meta.root = root }
    }

    /// Records the filter of the cycle and, in the same durable commit, makes tombstones of all rows that it excludes.
    ///
    /// Reads all rows; needs no memory for them. Writes nothing when all is so already; `mine` grows by one only where rows went.
    package func setFilter(_ digest: Digest, dropping isExcluded: ((Row) -> Bool)? = nil) throws(HeadwaterError) {
        if access == .immutable { return }
        let cursor = isExcluded == nil ? nil : try rows()
        try write(durably: true) { (stored: inout StoredMeta) throws(DatabaseFault) in
            stored.meta.filterDigest = digest
            if let cursor, let isExcluded { try self.table.remove(from: cursor, where: isExcluded, &stored) }
        }
    }

    /// Records the session's new name, for `SnapshotRenaming`. Durable. Writes nothing when it is so already.
    func setSession(_ name: String) throws(HeadwaterError) {
        try write(durably: true) { (stored: inout StoredMeta) throws(DatabaseFault) in
            stored.meta.terms.session = name
        }
    }

    private func write(durably: Bool, _ body: (inout StoredMeta) throws(DatabaseFault) -> Void)
        throws(HeadwaterError)
    {
        try checkUsable()
        if access == .immutable { return }
        do { try transact(durably: durably, body) } catch { throw fail(error) }
    }

    private func transact(durably: Bool, _ body: (inout StoredMeta) throws(DatabaseFault) -> Void)
        throws(DatabaseFault)
    {
        try requireSound()
        if durably != isDurable {
            try database.execute(durably ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL")
            isDurable = durably
        }
        try database.execute("BEGIN IMMEDIATE")
        do {
            var next = stored
            try body(&next)
            if next == stored { return try database.execute("ROLLBACK") }
            try MetaTable.save(next, with: &metaStatement)
            try database.execute("COMMIT")
            stored = next
        } catch {
            table.reset()
            metaStatement.reset()
            if database.isInTransaction { try? database.execute("ROLLBACK") }
            throw error
        }
    }

    /// Before the first write, that no page of the file is malformed: an insertion into a broken tree would break more.
    private func requireSound() throws(DatabaseFault) {
        if isSoundOnDisk { return }
        if meta.counts.rows + meta.counts.tombstones > 0 {
            let verdict = try database.text("PRAGMA quick_check(1)") ?? ""
            if verdict != "ok" { throw DatabaseFault(.corrupt, verdict) }
        }
        isSoundOnDisk = true
    }

    private func checkUsable() throws(HeadwaterError) { if let broken { throw broken } }

    private func fail(_ fault: DatabaseFault) -> HeadwaterError {
        let error = fault.error(file: directory.databaseFile)
        if fault.kind != .noSpace && fault.kind != .busy { broken = error }
        return error
    }
}
