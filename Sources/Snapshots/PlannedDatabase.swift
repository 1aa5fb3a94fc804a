import Core
import Glibc
import Platform

/// The database of one end for a plan, which writes nothing beside the tree: the file itself, only looked at, or a private copy of it,
/// which may be written to and goes with this object.
///
///     none ──► made anew in private            at rest ──► looked at, or copied where rows will have to be written
///                                              with a log, or of an older version ──► copied
package final class PlannedDatabase: Sendable {
    private struct State: Sendable {
        /// Holds the copy; nil while there is none.
        var directory: String?
        /// Of the file that is looked at.
        var stamp: DatabaseStamp?
    }

    private let original: SessionDirectory
    private let state = Monitor(State())

    /// - Parameter original: where the database is, or would be.
    package init(_ original: SessionDirectory) { self.original = original }

    deinit { remove() }

    /// How the database stands: as `Snapshot.inspect`, but without a trace even where a log lies beside it.
    package func inspect() -> SnapshotState {
        copied.map { Snapshot.inspect(directory: $0) } ?? Glance(original).state
    }

    /// Opens what `inspect` found sound.
    ///
    /// - Parameter isWritten: what is committed must be seen by who reads the rows later in this plan; otherwise it may be dropped.
    package func open(isWritten: Bool) throws(HeadwaterError) -> Snapshot {
        if let copied { return try Snapshot.open(directory: copied) }
        guard let opened = try original.open() else {
            throw SnapshotFault.unreadable("it does not exist").error(file: original.databaseFile, atPeer: false)
        }
        let stamp = DatabaseStamp(opened)
        if !stamp.hasLog && !isWritten, try isOfThisVersion() {
            state.update { $0.stamp = stamp }
            return try Snapshot.look(directory: original)
        }
        return try Snapshot.open(directory: try copy(opened, stamp))
    }

    /// Makes one without rows, as a first cycle does; nothing of an old one is seen any more.
    package func create(_ meta: SnapshotMeta) throws(HeadwaterError) -> Snapshot {
        remove()
        return try Snapshot.create(directory: try privateDirectory(), meta: meta)
    }

    /// Sees that what was looked at was not written meanwhile: a session that began would make all of it worthless.
    ///
    /// - Throws: `snapshot.changing`.
    package func checkUnchanged() throws(HeadwaterError) {
        guard let stamp = state.read({ $0.stamp }), let opened = try original.open() else { return }
        if !stamp.stillHolds(opened) { throw changing }
    }

    /// `error` with the place of the original in the place of the copy's.
    package func inPlace(_ error: HeadwaterError) -> HeadwaterError {
        guard let directory = state.read({ $0.directory }) else { return error }
        var placed = error
        placed.message = error.message.replacing(directory, with: original.database)
        placed.remedy = error.remedy.replacing(directory, with: original.database)
        placed.cause = error.cause?.replacing(directory, with: original.database)
        return placed
    }

    /// Takes the copy away.
    package func remove() {
        guard
            let directory = state.update({ state in
                defer { state.directory = nil }
                return state.directory
            })
        else { return }
        let copy = SessionDirectory(database: directory, session: original.session)
        for ending in ["", "-wal", "-shm", "-journal"] { unlink(copy.databaseFile + ending) }
        rmdir(copy.path)
        rmdir(directory + "/" + SessionDirectory.reserved)
        rmdir(directory)
    }

    // MARK: Parts

    private var copied: SessionDirectory? {
        state.read { $0.directory }.map { SessionDirectory(database: $0, session: original.session) }
    }

    private var changing: HeadwaterError {
        HeadwaterError(
            "snapshot.changing", "\(original.databaseFile) was written while it was read",
            remedy: "run the command again", isTransient: true)
    }

    private func isOfThisVersion() throws(HeadwaterError) -> Bool {
        do {
            let (database, _) = try SnapshotFile.open(original.databaseFile, .immutable)
            return try database.number("PRAGMA user_version") == Schema.version
        } catch let refusal as SnapshotRefusal {
            throw refusal.fault.error(file: original.databaseFile, atPeer: false, cause: refusal.cause)
        } catch let fault as DatabaseFault { throw fault.error(file: original.databaseFile) } catch {
            throw original.fault(original.path, "\(error)")
        }
    }

    private func privateDirectory() throws(HeadwaterError) -> SessionDirectory {
        do throws(SystemError) {
            let directory = try PrivateCopy.makeDirectory()
            state.update { $0.directory = directory }
        } catch { throw original.fault("a private copy", error) }
        let copy = SessionDirectory(database: state.read { $0.directory }!, session: original.session)
        _ = try copy.openOrCreate()
        return copy
    }

    private func copy(_ opened: Descriptor, _ stamp: DatabaseStamp) throws(HeadwaterError) -> SessionDirectory {
        let directory = try privateDirectory()
        do {
            if !stamp.hasLog {
                try PrivateCopy.copyFile(of: opened, to: directory.path)
            } else if try PrivateCopy(of: opened, in: directory.path) == nil {
                throw changing
            }
        } catch let error as HeadwaterError {
            remove()
            throw error
        } catch {
            remove()
            throw original.fault("a private copy", "\(error)")
        }
        if !stamp.stillHolds(opened) {
            remove()
            throw changing
        }
        return directory
    }
}
