import CLinux
import Core
import Glibc

/// Space, type and switches of the file system that a directory lies on, as the kernel tells them. Nothing is written.
package struct FileSystemSpace: Sendable {
    /// As `/proc/self/mountinfo` names it; `unknown` where it is not listed.
    package let type: String
    /// `major:minor` of the mount; empty where it is not listed.
    package let device: String
    package let isReadOnly: Bool
    /// For users without privileges.
    package let freeBytes: UInt64
    package let totalBytes: UInt64
    package let freeInodes: UInt64
    /// 0 where inodes are made as they are needed.
    package let totalInodes: UInt64

    package init(descriptor: Int32) throws(SystemError) {
        var status = statvfs()
        try check("fstatvfs") { fstatvfs(descriptor, &status) }
        let mount = FileSystemSpace.mount(of: descriptor)
        (type, device) = (mount?.type ?? "unknown", mount?.device ?? "")
        isReadOnly = status.f_flag & UInt(ST_RDONLY) != 0
        let block = UInt64(status.f_frsize)
        freeBytes = UInt64(status.f_bavail).multipliedReportingOverflow(by: block).partialValue
        totalBytes = UInt64(status.f_blocks).multipliedReportingOverflow(by: block).partialValue
        (freeInodes, totalInodes) = (UInt64(status.f_favail), UInt64(status.f_files))
    }

    private static func mount(of descriptor: Int32) -> MountTable.Mount? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = readlink("/proc/self/fd/\(descriptor)", &buffer, buffer.count - 1)
        guard count > 0, let mounts = try? readFile("/proc/self/mountinfo", bytesMax: 64 << 20) else { return nil }
        let path = buffer[..<count].map(UInt8.init(bitPattern:))
        return MountTable(mounts).mount(of: path.split(separator: UInt8(ascii: "/")).map(Array.init))
    }
}

package enum InodeFlags {
    /// Whether names in this directory are equal regardless of case (`FS_CASEFOLD_FL`); nil where the file system has no such flags.
    package static func isCaseFolded(_ directory: Int32) -> Bool? {
        var flags: UInt32 = 0
        return hw_inode_flags(directory, &flags) == 0 ? flags & 0x4000_0000 != 0 : nil
    }
}

/// Opens a file without a name on the file system of `directory`, for reading and writing; it is gone with its descriptor.
///
/// - Throws: EOPNOTSUPP (on old kernels EISDIR) where the file system has no such files; EACCES, EROFS, ENOSPC.
package func openUnnamed(in directory: Int32) throws(SystemError) -> Descriptor {
    try Descriptor(at: directory, ".", HW_O_TMPFILE | O_RDWR, mode: 0o600)
}

/// Whether another process (or another open file description) holds an open-file-description or record lock on `file`. Takes none itself.
package func isLockedElsewhere(_ file: Int32) throws(SystemError) -> Bool {
    try check("fcntl") { hw_ofd_is_locked(file) } == 1
}

/// Whether this user may do so to a name beneath `directory`, or to any path, by the rights that count when it is tried.
///
/// - Parameter mode: `R_OK`, `W_OK`, `X_OK` combined.
package func mayAccess(_ path: String, _ mode: Int32) -> Bool {
    // AT_EACCESS, which is 0x200 on Linux.
    faccessat(Descriptor.workingDirectory, path, mode, 0x200) == 0
}
