import Core
import Glibc
import Platform

/// `<database>/.headwater/<session>`: where one end of a session keeps `snap.db` and its lock.
///
/// `.headwater` and the directory below it are ours: real directories of this user, 0700. Each use checks that on descriptors;
/// the directory above may be anything a person names.
package struct SessionDirectory: Hashable, Sendable {
    package static let databaseName = "snap.db"
    static let reserved = ".headwater"

    /// The directory that the person named; a symlink in it is followed.
    package let database: String
    package let session: String

    /// - Parameter session: of the alphabet `[A-Za-z0-9_-]{1,64}`; anything else traps, validated long before.
    package init(database: String, session: String) {
        precondition(Name.isValid(session), "not a session name")
        self.database = database
        self.session = session
    }

    package var path: String { "\(database)/\(SessionDirectory.reserved)/\(session)" }

    /// The path of `snap.db`, as messages name it.
    package var databaseFile: String { "\(path)/\(SessionDirectory.databaseName)" }

    /// Opens the directory, checked. nil when it, or what is above, does not exist.
    package func open() throws(HeadwaterError) -> Descriptor? {
        guard let parent = try openReserved() else { return nil }
        return try openChecked(parent.raw, session, path)
    }

    /// Makes `.headwater` and the session's directory where they are missing, durably, and opens the latter.
    ///
    /// - Throws: `snapshot.directory`; also when `database` itself does not exist.
    package func openOrCreate() throws(HeadwaterError) -> Descriptor {
        do {
            let top = try Descriptor(at: Descriptor.workingDirectory, database, O_RDONLY | O_DIRECTORY)
            try make(top.raw, SessionDirectory.reserved)
            guard let reserved = try openReserved() else { throw SystemError("openat", ENOENT) }
            try make(reserved.raw, session)
            guard let directory = try open() else { throw SystemError("openat", ENOENT) }
            return directory
        } catch let error as SystemError { throw fault(path, error) } catch {
            throw error as? HeadwaterError ?? fault(path, "\(error)")
        }
    }

    /// Takes the directory away again, and `.headwater` if nothing else is in it; it stays where it holds more than the lock.
    ///
    /// Only for the holder of the lock, in a first cycle that was refused.
    package func removeIfUnused() {
        guard let reserved = try? openReserved(), let directory = try? open() else { return }
        guard isEmptyButForTheLock(directory) else { return }
        unlinkat(directory.raw, SessionLock.name, 0)
        unlinkat(reserved.raw, session, AT_REMOVEDIR)
        rmdir("\(database)/\(SessionDirectory.reserved)")
    }

    func isEmptyButForTheLock(_ directory: Descriptor) -> Bool {
        var isEmpty = true
        let listed: Void? = try? withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 16) { buffer in
            try listDirectory(directory.raw, buffer: buffer) { name, _ in
                isEmpty = isEmpty && strcmp(name, SessionLock.name) == 0
            }
        }
        return listed != nil && isEmpty
    }

    /// `.headwater` itself, checked; nil when missing.
    package func openReserved() throws(HeadwaterError) -> Descriptor? {
        do {
            let top = try Descriptor(at: Descriptor.workingDirectory, database, O_RDONLY | O_DIRECTORY)
            return try openChecked(top.raw, SessionDirectory.reserved, "\(database)/\(SessionDirectory.reserved)")
        } catch let error as SystemError {
            if error.isMissing { return nil }
            throw fault(database, error)
        } catch { throw error as? HeadwaterError ?? fault(database, "\(error)") }
    }

    private func make(_ parent: Int32, _ name: String) throws(SystemError) {
        if mkdirat(parent, name, 0o700) != 0 {
            if errno == EEXIST { return }
            throw SystemError("mkdirat")
        }
        try check("fsync") { fsync(parent) }
    }

    private func openChecked(_ parent: Int32, _ name: String, _ path: String) throws(HeadwaterError) -> Descriptor? {
        let directory: Descriptor
        let status: FileStatus
        do {
            directory = try Descriptor(at: parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
            status = try FileStatus(descriptor: directory.raw)
        } catch {
            if error.errno == ENOENT { return nil }
            throw fault(path, error)
        }
        if status.userID != geteuid() { throw fault(path, "it belongs to user \(status.userID), not to \(geteuid())") }
        if status.permissions & 0o022 != 0 { throw fault(path, "others may write in it") }
        return directory
    }

    func fault(_ path: String, _ error: SystemError) -> HeadwaterError {
        if error.isNoSpace {
            return HeadwaterError(
                "snapshot.no-space", "no space is left to make \(path)",
                remedy: "free space on that file system, then run again", cause: error.description)
        }
        if error.errno == EROFS {
            return HeadwaterError(
                "snapshot.read-only", "\(path) is on a file system that is mounted read-only",
                remedy: "mount it writable, or set `database:` of this peer to a directory on another file system",
                cause: error.description)
        }
        if error.errno == EACCES || error.errno == EPERM {
            return HeadwaterError(
                "snapshot.directory", "this user may not make \(path), where the session keeps its database",
                remedy:
                    "make \(database) writable for this user, or set `database:` of this peer to a directory that is",
                exit: .databaseRefuses, cause: error.description)
        }
        if error.errno == ENOENT {
            return HeadwaterError(
                "snapshot.directory", "the directory of the databases, \(database), does not exist",
                remedy:
                    "make it on that machine: mkdir -p \(ShellWord.quoted(database)), or correct `database:` of this peer",
                exit: .databaseRefuses, cause: error.description)
        }
        return fault(path, error.description)
    }

    func fault(_ path: String, _ cause: String) -> HeadwaterError {
        HeadwaterError(
            "snapshot.directory", "\(path) cannot serve as the private directory of session \(session)",
            remedy: "make it a plain directory of the user that runs Headwater with mode 0700",
            exit: .databaseRefuses, cause: cause)
    }
}
