import Core
import Glibc
import Platform

/// How each kind of operation is performed. A thrown error concerns the path, unless it is one of the whole.
extension Applier {
    func perform(_ operation: Operation, _ index: Int, _ batch: inout Batch) throws(SystemError) -> Outcome {
        switch operation {
        case .putFile(let path, let file, let expected):
            let staged = Displacement.Staged(number: file.number, inode: file.inode)
            if let fault = file.fault { return .failed(fault) }
            return try put(staged, path, expected, index, &batch)
        case .putSymlink(let path, _, _, _, let expected):
            if let fault = batch.faults[index] { return .failed(fault) }
            guard let staged = batch.staged[index] else { return .failed(SystemError("symlinkat", EINVAL)) }
            return try put(staged, path, expected, index, &batch)
        case .makeDirectory(let path, let attributes, let dressing, let expected):
            return try makeDirectory(path, attributes, dressing, expected, index, &batch)
        case .setAttributes(let path, let attributes, let dressing, let expected):
            return try setAttributes(path, attributes, dressing, expected, index, &batch)
        case .link(let path, _, _, _, let expected):
            if let fault = batch.faults[index] { return .failed(fault) }
            guard let staged = batch.staged[index] else { return .changedMeanwhile }
            return try link(staged, path, expected, index, &batch)
        case .remove(let path, let expected):
            return try remove(path, expected, index, &batch)
        case .move(let from, let to, let expected):
            return try move(from, to, expected, batch.staged[index], &batch)
        case .exchange(let path, let other, let expected, let otherExpected):
            return try exchange(path, other, expected, otherExpected, batch.staged[index], &batch)
        }
    }

    /// Finds the path and notes its directory.
    func enter(_ path: TreePath, _ batch: inout Batch) throws(SystemError) -> Displacement.Place {
        guard !path.isRoot else { throw SystemError("renameat2", EBUSY) }
        let place = try cursor.locate(path)
        try batch.directories.touch(path.parent, place.directory)
        return Displacement.Place(path: path, directory: place.directory, name: place.name)
    }

    private func put(
        _ staged: Displacement.Staged, _ path: TreePath, _ expected: Expected, _ index: Int, _ batch: inout Batch
    ) throws(SystemError) -> Outcome {
        let place = try enter(path, &batch)
        let result = try publish(staged, place, expected)
        guard result == .done else { return result == .notEmpty ? .kept : .changedMeanwhile }
        batch.isPublished[index] = true
        if expected.isDirectory { forget(path, &batch) }
        return .done(EntryStatus(try FileStatus(at: place.directory, place.name)))
    }

    private func publish(_ staged: Displacement.Staged, _ place: Displacement.Place, _ expected: Expected)
        throws(SystemError) -> Displacement.Result
    {
        guard expected == .absent else { return try displacement.replace(staged, place, expected: expected) }
        displacement.onChecked?(place.path)
        return try displacement.publish(staged.number, place)
    }

    private func makeDirectory(
        _ path: TreePath, _ attributes: Attributes, _ dressing: Dressing, _ expected: Expected, _ index: Int,
        _ batch: inout Batch
    ) throws(SystemError) -> Outcome {
        let place = try enter(path, &batch)
        var standing = FileStatus()
        if !standing.load(at: place.directory, place.name) {
            guard errno == ENOENT else { throw SystemError("statx") }
            guard expected == .absent else { return .changedMeanwhile }
            displacement.onChecked?(path)
            if mkdirat(place.directory, place.name, 0o700) != 0, errno != EEXIST { throw SystemError("mkdirat") }
            standing = try FileStatus(at: place.directory, place.name)
        } else if standing.kind != .directory, expected != .absent, let staged = batch.staged[index] {
            let result = try displacement.replace(staged, place, expected: expected)
            guard result == .done else { return .changedMeanwhile }
            batch.isPublished[index] = true
            standing = try FileStatus(at: place.directory, place.name)
        }
        guard standing.kind == .directory else { return .changedMeanwhile }
        if standing.isMountRoot { throw SystemError("mkdirat", EXDEV) }
        batch.directories.want(path, attributes, dressing, standing, by: index)
        return .done(EntryStatus(standing))
    }

