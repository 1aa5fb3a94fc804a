import Core
import Glibc
import Platform

/// What `Applier` knows of a batch while it applies it.
struct Batch {
    private let operations: [Operation]
    private let stage: Stage
    /// The numbers of the staged files, whose content must be durable before the first is published.
    private(set) var files = [UInt64]()
    /// Their bytes.
    private(set) var bytes: UInt64 = 0
    /// What stands in the stage for an operation: a symlink or a directory made here, or the name that a removed entry is parked under.
    private(set) var staged = [Int: Displacement.Staged]()
    var outcomes: [Outcome]
    var isPublished: [Bool]
    /// Why a staged symlink could not get its extended attributes.
    private(set) var faults = [Int: SystemError]()
    var directories: TouchedDirectories
    /// Attributes of inodes were changed that are made durable only with the whole file system.
    var needsWholeSync = false

    /// - Parameters:
    ///   - keepsTimes: a directory has the time that it had, whatever is changed in it.
    ///   - changes: notes what becomes of the directories.
    init(_ operations: [Operation], _ stage: Stage, keepsTimes: Bool, changes: LinkChanges? = nil) {
        self.operations = operations
        directories = TouchedDirectories(keepsTimes: keepsTimes, changes: changes)
        self.stage = stage
        outcomes = Array(repeating: .changedMeanwhile, count: operations.count)
        isPublished = Array(repeating: false, count: operations.count)
        for case .putFile(_, let file, _) in operations {
            files.append(file.number)
            bytes += file.attributes.size
        }
    }

    /// Makes symlinks, and the directories that take the place of something else, in the stage.
    ///
    /// - Parameters:
    ///   - cursor: for the files that get another name.
    ///   - changes: notes what that does to them.
    mutating func stageEntries(_ cursor: TreeCursor, _ changes: LinkChanges) throws(HeadwaterError) {
        for index in operations.indices {
            do throws(SystemError) {
                switch operations[index] {
                case .putSymlink(_, let target, let attributes, let dressing, _):
                    do throws(SystemError) {
                        staged[index] = try stageSymlink(target, attributes, dressing)
                        faults[index] = staged[index].flatMap { dressExtended($0, attributes, dressing) }
                    } catch {
                        guard Batch.isOfLink(error) else { throw error }
                        faults[index] = error
                    }
                case .link(let path, let to, let inode, let attributes, _):
                    do throws(SystemError) {
                        staged[index] = try stageLink(cursor, path, to, inode, attributes, changes)
                    } catch {
                        if !error.isMissing { faults[index] = error }
                    }
                case .makeDirectory(_, _, _, let expected) where expected != .absent && !expected.isDirectory:
                    staged[index] = try stageDirectory()
                case .remove, .exchange:
                    staged[index] = Displacement.Staged(number: stage.nextNumber(), inode: 0)
                case .move(let from, let to, _) where RenamePlaces.isAnotherCase(from, to):
                    staged[index] = Displacement.Staged(number: stage.nextNumber(), inode: 0)
                default: break
                }
            } catch { throw stage.error(error, needed: 4096) }
        }
    }

    /// Whether the file system cannot hold this link (XFS none of more than 1 024 bytes, FAT none at all), while others may go on.
    private static func isOfLink(_ error: SystemError) -> Bool {
        error.call == "symlinkat" && [ENAMETOOLONG, EPERM, EOPNOTSUPP].contains(error.errno)
    }

    private func stageSymlink(_ target: [UInt8], _ attributes: Attributes, _ dressing: Dressing)
        throws(SystemError) -> Displacement.Staged?
    {
        guard (1...4095).contains(target.count), !target.contains(0) else { return nil }
        let own = stage.directory.raw
        let number = stage.nextNumber()
        let text = target.map { CChar(bitPattern: $0) } + [0]
        return try Stage.withName(number) { name throws(SystemError) in
            try check("symlinkat") { symlinkat(text, own, name) }
            try setOwner(own, name, user: dressing.user, group: dressing.group)
            if dressing.setsTime {
                let time = attributes.mtime
                try setModificationTime(own, name, seconds: time.seconds, nanoseconds: time.nanoseconds)
            }
            return Displacement.Staged(number: number, inode: try FileStatus(at: own, name).inode)
        }
    }

