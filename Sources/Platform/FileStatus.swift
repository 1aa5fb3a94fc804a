import CLinux
import Core
import Glibc

/// What `statx` says of one inode.
package struct FileStatus: Sendable {
    private var raw: hw_stat

    /// Of an open descriptor (`O_PATH` too).
    package init(descriptor: Int32) throws(SystemError) {
        var status = hw_stat()
        try check("statx") { hw_statx(descriptor, "", HW_AT_EMPTY_PATH, &status) }
        raw = status
    }

    /// Of `name` in a directory, never following a symlink.
    package init(at directory: Int32, _ name: UnsafePointer<CChar>) throws(SystemError) {
        var status = hw_stat()
        try check("statx") { hw_statx(directory, name, HW_AT_SYMLINK_NOFOLLOW, &status) }
        raw = status
    }

    /// For loops that look at many names: false with `errno` set instead of a throw, the same storage again.
    package init() { raw = hw_stat() }

    package mutating func load(at directory: Int32, _ name: UnsafePointer<CChar>) -> Bool {
        hw_statx(directory, name, HW_AT_SYMLINK_NOFOLLOW, &raw) == 0
    }

    package var device: UInt64 { raw.device }
    package var inode: UInt64 { raw.inode }
    package var links: UInt64 { raw.links }
    package var size: UInt64 { raw.size }
    /// Bytes that it takes on the disk: fewer than its size where it has holes, or is compressed there.
    package var storedBytes: UInt64 { raw.stored }
    package var userID: UInt32 { raw.uid }
    package var groupID: UInt32 { raw.gid }
    /// Permission bits with setuid, setgid and sticky.
    package var permissions: UInt16 { UInt16(raw.mode & 0o7777) }
    package var owner: OwnerIDs { OwnerIDs(user: raw.uid, group: raw.gid) }
    package var isMountRoot: Bool { raw.is_mount_root != 0 }
    package var mtime: Timestamp { Timestamp(seconds: raw.mtime_s, nanoseconds: raw.mtime_ns) }
    package var ctime: Timestamp { Timestamp(seconds: raw.ctime_s, nanoseconds: raw.ctime_ns) }
    package var birth: Timestamp { Timestamp(seconds: raw.btime_s, nanoseconds: raw.btime_ns) }

    package var kind: EntryKind {
        switch mode_t(raw.mode) & S_IFMT {
        case S_IFREG: .file
        case S_IFDIR: .directory
        case S_IFLNK: .symlink
        default: .untracked
        }
    }

    package var identity: LocalIdentity {
        LocalIdentity(device: device, inode: inode, birth: birth, mtime: mtime, ctime: ctime)
    }

    /// As rows and frames hold them: no mode for a symlink, no size for a directory.
    package var attributes: Attributes {
        Attributes(
            kind: kind, mode: kind == .symlink ? 0 : permissions, size: kind == .file || kind == .symlink ? size : 0,
            mtime: mtime)
    }
}
