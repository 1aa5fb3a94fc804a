import CLinux
import Glibc

/// Makes the empty file `target` share all blocks of `source`, at once and in one step; EOPNOTSUPP, EXDEV or EINVAL where the file system cannot.
package func shareBlocks(of source: Int32, with target: Int32) throws(SystemError) {
    try check("ioctl") { hw_clone(source, target) }
}

/// Copies up to `count` bytes at the same offset of both files inside the kernel where it can; returns how many were copied, 0 at the end.
package func copyContent(from source: Int32, to target: Int32, at offset: UInt64, count: Int) throws(SystemError) -> Int
{
    do throws(SystemError) {
        return try checkSize("copy_file_range") {
            var (from, to) = (Int64(offset), Int64(offset))
            return hw_copy_file_range(source, &from, target, &to, count)
        }
    } catch {
        guard [EXDEV, EINVAL, ENOSYS, EOPNOTSUPP, EPERM].contains(error.errno) else { throw error }
        return try copyThroughMemory(from: source, to: target, at: offset, count: min(count, 1 << 20))
    }
}

private func copyThroughMemory(from source: Int32, to target: Int32, at offset: UInt64, count: Int) throws(SystemError)
    -> Int
{
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 4096)
    defer { buffer.deallocate() }
    let got = try checkSize("pread") { pread(source, buffer.baseAddress!, count, off_t(offset)) }
    var done = 0
    while done < got {
        done += try checkSize("pwrite") { pwrite(target, buffer.baseAddress! + done, got - done, off_t(offset) + done) }
    }
    return got
}