    /// Nil where the file is not what it was.
    private func stageLink(
        _ cursor: TreeCursor, _ path: TreePath, _ to: TreePath, _ inode: LocalIdentity?, _ attributes: Attributes,
        _ changes: LinkChanges
    ) throws(SystemError) -> Displacement.Staged? {
        let now = try? cursor.withName(path) { directory, name throws(SystemError) in
            try FileStatus(at: directory, name)
        }
        let place = try cursor.locate(to)
        let standing = try FileStatus(at: place.directory, place.name)
        guard standing.kind == .file, standing.size == attributes.size,
            inode.map({ $0.inode == standing.inode && $0.mtime == standing.mtime }) ?? true
        else { return nil }
        let (own, number) = (stage.directory.raw, stage.nextNumber())
        // It has the name already.
        if now?.inode == standing.inode { return Displacement.Staged(number: number, inode: standing.inode) }
        return try Stage.withName(number) { name throws(SystemError) in
            try check("linkat") { linkat(place.directory, place.name, own, name, 0) }
            let status = try FileStatus(at: own, name)
            guard status.inode == standing.inode, status.mtime == standing.mtime else {
                stage.remove(number)
                return nil
            }
            changes.note(status, before: standing.ctime)
            return Displacement.Staged(number: number, inode: status.inode)
        }
    }

    /// Why it cannot have them.
    private func dressExtended(_ link: Displacement.Staged, _ attributes: Attributes, _ dressing: Dressing)
        -> SystemError?
    {
        guard dressing.attributes != nil else { return nil }
        do throws(SystemError) {
            try Stage.withName(link.number) { name throws(SystemError) in
                let opened = try Descriptor(at: stage.directory.raw, name, Descriptor.pathOnly | O_NOFOLLOW)
                try dressing.putExtended(on: opened.raw, attributes, try FileStatus(descriptor: opened.raw))
            }
            return nil
        } catch { return error }
    }

    private func stageDirectory() throws(SystemError) -> Displacement.Staged {
        let number = stage.nextNumber()
        return try Stage.withName(number) { name throws(SystemError) in
            try check("mkdirat") { mkdirat(stage.directory.raw, name, 0o700) }
            return Displacement.Staged(number: number, inode: try FileStatus(at: stage.directory.raw, name).inode)
        }
    }

    /// Writes down what the batch is going to displace; false where it displaces nothing.
    func writeIntent() throws(HeadwaterError) -> Bool {
        var intent = Intent()
        for (index, operation) in operations.enumerated() {
            guard operation.expected != .absent, let ours = ours(operation, index) else { continue }
            intent.entries.append(entry(operation, ours))
        }
        if intent.entries.isEmpty { return false }
        do throws(SystemError) {
            try intent.write(to: stage.intent.raw)
        } catch { throw stage.error(error, needed: UInt64(intent.entries.count) * 256) }
        return true
    }

    private func entry(_ operation: Operation, _ ours: Displacement.Staged) -> Intent.Entry {
        var entry = Intent.Entry(
            number: ours.number, ownInode: ours.inode, isRemoval: false, expected: operation.expected,
            path: operation.path)
        switch operation {
        case .move(let from, let to, _): (entry.path, entry.other) = (from, to)
        case .exchange(_, let other, _, _): entry.other = other
        case .remove: entry.isRemoval = true
        default: break
        }
        if entry.other == nil {
            entry.isKept = stage.fate(at: operation.path) != .unlinked && !operation.expected.isDirectory
        }
        return entry
    }

    private func ours(_ operation: Operation, _ index: Int) -> Displacement.Staged? {
        if case .putFile(_, let file, _) = operation {
            return Displacement.Staged(number: file.number, inode: file.inode)
        }
        return staged[index]
    }

    /// Removes from the stage what was not published.
    func discardUnpublished() {
        for (index, operation) in operations.enumerated() where !isPublished[index] {
            switch operation {
            case .remove, .move, .exchange: continue
            default: break
            }
            if let ours = ours(operation, index) { stage.remove(ours.number, ifInode: ours.inode) }
        }
    }
}
