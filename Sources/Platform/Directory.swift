import CLinux
import Glibc

/// Lists a directory with `getdents64` into `buffer`, calling `body` with each NUL-terminated name and its length; `.` and `..` are left out.
///
/// The order is the file system's. The pointer is valid during the call only.
/// - Parameter directory: opened `O_RDONLY|O_DIRECTORY`, its offset at 0.
package func listDirectory(
    _ directory: Int32, buffer: UnsafeMutableRawBufferPointer, _ body: (UnsafePointer<CChar>, Int) throws -> Void
) throws {
    while true {
        let size = try checkSize("getdents64") { hw_getdents64(directory, buffer.baseAddress!, buffer.count) }
        if size == 0 { return }
        var offset = 0
        while offset < size {
            // struct linux_dirent64: ino 8, off 8, reclen 2, type 1, name.
            let length = Int(buffer.loadUnaligned(fromByteOffset: offset + 16, as: UInt16.self))
            let name = (buffer.baseAddress! + offset + 19).assumingMemoryBound(to: CChar.self)
            let count = strlen(name)
            let isDots = name[0] == 0x2E && (count == 1 || (count == 2 && name[1] == 0x2E))
            if !isDots { try body(name, count) }
            offset += length
        }
    }
}

/// `renameat2`. EINVAL where the file system lacks the flag.
package enum RenameFlag: Sendable {
    case replace
    /// EEXIST when the new name is taken.
    case noReplace
    /// Both names change places in one step.
    case exchange
}

package func rename(
    at fromDirectory: Int32, _ from: UnsafePointer<CChar>, to toDirectory: Int32, _ to: UnsafePointer<CChar>,
    _ flag: RenameFlag
) throws(SystemError) {
    let bits: UInt32 =
        switch flag {
        case .replace: 0
        case .noReplace: HW_RENAME_NOREPLACE
        case .exchange: HW_RENAME_EXCHANGE
        }
    try check("renameat2") { hw_renameat2(fromDirectory, from, toDirectory, to, bits) }
}

/// Sets the modification time of `name` (never following a symlink), or of the descriptor itself when `name` is nil.
package func setModificationTime(_ directory: Int32, _ name: UnsafePointer<CChar>?, seconds: Int64, nanoseconds: UInt32)
    throws(SystemError)
{
    try check("utimensat") { hw_utimens(directory, name, seconds, nanoseconds) }
}

/// What `fstatfs` says that matters here.
package struct FileSystemStatus: Sendable {
    package var magic: Int64
    package var freeBytes: UInt64
    package var freeInodes: UInt64

    package init(descriptor: Int32) throws(SystemError) {
        var (magic, bytes, inodes): (Int64, UInt64, UInt64) = (0, 0, 0)
        try check("fstatfs") { hw_fs_magic(descriptor, &magic, &bytes, &inodes) }
        (self.magic, freeBytes, freeInodes) = (magic, bytes, inodes)
    }
}

/// Makes everything dirty on the file system of `descriptor` durable, also what others wrote. Errors are reported on kernels from 5.8 on.
package func syncFileSystem(_ descriptor: Int32) throws(SystemError) { try check("syncfs") { hw_syncfs(descriptor) } }

/// Begins to write the file's dirty pages back without waiting; a hint, not durability.
package func startWriteback(_ descriptor: Int32) { _ = hw_sync_file_range_write(descriptor) }

/// Reserves room for a file of `size` bytes; ENOSPC now rather than in the middle. Not supported everywhere: EOPNOTSUPP.
package func reserve(_ descriptor: Int32, size: Int64) throws(SystemError) {
    try check("fallocate") { hw_fallocate(descriptor, size) }
}

/// Takes the exclusive open-file-description lock on the whole file, without waiting: EAGAIN when another description holds it.
package func lockExclusively(_ descriptor: Int32) throws(SystemError) { try check("fcntl") { hw_ofd_lock(descriptor) } }
