import Core
import Glibc
import Platform

/// One directory's names, read whole before any is looked at; its storage serves one directory after the other.
final class DirectoryListing {
    /// A name as it came from `getdents64`. `prefix` is its first eight bytes, big-endian, so that most comparisons are of one word.
    struct Name: BitwiseCopyable {
        var prefix: UInt64
        var start: Int
        var count: Int
    }

    private static let bufferBytes = 256 * 1024
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bufferBytes, alignment: 16)
    /// NUL after each name.
    private var bytes: [UInt8] = []
    private(set) var names: [Name] = []
    /// Whether an entry named `.headwater` was left out.
    private(set) var hasReserved = false
    /// Whether a name longer than a path of a tree may have was left out.
    private(set) var hasOverlong = false

    deinit { buffer.deallocate() }

    /// Lists `directory` (its offset at 0) and sorts the names bytewise. After an error `names` holds what came before it, sorted.
    func read(_ directory: Int32, nameBytesMax: Int) throws(SystemError) {
        bytes.removeAll(keepingCapacity: true)
        names.removeAll(keepingCapacity: true)
        (hasReserved, hasOverlong) = (false, false)
        var failure: SystemError?
        do {
            try listDirectory(directory, buffer: buffer) { name, count in
                add(UnsafeRawBufferPointer(start: name, count: count), nameBytesMax)
            }
        } catch {
            failure = error as? SystemError ?? SystemError("getdents64", EIO)
        }
        sort()
        if let failure { throw failure }
    }

    /// The NUL-terminated bytes of `names[index]`.
    func withName<Result, Failure: Error>(
        _ index: Int, _ body: (UnsafePointer<CChar>, UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let name = names[index]
        let result: Swift.Result<Result, Failure> = bytes.withUnsafeBytes { all in
            let start = all.baseAddress! + name.start
            do throws(Failure) {
                return .success(
                    try body(
                        start.assumingMemoryBound(to: CChar.self),
                        UnsafeRawBufferPointer(start: start, count: name.count)))
            } catch { return .failure(error) }
        }
        return try result.get()
    }

    private func add(_ name: UnsafeRawBufferPointer, _ nameBytesMax: Int) {
        if name.count > nameBytesMax {
            hasOverlong = true
            return
        }
        if name.count == TreePath.reservedName.count, name.elementsEqual(TreePath.reservedName) {
            hasReserved = true
            return
        }
        var prefix: UInt64 = 0
        withUnsafeMutableBytes(of: &prefix) { $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: name.prefix(8))) }
        names.append(Name(prefix: UInt64(bigEndian: prefix), start: bytes.count, count: name.count))
        bytes.append(contentsOf: name)
        bytes.append(0)
    }

    private func sort() {
        bytes.withUnsafeBytes { all in
            names.sort { a, b in
                if a.prefix != b.prefix { return a.prefix < b.prefix }
                let common = min(a.count, b.count)
                let order = memcmp(all.baseAddress! + a.start, all.baseAddress! + b.start, common)
                return order != 0 ? order < 0 : a.count < b.count
            }
        }
    }
}
