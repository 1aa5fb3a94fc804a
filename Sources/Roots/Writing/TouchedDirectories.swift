import Core
import Glibc
import Platform

/// The directories whose entries a batch changes: their mode and time as they are to be when the batch ends.
///
/// Publishing a child must not change its directory's time, and a directory that its owner may not write is opened for the batch
/// only. Everything goes through descriptors, and is set only where the very inode still stands that was seen first.
struct TouchedDirectories {
    fileprivate struct Wanted {
        var device: UInt64
        var inode: UInt64
        /// When it was first touched.
        var ctime: Timestamp
        /// Nil where the mode is not ours to set.
        var mode: UInt16?
        /// Nil where times are not kept.
        var mtime: Timestamp?
        /// Nil where it is not ours to set.
        var user: UInt32?
        var group: UInt32?
        /// Nil where they stay.
        var attributes: ExtendedAttributes?
        var lists: AccessLists?
        /// The operation that asked for these attributes; nil where the old ones are restored.
        var operation: Int?
    }

    private var wanted = [TreePath: Wanted]()
    private var last: TreePath?
    private let keepsTimes: Bool
    /// Nil where nobody asks what was done to them.
    private let changes: LinkChanges?

    init(keepsTimes: Bool, changes: LinkChanges? = nil) { (self.keepsTimes, self.changes) = (keepsTimes, changes) }

    private func before(_ status: FileStatus) -> Wanted {
        Wanted(device: status.device, inode: status.inode, ctime: status.ctime, mtime: keepsTimes ? status.mtime : nil)
    }

    /// Notes how the directory at `path`, open as `descriptor`, was before the batch changes an entry in it.
    mutating func touch(_ path: TreePath, _ descriptor: Int32) throws(SystemError) {
        if last == path { return }
        last = path
        if wanted[path] == nil { wanted[path] = before(try FileStatus(descriptor: descriptor)) }
    }

    /// Asks for `attributes` at the end of the batch, for a directory that stands as `status` says.
    mutating func want(
        _ path: TreePath, _ attributes: Attributes, _ dressing: Dressing, _ status: FileStatus, by operation: Int
    ) {
        // A mode that is not asked for may be one to give back.
        wanted[path] = Wanted(
            device: status.device, inode: status.inode, ctime: wanted[path]?.ctime ?? status.ctime,
            mode: dressing.setsMode ? dressing.mode(of: attributes) : wanted[path]?.mode,
            mtime: dressing.setsTime ? attributes.mtime : nil, user: dressing.user, group: dressing.group,
            attributes: dressing.attributes, lists: dressing.lists, operation: operation)
    }

    /// What is to become of directories at and below `from` is that of those at `to` now, and the reverse where the two changed places.
    mutating func rename(_ from: TreePath, _ to: TreePath) {
        last = nil
        var renamed = [TreePath: Wanted]()
        for (path, wish) in wanted where from.contains(path) || to.contains(path) {
            let (old, new) = from.contains(path) ? (from, to) : (to, from)
            renamed[path.moved(from: old, to: new)] = wish
            wanted[path] = nil
        }
        wanted.merge(renamed) { $1 }
    }

    mutating func forget(_ path: TreePath) {
        wanted[path] = nil
        last = nil
    }

    /// Gives the owner, when that is us, what is missing to change entries in `path` and in what leads to it. False: nothing helped.
    mutating func open(_ path: TreePath, _ cursor: TreeCursor) -> Bool {
        var changed = false
        var prefixes = [path]
        while let first = prefixes.last, !first.isRoot { prefixes.append(first.parent) }
        for prefix in prefixes.reversed() {
            guard let fd = try? cursor.openFile(prefix, Descriptor.pathOnly | O_DIRECTORY) else { return changed }
            defer { close(fd) }
            guard let status = try? FileStatus(descriptor: fd), status.userID == geteuid(),
                status.permissions & 0o700 != 0o700
            else { continue }
            if wanted[prefix] == nil { wanted[prefix] = before(status) }
            if wanted[prefix]?.mode == nil { wanted[prefix]?.mode = status.permissions }
            if (try? setPermissions(descriptor: fd, status.permissions | 0o700)) != nil { changed = true }
        }
        return changed
    }

    /// What `finish` did with one directory that an operation had asked for.
    enum Settled {
        case set(EntryStatus)
        case changedMeanwhile
        case failed(SystemError)
    }

    /// Sets modes and times, the deepest first, so that a directory closes after all below it; fsyncs each where `syncEach`.
    ///
    /// - Returns: what became of the directories asked for, by operation, and whether one could not be opened to be fsynced.
    func finish(_ cursor: TreeCursor, syncEach: Bool) throws(HeadwaterError) -> (
        settled: [Int: Settled], unsynced: Bool
    ) {
        var settled = [Int: Settled]()
        var unsynced = false
        for (path, wish) in wanted.sorted(by: { $0.key > $1.key }) {
            var result = Settled.changedMeanwhile
            do throws(SystemError) {
                let fd = try cursor.openFile(path, Descriptor.pathOnly | O_DIRECTORY)
                defer { close(fd) }
                if let status = try wish.settle(fd) {
                    result = .set(status)
                    changes?.note(status.identity.inode, status.identity.ctime, before: wish.ctime)
                }
            } catch { result = .failed(error) }
            if let operation = wish.operation { settled[operation] = result }
            if syncEach, case .set = result { try sync(path, cursor, &unsynced) }
        }
        return (settled, unsynced)
    }

    private func sync(_ path: TreePath, _ cursor: TreeCursor, _ unsynced: inout Bool) throws(HeadwaterError) {
        guard let fd = try? cursor.openFile(path, O_RDONLY | O_DIRECTORY) else {
            unsynced = true
            return
        }
        defer { close(fd) }
        do throws(SystemError) {
            try check("fsync") { fsync(fd) }
        } catch { throw Durability.failure(error, fd) }
    }
}

extension TouchedDirectories.Wanted {
    /// Sets what differs; nil where another directory stands there by now.
    fileprivate func settle(_ fd: Int32) throws(SystemError) -> EntryStatus? {
        let status = try FileStatus(descriptor: fd)
        guard status.device == device, status.inode == inode else { return nil }
        var dressing = Dressing()
        (dressing.setsMode, dressing.setsTime, dressing.specialBits) = (mode != nil, mtime != nil, 0o6000)
        (dressing.user, dressing.group, dressing.attributes, dressing.lists) = (user, group, self.attributes, lists)
        let attributes = Attributes(kind: .directory, mode: mode ?? 0, size: 0, mtime: mtime ?? .zero)
        do throws(SystemError) { try dressing.put(on: fd, attributes, status) } catch
            where operation == nil && error.errno == EPERM
        {}
        return EntryStatus(try FileStatus(descriptor: fd))
    }
}
