import CLinux
import Glibc

/// A run of a file's content that is not a hole: from `start` to before `end`.
package struct DataRun: Hashable, Sendable {
    package var start: UInt64
    package var end: UInt64
}

/// The first run of data at or behind `offset` of an open file of `size` bytes (lseek(2), SEEK_DATA); nil where there is only a hole up to the end.
///
/// Where the file system cannot tell, all of it is data. Moves the descriptor's offset.
package func nextData(of descriptor: Int32, from offset: UInt64, size: UInt64) throws(SystemError) -> DataRun? {
    if offset >= size { return nil }
    let start = lseek(descriptor, off_t(offset), HW_SEEK_DATA)
    if start < 0 {
        if errno == ENXIO { return nil }
        if errno == EINVAL || errno == EOPNOTSUPP { return DataRun(start: offset, end: size) }
        throw SystemError("lseek")
    }
    if UInt64(start) >= size { return nil }
    let end = lseek(descriptor, start, HW_SEEK_HOLE)
    return DataRun(start: UInt64(start), end: end > start ? min(UInt64(end), size) : size)
}
