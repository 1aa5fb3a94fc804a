import CLinux
import Glibc

/// A run of a file's content that is not a hole: from `start` to before `end`.
package struct DataRun: Hashable, Sendable {
    package var start: UInt64
    package var end: UInt64
}

/// Whether an open file holds no data from `start` to before `end`; where the file system cannot tell, there is. Moves the descriptor's offset.
///
/// Asks for data alone: SEEK_HOLE goes through all the data that follows, on tmpfs page by page.
package func isHole(in descriptor: Int32, from start: UInt64, to end: UInt64) throws(SystemError) -> Bool {
    guard let data = try firstData(of: descriptor, from: start) else { return true }
    return data >= end
}

/// The first run of data at or behind `offset` of an open file of `size` bytes; nil where there is only a hole up to the end.
///
/// Where the file system cannot tell, all of it is data. Moves the descriptor's offset.
package func nextData(of descriptor: Int32, from offset: UInt64, size: UInt64) throws(SystemError) -> DataRun? {
    guard offset < size, let start = try firstData(of: descriptor, from: offset), start < size else { return nil }
    let end = lseek(descriptor, off_t(start), HW_SEEK_HOLE)
    return DataRun(start: start, end: end > off_t(start) ? min(UInt64(end), size) : size)
}

/// Where data begins at or behind `offset` (lseek(2), SEEK_DATA): nil beyond the last of it, `offset` where the file system cannot tell.
private func firstData(of descriptor: Int32, from offset: UInt64) throws(SystemError) -> UInt64? {
    let start = lseek(descriptor, off_t(offset), HW_SEEK_DATA)
    if start >= 0 { return UInt64(start) }
    switch errno {
    case ENXIO: return nil
    case EINVAL, EOPNOTSUPP: return offset
    default: throw SystemError("lseek")
    }
}
