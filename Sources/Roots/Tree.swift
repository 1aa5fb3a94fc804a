import Core
import Glibc
import Platform

/// Reaches the paths of one tree through directory descriptors only (invariant 7).
///
/// Each component is opened beneath the descriptor of the one above it, following no symlink and entering no other file system.
/// The descriptors along the current path stay open, so that paths in scan order cost one open per new directory and none per
/// further entry in it. A descriptor goes on naming its directory when somebody moves it: call `invalidate` where that matters.
///
///     levels:   a ── a/b ── a/b/c        (at most `levelsMax`; the last one slides down below that, so that a
///               └ fd  └ fd   └ fd         deeper path is walked again from the level above it)
///
/// One thread's own: not Sendable. Works to `TreePath.depthMax` and `TreePath.bytesMax`, far beyond PATH_MAX.
package final class TreeCursor {
    /// The most descriptors that one cursor holds open.
    package static let levelsMax = 64

    private struct Level {
        /// The length of the directory's path in `current`.
        let end: Int
        let descriptor: Int32
    }

    /// The root's own descriptor, borrowed.
    package let root: Int32
    private var current = [UInt8]()
    private var levels = [Level]()
    private let name = UnsafeMutablePointer<CChar>.allocate(capacity: TreePath.nameBytesMax + 1)

    /// - Parameter root: of the root directory, `O_PATH` suffices; must outlive the cursor.
    package init(root: Int32) {
        self.root = root
        levels.reserveCapacity(TreeCursor.levelsMax)
    }

    deinit {
        popLevels(beyond: 0)
        name.deallocate()
    }

    /// The descriptor (`O_PATH`) of the directory that holds `path`; the root's own for the root. Valid until the next call, not to
    /// be closed.
    ///
    /// ELOOP or ENOTDIR where a symlink or a file is in the way, EXDEV at a mount, ENOENT where a directory is missing.
    package func parent(of path: TreePath) throws(SystemError) -> Int32 {
        try descend(to: path.key, parentEnd(of: path.key))
    }

    /// Where `path` is: its directory and its last component, NUL-terminated (`.` for the root). Both valid until the next call.
    package func locate(_ path: TreePath) throws(SystemError) -> (directory: Int32, name: UnsafePointer<CChar>) {
        let key = path.key
        let end = parentEnd(of: key)
        let directory = try descend(to: key, end)
        if key.isEmpty {
            (name[0], name[1]) = (0x2E, 0)
        } else {
            setName(key, end == 0 ? 0 : end + 1, key.count)
        }
        return (directory, UnsafePointer(name))
    }

    /// Runs `body` with what `locate` gives.
    package func withName<Result>(
        _ path: TreePath, _ body: (Int32, UnsafePointer<CChar>) throws(SystemError) -> Result
    ) throws(SystemError) -> Result {
        let place = try locate(path)
        return try body(place.directory, place.name)
    }

    /// Opens what stands at `path`, never through a symlink (ELOOP) nor on another file system (EXDEV).
    ///
    /// - Parameter flags: of `open`; for a file of somebody else add `O_NONBLOCK`, since it may have become a fifo.
    /// - Returns: a raw descriptor that the caller owns.
    package func openFile(_ path: TreePath, _ flags: Int32) throws(SystemError) -> Int32 {
        let place = try locate(path)
        return try openWithin(place.directory, place.name, flags)
    }

    /// Forgets the descriptors of `path` and of all below it: after a directory there was removed, replaced or moved.
    package func invalidate(below path: TreePath) {
        guard path.key.count <= current.count, current.starts(with: path.key) else { return }
        popLevels(beyond: path.isRoot ? 0 : path.key.count - 1)
    }

    /// Forgets all descriptors: what is reached from now on is what stands there now.
    package func invalidate() { popLevels(beyond: 0) }

    // MARK: the walk

    private func parentEnd(of key: [UInt8]) -> Int { key.lastIndex(of: 0) ?? 0 }

    /// Opens what is missing on the way to the directory `key[..<end]`.
    private func descend(to key: [UInt8], _ end: Int) throws(SystemError) -> Int32 {
        if end != current.count || reached != end || sharedCount(key, end) != end {
            popLevels(beyond: sharedLevels(key, end))
            current.replaceSubrange(reached..., with: key[reached..<end])
            while reached < end { try openNext(key, end) }
        }
        return levels.last?.descriptor ?? root
    }

    /// How much of `current` is open.
    private var reached: Int { levels.last?.end ?? 0 }

    private func sharedCount(_ key: [UInt8], _ end: Int) -> Int {
        let most = min(end, current.count)
        var count = 0
        while count < most, key[count] == current[count] { count += 1 }
        return count
    }

    /// The length of the longest prefix of `key[..<end]` that ends with a component and may be open already.
    private func sharedLevels(_ key: [UInt8], _ end: Int) -> Int {
        var shared = sharedCount(key, end)
        func isBoundary(_ index: Int) -> Bool {
            (index == end || key[index] == 0) && (index == current.count || current[index] == 0)
        }
        while shared > 0, !isBoundary(shared) { shared -= 1 }
        return shared
    }

    private func openNext(_ key: [UInt8], _ end: Int) throws(SystemError) {
        let start = reached == 0 ? 0 : reached + 1
        let stop = key[start..<end].firstIndex(of: 0) ?? end
        setName(key, start, stop)
        let descriptor = try openWithin(levels.last?.descriptor ?? root, name, Descriptor.pathOnly | O_DIRECTORY)
        if levels.count == TreeCursor.levelsMax { close(levels.removeLast().descriptor) }
        levels.append(Level(end: stop, descriptor: descriptor))
    }

    private func setName(_ key: [UInt8], _ start: Int, _ stop: Int) {
        precondition(stop - start <= TreePath.nameBytesMax, "a path was not validated")
        for index in start..<stop { name[index - start] = CChar(bitPattern: key[index]) }
        name[stop - start] = 0
    }

    private func popLevels(beyond end: Int) {
        while let last = levels.last, last.end > end {
            close(last.descriptor)
            levels.removeLast()
        }
        if current.count > reached { current.removeSubrange(reached...) }
    }
}
