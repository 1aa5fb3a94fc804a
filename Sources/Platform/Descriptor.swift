import CLinux
import Glibc

/// A file descriptor with one owner; closed when the last reference goes.
///
/// For descriptors that live longer than one function. Hot loops use raw numbers and `defer`.
package final class Descriptor: Sendable {
    package let raw: Int32

    package init(owning raw: Int32) { self.raw = raw }

    deinit { close(raw) }

    /// Opens `name` beneath `directory` (or any path for the process itself with `Descriptor.workingDirectory`).
    package convenience init(at directory: Int32, _ name: UnsafePointer<CChar>, _ flags: Int32, mode: UInt32 = 0)
        throws(SystemError)
    {
        self.init(owning: try check("openat") { hw_openat(directory, name, flags | O_CLOEXEC, mode) })
    }

    package static let workingDirectory: Int32 = HW_AT_FDCWD
    package static let pathOnly: Int32 = HW_O_PATH
    package static let noAccessTime: Int32 = HW_O_NOATIME
}

/// Opens `path` (components joined by `/`, NUL-terminated, ≤ PATH_MAX) beneath `directory`, following no symlink at any component
/// and never leaving it: `openat2(RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS|RESOLVE_NO_MAGICLINKS)`, component by component where the
/// kernel lacks it. Retries the EAGAIN of a concurrent rename.
///
/// - Returns: a raw descriptor that the caller owns.
package func openBeneath(_ directory: Int32, _ path: UnsafePointer<CChar>, _ flags: Int32, mode: UInt32 = 0)
    throws(SystemError) -> Int32
{
    var tries = 0
    while true {
        let fd = hw_openat2_beneath(directory, path, flags | O_CLOEXEC, mode)
        if fd >= 0 { return fd }
        switch errno {
        case EINTR: continue
        case EAGAIN where tries < 64: tries += 1
        case ENOSYS: return try openByComponent(directory, path, flags, mode)
        default: throw SystemError("openat2")
        }
    }
}

private func openByComponent(_ directory: Int32, _ path: UnsafePointer<CChar>, _ flags: Int32, _ mode: UInt32)
    throws(SystemError) -> Int32
{
    var parts = [UInt8](UnsafeRawBufferPointer(start: path, count: strlen(path)))
        .split(separator: UInt8(ascii: "/")).map { $0.map(CChar.init(bitPattern:)) + [0] }
    let last = parts.popLast() ?? [CChar(bitPattern: UInt8(ascii: ".")), 0]
    var current = directory
    defer { if current != directory { close(current) } }
    for part in parts {
        let next = try check("openat") { hw_openat(current, part, HW_O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0) }
        if current != directory { close(current) }
        current = next
    }
    return try check("openat") { hw_openat(current, last, flags | O_NOFOLLOW | O_CLOEXEC, mode) }
}

/// Reads until `buffer` is full or the end; returns the bytes read.
package func readFully(_ fd: Int32, into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
    var filled = 0
    while filled < buffer.count {
        let got = try checkSize("read") { read(fd, buffer.baseAddress! + filled, buffer.count - filled) }
        if got == 0 { break }
        filled += got
    }
    return filled
}

/// The same from `offset` on, wherever the descriptor stands.
package func readFully(_ fd: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(SystemError)
    -> Int
{
    var filled = 0
    while filled < buffer.count {
        let got = try checkSize("pread") {
            pread(fd, buffer.baseAddress! + filled, buffer.count - filled, off_t(offset) + filled)
        }
        if got == 0 { break }
        filled += got
    }
    return filled
}

/// Fills `buffer` with what stands at `offset`. EIO where the file ends before.
package func readExactly(_ fd: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64)
    throws(SystemError)
{
    if try readFully(fd, into: buffer, at: offset) < buffer.count { throw SystemError("pread", EIO) }
}

/// Writes all of `bytes`.
package func writeFully(_ fd: Int32, _ bytes: UnsafeRawBufferPointer) throws(SystemError) {
    var done = 0
    while done < bytes.count {
        done += try checkSize("write") { write(fd, bytes.baseAddress! + done, bytes.count - done) }
    }
}

package func writeFully(_ fd: Int32, _ bytes: [UInt8]) throws(SystemError) {
    var done = 0
    while done < bytes.count {
        done += try checkSize("write") { bytes.withUnsafeBytes { write(fd, $0.baseAddress! + done, $0.count - done) } }
    }
}

/// The whole of a small file at `path`, or of `name` beneath a directory descriptor; at most `bytesMax`, EFBIG beyond.
package func readFile(at directory: Int32 = Descriptor.workingDirectory, _ path: String, bytesMax: Int)
    throws(SystemError) -> [UInt8]
{
    let file = try Descriptor(at: directory, path, O_RDONLY | O_NONBLOCK)
    var content = [UInt8]()
    var chunk = [UInt8](repeating: 0, count: min(64 * 1024, bytesMax + 1))
    while true {
        let got = try checkSize("read") { chunk.withUnsafeMutableBytes { read(file.raw, $0.baseAddress!, $0.count) } }
        if got == 0 { return content }
        content.append(contentsOf: chunk[..<got])
        if content.count > bytesMax { throw SystemError("read", EFBIG) }
    }
}
