import Core
import Glibc
import Platform

/// What a look at one end of a session finds, without a trace beside the database and without a word to whoever uses it.
package struct Glance: Sendable {
    /// Whether a process owns the session at this moment, by its lock.
    package enum Ownership: Sendable {
        case free
        /// Nil when the text of the lock cannot be trusted.
        case held(by: LockOwner?)
    }

    package var state: SnapshotState
    package var ownership: Ownership
    /// Whether a log lies beside the database: a run is under way, or was killed.
    package var hasLog = false
    /// When database or log were last written; nil where there is none.
    package var writtenAt: Timestamp?
    /// What is agreed on; nil where it was not asked for, or could not be summed up in time.
    package var agreed: TreeSize?
    /// The conflicts that stand, in the order of their paths; empty where they were not asked for.
    package var conflicts: [Conflict] = []

    private let listsConflicts: Bool

    /// How often a file that changes under the eyes is read again.
    private static let triesMax = 5

    /// Blocks for the disk.
    ///
    /// - Parameters:
    ///   - deadline: of the monotonic clock, for summing up all rows; nil leaves that out.
    ///   - listsConflicts: whether the conflicts are read as well.
    package init(_ directory: SessionDirectory, summingUntil deadline: UInt64? = nil, listsConflicts: Bool = false) {
        self.listsConflicts = listsConflicts
        (state, ownership) = (.none, .free)
        do {
            guard let opened = try directory.open() else { return }
            ownership = Glance.owner(opened)
            for _ in 0..<Glance.triesMax where try read(directory, opened, deadline) { break }
        } catch let refusal as SnapshotRefusal { state = .refused(refusal.fault) } catch let error as HeadwaterError {
            state = .refused(.unreadable(error.cause ?? error.message))
        } catch { state = .refused(.unreadable("\(error)")) }
    }

    /// Reads once; false when the file changed meanwhile.
    private mutating func read(_ directory: SessionDirectory, _ opened: Descriptor, _ deadline: UInt64?) throws -> Bool
    {
        let before = Stamp(opened)
        switch try SnapshotFile.look(opened) {
        case .none: state = .none
        case .present(hasLog: false): try look(directory.databaseFile, .immutable, deadline)
        case .present(hasLog: true):
            guard let copy = try PrivateCopy(of: opened) else { return false }
            defer { copy.remove() }
            try look(copy.file, .readOnly, deadline)
        }
        (writtenAt, hasLog) = (before.writtenAt, before.hasLog)
        // A log that grew was copied at one moment of its life; a file that was read in place must not have moved at all.
        let after = Stamp(opened)
        return before.hasLog ? after.hasLog : before == after
    }

    private mutating func look(_ file: String, _ access: Database.Access, _ deadline: UInt64?) throws {
        do {
            let (database, stored) = try SnapshotFile.open(file, access)
            state = .ok(stored.meta)
            if listsConflicts && stored.meta.counts.conflicts > 0 { conflicts = try Glance.conflicts(database) }
            agreed = try deadline.flatMap { try Glance.sum(file, access, $0) }
        } catch let refusal as SnapshotRefusal {
            state = .refused(refusal.fault)
        } catch let error as HeadwaterError where error.code == "snapshot.corrupt" {
            state = .refused(.corrupt)
        }
    }

    private static func conflicts(_ database: Database) throws(SnapshotRefusal) -> [Conflict] {
        do throws(DatabaseFault) {
            return try Schema.hasConflicts(database) ? try ConflictTable.all(database) : []
        } catch { throw SnapshotRefusal(error) }
    }

    private static func sum(_ file: String, _ access: Database.Access, _ deadline: UInt64) throws -> TreeSize? {
        let cursor = try RowCursor(file, access, after: nil, in: .agreed)
        var size = TreeSize()
        size.source = .snapshot
        while let row = try cursor.next() {
            size.entries += 1
            switch row.agreed.attributes.kind {
            case .directory: size.directories += 1
            case .file: size.bytes &+= row.agreed.attributes.size
            default: break
            }
            if size.entries % 4096 == 0, MonotonicClock.now >= deadline { return nil }
        }
        return size
    }

    private static func owner(_ directory: Descriptor) -> Ownership {
        guard let file = try? Descriptor(at: directory.raw, SessionLock.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK),
            (try? isLockedElsewhere(file.raw)) == true
        else { return .free }
        return .held(by: SessionLock.read(file))
    }
}

/// Which state of the files it was.
private struct Stamp: Equatable {
    var inode: UInt64?
    var writtenAt: Timestamp?
    var hasLog = false

    init(_ directory: Descriptor) {
        let database = try? FileStatus(at: directory.raw, SessionDirectory.databaseName)
        let log = try? FileStatus(at: directory.raw, SessionDirectory.databaseName + "-wal")
        inode = database?.inode
        hasLog = log.map { $0.size > 0 } ?? false
        writtenAt = database.map { hasLog ? max($0.mtime, log!.mtime) : $0.mtime }
    }
}

/// Database and log of one moment in a private directory: to open the originals would make files beside them, or keep the log of a
/// running session from being cleared away.
///
/// The database is copied first, then the log. Pages that a checkpoint moved meanwhile are in the log as well, as long as that was not
/// begun anew: its header tells.
private struct PrivateCopy {
    private static let endings = ["", "-wal", "-shm", "-journal"]
    private static let logHeaderBytes = 32

    private let directory: String
    var file: String { directory + "/" + SessionDirectory.databaseName }

    /// Nil when the log was begun anew meanwhile.
    init?(of opened: Descriptor) throws(SnapshotRefusal) {
        do throws(SystemError) {
            directory = try PrivateCopy.makeDirectory()
        } catch { throw SnapshotRefusal(.unreadable("no room for a copy: \(error)"), nil) }
        do throws(SystemError) {
            let before = try PrivateCopy.logHeader(opened)
            for ending in ["", "-wal"] { try copy(ending, opened) }
            if try PrivateCopy.logHeader(opened) == before { return }
            remove()
            return nil
        } catch {
            remove()
            // A session that ended meanwhile took its log along.
            if error.isMissing { return nil }
            throw SnapshotRefusal(.unreadable("\(error)"), nil)
        }
    }

    func remove() {
        for ending in PrivateCopy.endings { unlink(file + ending) }
        rmdir(directory)
    }

    private static func makeDirectory() throws(SystemError) -> String {
        let variables: [String] = ["XDG_RUNTIME_DIR", "TMPDIR"]
        let parent = variables.compactMap { name in getenv(name).map { String(cString: $0) } }
            .first { $0.hasPrefix("/") && mayAccess($0, W_OK | X_OK) }
        var template = Array("\(parent ?? "/tmp")/headwater-look-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError("mkdtemp") }
        return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private static func logHeader(_ opened: Descriptor) throws(SystemError) -> [UInt8] {
        let log = try Descriptor(at: opened.raw, SessionDirectory.databaseName + "-wal", O_RDONLY | O_NOFOLLOW)
        var bytes = [UInt8](repeating: 0, count: logHeaderBytes)
        let got = try checkSize("pread") { pread(log.raw, &bytes, logHeaderBytes, 0) }
        return Array(bytes[..<got])
    }

    private func copy(_ ending: String, _ opened: Descriptor) throws(SystemError) {
        let from = try Descriptor(at: opened.raw, SessionDirectory.databaseName + ending, O_RDONLY | O_NOFOLLOW)
        let to = try Descriptor(
            at: Descriptor.workingDirectory, file + ending, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try readFully(from.raw, into: buffer)
            if count == 0 { return }
            try writeFully(to.raw, UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }
}
