import CLinux
import Glibc

/// A run of a file's content that is not a hole: from `start` to before `end`.
package struct DataRun: Hashable, Sendable {
    package var start: UInt64
    package var end: UInt64
}

/// Whether an open file holds no data from `start` to before `end` (lseek(2), SEEK_DATA alone: SEEK_HOLE goes through all the data that
/// follows, on tmpfs page by page). Where the file system cannot tell, there is data. Moves the descriptor's offset.
package func isHole(in descriptor: Int32, from start: UInt64, to end: UInt64) throws(SystemError) -> Bool {
    let data = lseek(descriptor, off_t(start), HW_SEEK_DATA)
    if data >= 0 { return UInt64(data) >= end }
    switch errno {
    case ENXIO: return true
    case EINVAL, EOPNOTSUPP: return false
    default: throw SystemError("lseek")
    }
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
