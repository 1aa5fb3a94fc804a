import Core
import Glibc
import Platform

/// Gives one end of a session another name, so that what both ends agreed on lives on under it.
///
///     before ─ directory renamed ─► half (its record names the old session) ─ record written ─► done
///
/// Each step is atomic, and a run of either name refuses until both ends are done. Killed at any moment, it is repeated.
package struct SnapshotRenaming {
    /// How far the renaming is at this end.
    package enum Standing: Hashable, Sendable {
        /// Neither name has a database here.
        case none
        case before(SnapshotMeta)
        case half(SnapshotMeta)
        case done(SnapshotMeta)

        /// Of the database that is there.
        package var meta: SnapshotMeta? {
            switch self {
            case .none: nil
            case .before(let meta), .half(let meta), .done(let meta): meta
            }
        }
    }

    private let old: SessionDirectory
    private let new: SessionDirectory
    /// Where the private directory of the tree lies; the same as the database's, or another.
    private let treeDirectory: String

    /// - Parameters:
    ///   - database: the directory that holds `.headwater/<session>/snap.db`.
    ///   - tree: the directory of the peer, whose `.headwater/<session>` holds what is on its way.
    package init(database: String, tree: String, from old: String, to new: String) {
        self.old = SessionDirectory(database: database, session: old)
        self.new = SessionDirectory(database: database, session: new)
        treeDirectory = tree
    }

    /// Looks without a trace.
    ///
    /// - Throws: the refusal of a database that is not sound; `session.already-running`; `snapshot.name-taken` where both names have one;
    ///   `snapshot.other-session`.
    package func standing() throws(HeadwaterError) -> Standing {
        let metas = (try meta(of: old), try meta(of: new))
        switch metas {
        case (nil, nil): return .none
        case (_?, _?):
            throw refusal(
                "snapshot.name-taken", false, "Session \(new.session) has a database of its own: \(new.databaseFile)",
                "choose another name; or, if that one is of no use, remove it: "
                    + "headwater snapshot reset \(new.database) \(new.session) --yes")
        case (let meta?, nil):
            if meta.terms.session != old.session {
                throw StartRefusal.foreignName(old.databaseFile, meta.terms.session, old.session)
            }
            for directory in [new, newStage] { try requireFree(directory) }
            try prove(old)
            return .before(meta)
        case (nil, let meta?):
            if meta.terms.session == new.session { return .done(meta) }
            if meta.terms.session == old.session {
                try prove(new)
                return .half(meta)
            }
            throw StartRefusal.foreignName(new.databaseFile, meta.terms.session, new.session)
        }
    }

    /// Renames this end, or finishes what was begun. Durable when it returns.
    ///
    /// - Returns: how it stood before; nothing is done where it is `none` or `done`.
    /// - Throws: what `standing` throws, with nothing changed; what the disk refuses, to be repeated.
    package func run(owner: LockOwner) throws(HeadwaterError) -> Standing {
        let standing = try standing()
        switch standing {
        case .none, .done: break
        case .before:
            // It moves with the directory that it lies in.
            let lock = try lock(old, owner)
            defer { withExtendedLifetime(lock) {} }
            try takeInLog()
            try moveDirectory(owner)
            try finish()
        case .half:
            let lock = try lock(new, owner)
            defer { withExtendedLifetime(lock) {} }
            try finish()
        }
        return standing
    }

    // MARK: Looking

    private func meta(of directory: SessionDirectory) throws(HeadwaterError) -> SnapshotMeta? {
        guard try directory.open() != nil else { return nil }
        let glance = Glance(directory)
        if case .held(let by) = glance.ownership {
            throw LockOwner.alreadyRunning(session: directory.session, owner: by)
        }
        switch glance.state {
        case .none: return nil
        case .ok(let meta): return meta
        case .refused(let fault): throw fault.error(file: directory.databaseFile, atPeer: false)
        }
    }

    /// A damaged database is not moved.
    private func prove(_ directory: SessionDirectory) throws(HeadwaterError) {
        _ = try SnapshotMoment.read(directory) { try $0.prove(session: old.session) }
    }

    /// Nothing may lie under the new name but the lock of a run that was refused.
    private func requireFree(_ directory: SessionDirectory) throws(HeadwaterError) {
        guard let opened = try directory.open(), !directory.isEmptyButForTheLock(opened) else { return }
        throw refusal(
            "snapshot.name-taken", false, "\(directory.path) is there already and holds something",
            "look into it and move it away, or choose another name")
    }

    private var oldStage: SessionDirectory { SessionDirectory(database: treeDirectory, session: old.session) }
    private var newStage: SessionDirectory { SessionDirectory(database: treeDirectory, session: new.session) }

    // MARK: Doing

    private func lock(_ directory: SessionDirectory, _ owner: LockOwner) throws(HeadwaterError) -> SessionLock {
        switch try SessionLock.acquire(directory: directory, owner: owner) {
        case .acquired(let lock): return lock
        case .held(let by): throw LockOwner.alreadyRunning(session: directory.session, owner: by)
        }
    }

    /// Of a killed run, so that one file is what moves.
    private func takeInLog() throws(HeadwaterError) { _ = try Snapshot.open(directory: old) }

    /// The new name's directory is locked, too, emptied of that lock, and replaced in one step.
    private func moveDirectory(_ owner: LockOwner) throws(HeadwaterError) {
        let taken = try lock(new, owner)
        defer { withExtendedLifetime(taken) {} }
        guard let reserved = try old.openReserved(), let opened = try new.open() else {
            throw old.fault(old.path, SystemError("openat", ENOENT))
        }
        do throws(SystemError) {
            try check("unlinkat") { unlinkat(opened.raw, SessionLock.name, 0) }
            try move(reserved)
        } catch {
            new.removeIfUnused()
            throw old.fault(new.path, error)
        }
    }

    private func finish() throws(HeadwaterError) {
        try moveStage()
        let snapshot = try Snapshot.open(directory: new)
        try snapshot.setSession(new.session)
    }

    /// What lies beside the tree under the old name (a file on its way, an entry set aside) is the new session's to finish. Where the
    /// database is there as well, it has moved already.
    private func moveStage() throws(HeadwaterError) {
        guard let reserved = try oldStage.openReserved(), try oldStage.open() != nil else { return }
        do throws(SystemError) { try move(reserved) } catch { throw oldStage.fault(newStage.path, error) }
    }

    private func move(_ reserved: Descriptor) throws(SystemError) {
        try Platform.rename(at: reserved.raw, old.session, to: reserved.raw, new.session, .replace)
        try check("fsync") { fsync(reserved.raw) }
    }
}
