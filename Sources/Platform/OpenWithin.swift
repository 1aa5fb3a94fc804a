import CLinux
import Glibc

/// Opens the one component `name` in `directory`, following no symlink and entering no other file system: EXDEV where something
/// is mounted on it, ELOOP or ENOTDIR for a symlink where a directory is asked for.
///
/// `openat2(RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS|RESOLVE_NO_XDEV)`; where the kernel lacks or forbids it, `openat(O_NOFOLLOW)` and
/// a check of the result. Never creates.
/// - Returns: a raw descriptor that the caller owns.
package func openWithin(_ directory: Int32, _ name: UnsafePointer<CChar>, _ flags: Int32) throws(SystemError) -> Int32 {
    let wanted = flags | O_NOFOLLOW | O_CLOEXEC
    var tries = 0
    while true {
        let fd = hw_openat2_within(directory, name, wanted)
        if fd >= 0 { return fd }
        switch errno {
        case EINTR: continue
        case EAGAIN where tries < 64: tries += 1
        case ENOSYS, EPERM: return try openAndCheck(directory, name, wanted)
        default: throw SystemError("openat2")
        }
    }
}

/// EPERM comes from system call filters that do not know `openat2`, and from `O_NOATIME` on files of others: there it comes again.
private func openAndCheck(_ directory: Int32, _ name: UnsafePointer<CChar>, _ flags: Int32)
    throws(SystemError) -> Int32
{
    let fd = try check("openat") { hw_openat(directory, name, flags, 0) }
    do throws(SystemError) {
        if try FileStatus(descriptor: fd).isMountRoot { throw SystemError("openat", EXDEV) }
        return fd
    } catch {
        close(fd)
        throw error
    }
}