    private func setAttributes(
        _ path: TreePath, _ attributes: Attributes, _ dressing: Dressing, _ expected: Expected, _ index: Int,
        _ batch: inout Batch
    ) throws(SystemError) -> Outcome {
        let fd: Int32
        do throws(SystemError) {
            fd = try cursor.openFile(path, Descriptor.pathOnly)
        } catch  where error.errno == ENOENT { return .changedMeanwhile }
        defer { close(fd) }
        let status = try FileStatus(descriptor: fd)
        guard status.kind == attributes.kind, displacement.changes.isUntouched(status, expected) else {
            return .changedMeanwhile
        }
        if status.kind == .directory {
            batch.directories.want(path, attributes, dressing, status, by: index)
            return .done(EntryStatus(status))
        }
        batch.needsWholeSync = true
        try dressing.put(on: fd, attributes, status)
        let now = try FileStatus(descriptor: fd)
        if now.links > 1 { displacement.changes.note(now, before: status.ctime) }
        return .done(EntryStatus(now))
    }

    /// Gives the name to the file that is staged under another one. Where it has the name already, that one goes.
    private func link(
        _ staged: Displacement.Staged, _ path: TreePath, _ expected: Expected, _ index: Int, _ batch: inout Batch
    ) throws(SystemError) -> Outcome {
        let place = try enter(path, &batch)
        let other = try? Stage.withName(staged.number) { name throws(SystemError) in
            try FileStatus(at: stage.directory.raw, name)
        }
        var standing = FileStatus()
        let isSame = standing.load(at: place.directory, place.name) && standing.inode == staged.inode
        if isSame {
            stage.remove(staged.number, ifInode: staged.inode)
        } else {
            let result = try publish(staged, place, expected)
            guard result == .done else { return result == .notEmpty ? .kept : .changedMeanwhile }
            if expected.isDirectory { forget(path, &batch) }
        }
        batch.isPublished[index] = true
        let status = try FileStatus(at: place.directory, place.name)
        guard status.inode == staged.inode else { return .changedMeanwhile }
        displacement.changes.note(status, before: other?.ctime ?? status.ctime)
        return .done(EntryStatus(status))
    }

    /// What an entry is known by that this session alone has changed since; nil where that is not so.
    package func renewed(_ identity: LocalIdentity) -> LocalIdentity? { displacement.changes.renewed(identity) }

    private func remove(_ path: TreePath, _ expected: Expected, _ index: Int, _ batch: inout Batch)
        throws(SystemError) -> Outcome
    {
        guard let parking = batch.staged[index] else { return .changedMeanwhile }
        let place: Displacement.Place
        do throws(SystemError) {
            place = try enter(path, &batch)
        } catch  where error.errno == ENOENT {
            return .removed
        } catch  where expected == .absent && (error.errno == ENOTDIR || error.errno == ELOOP) {
            // What led there is a file or a symlink by now: below it is nothing.
            return .removed
        }
        switch try displacement.remove(place, expected: expected, by: parking.number) {
        case .done:
            if expected.isDirectory { forget(path, &batch) }
            return .removed
        case .missing: return .removed
        case .notEmpty: return .kept
        case .changed: return .changedMeanwhile
        }
    }

    /// A directory is no more: neither its attributes nor descriptors of it are of use.
    private func forget(_ path: TreePath, _ batch: inout Batch) {
        batch.directories.forget(path)
        cursor.invalidate(below: path)
    }
}

extension Dressing {
    /// Sets what differs from `status`. A change of owner takes setuid and setgid away, so the mode comes after it.
    func put(on fd: Int32, _ attributes: Attributes, _ status: FileStatus) throws(SystemError) {
        let (newUser, newGroup) = (status.userID == user ? nil : user, status.groupID == group ? nil : group)
        try setOwner(descriptor: fd, user: newUser, group: newGroup)
        var status = status
        if self.attributes != nil || lists != nil {
            try putExtended(on: fd, attributes, status)
            status = try FileStatus(descriptor: fd)
        }
        let mode = mode(of: attributes)
        let isOther = status.permissions != mode || (mode & 0o6000 != 0 && (newUser ?? newGroup) != nil)
        if setsMode, status.kind != .symlink, isOther { try setPermissions(descriptor: fd, mode) }
        if setsTime, status.mtime != attributes.mtime { try setModificationTime(descriptor: fd, attributes.mtime) }
    }
}
