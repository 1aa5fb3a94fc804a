import Core
import Glibc
import Platform

/// Counts what a tree holds, until it is done or time is out. Writes nothing, not even access times where that can be helped.
///
/// Symlinks are counted and not followed, other file systems and `.headwater` left out. One descriptor per level is open.
struct TreeCount: ~Copyable {
    /// A directory that is being counted, and those in it that still are to be.
    private struct Level {
        let directory: Descriptor
        var below: [[CChar]]
    }

    private let deadline: UInt64
    private let device: UInt64
    private var size = TreeSize()
    private var levels: [Level] = []
    private var status = FileStatus()
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 16)

    deinit { buffer.deallocate() }

    /// - Parameter deadline: of the monotonic clock.
    /// - Returns: nil when the directory cannot be read at all.
    static func size(of directory: Descriptor, until deadline: UInt64) -> TreeSize? {
        guard let status = try? FileStatus(descriptor: directory.raw),
            let top = try? Descriptor(at: directory.raw, ".", O_RDONLY | O_DIRECTORY)
        else { return nil }
        var count = TreeCount(device: status.device, deadline: deadline)
        return count.run(top)
    }

    private init(device: UInt64, deadline: UInt64) { (self.device, self.deadline) = (device, deadline) }

    private mutating func run(_ top: Descriptor) -> TreeSize? {
        guard enter(top) else { return nil }
        while let level = levels.indices.last {
            guard let name = levels[level].below.popLast() else {
                levels.removeLast()
                continue
            }
            if MonotonicClock.now >= deadline {
                size.isComplete = false
                break
            }
            guard let next = open(name, in: levels[level].directory), enter(next) else {
                size.isComplete = false
                continue
            }
        }
        return size
    }

    /// Counts the entries of a directory and remembers those to go into.
    private mutating func enter(_ directory: Descriptor) -> Bool {
        var below: [[CChar]] = []
        do {
            try listDirectory(directory.raw, buffer: buffer) { name, count in
                if count == TreePath.reservedName.count, strcmp(name, ".headwater") == 0 { return }
                guard status.load(at: directory.raw, name), status.kind.isSynced else { return }
                size.entries += 1
                if status.kind == .file { size.bytes &+= status.size }
                guard status.kind == .directory, status.device == device else { return }
                size.directories += 1
                below.append(Array(UnsafeBufferPointer(start: name, count: count + 1)))
            }
        } catch { return false }
        levels.append(Level(directory: directory, below: below))
        return true
    }

    private func open(_ name: [CChar], in directory: Descriptor) -> Descriptor? {
        let flags = O_RDONLY | O_DIRECTORY
        let quiet = try? openWithin(directory.raw, name, flags | Descriptor.noAccessTime)
        return (quiet ?? (try? openWithin(directory.raw, name, flags))).map(Descriptor.init(owning:))
    }
}
