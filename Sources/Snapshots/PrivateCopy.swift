import Core
import Glibc
import Platform

/// Which state of the files `snap.db` and its log it was.
struct DatabaseStamp: Equatable {
    var inode: UInt64?
    var writtenAt: Timestamp?
    var hasLog = false
    /// Of the file and of its log.
    var bytes: (file: UInt64, log: UInt64) = (0, 0)

    init(_ directory: Descriptor) {
        let database = try? FileStatus(at: directory.raw, SessionDirectory.databaseName)
        let log = try? FileStatus(at: directory.raw, SessionDirectory.databaseName + "-wal")
        inode = database?.inode
        hasLog = log.map { $0.size > 0 } ?? false
        writtenAt = database.map { hasLog ? max($0.mtime, log!.mtime) : $0.mtime }
        bytes = (database?.size ?? 0, log?.size ?? 0)
    }

    /// Whether what was read since it was made is of one moment.
    ///
    /// A log that grew was copied at one moment of its life; a file that was read in place must not have moved at all.
    func stillHolds(_ directory: Descriptor) -> Bool {
        let now = DatabaseStamp(directory)
        return hasLog ? now.hasLog : self == now
    }

    static func == (a: DatabaseStamp, b: DatabaseStamp) -> Bool {
        (a.inode, a.hasLog) == (b.inode, b.hasLog) && a.writtenAt == b.writtenAt
    }
}

/// Database and log of one moment in a private directory: to open the originals would make files beside them, or keep the log of a
/// running session from being cleared away.
///
/// The database is copied first, then the log. Pages that a checkpoint moved meanwhile are in the log as well, as long as that was not
/// begun anew: its header tells.
struct PrivateCopy {
    private static let endings = ["", "-wal", "-shm", "-journal"]
    private static let logHeaderBytes = 32

    private let directory: String
    var file: String { directory + "/" + SessionDirectory.databaseName }

    /// Nil when the log was begun anew meanwhile.
    init?(of opened: Descriptor) throws(SnapshotRefusal) {
        let directory: String
        do throws(SystemError) {
            directory = try PrivateCopy.makeDirectory()
        } catch { throw SnapshotRefusal(.unreadable("no room for a copy: \(error)"), nil) }
        guard let copy = try PrivateCopy(of: opened, in: directory) else { return nil }
        self = copy
    }

    /// The same in a directory that is there.
    init?(of opened: Descriptor, in directory: String) throws(SnapshotRefusal) {
        self.directory = directory
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

    static func makeDirectory() throws(SystemError) -> String {
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

    /// One file of a database at rest into a directory that is there.
    static func copyFile(of opened: Descriptor, to directory: String) throws(SystemError) {
        try PrivateCopy(directory: directory).copy("", opened)
    }

    private init(directory: String) { self.directory = directory }

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
