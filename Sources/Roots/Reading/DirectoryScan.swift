import Core
import Glibc
import Platform

/// One thread of a scan: takes directories from the queue, lists them, looks at every name, hands the directories among them on.
struct DirectoryScan: ~Copyable {
    private static let openFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK

    private let storage: ImageStorage
    private let queue: ScanQueue
    private let root: Descriptor
    private let device: UInt64
    /// For directories whose parent is not kept open.
    private let cursor: TreeCursor
    private var writer: ImageWriter
    private let listing = DirectoryListing()
    private var status = FileStatus()
    private var found: [PendingDirectory] = []
    private var findings = ScanFindings()

    private init(_ storage: ImageStorage, _ queue: ScanQueue, _ root: Descriptor, _ device: UInt64) {
        (self.storage, self.queue, self.root, self.device) = (storage, queue, root, device)
        cursor = TreeCursor(root: root.raw)
        writer = ImageWriter(storage)
    }

    /// Works until the tree is done.
    ///
    /// - Parameter progress: called after each directory with the number of directories that wait.
    static func run(
        _ storage: ImageStorage, _ queue: ScanQueue, _ root: Descriptor, _ device: UInt64, progress: (Int) -> Void
    ) -> ScanFindings {
        var scan = DirectoryScan(storage, queue, root, device)
        while let next = queue.take() {
            do throws(SystemError) {
                scan.found.removeAll(keepingCapacity: true)
                try scan.scan(next)
                progress(queue.finish(adding: scan.found))
            } catch {
                queue.fail(error)
            }
        }
        return scan.findings
    }

    /// Lists one directory. Throws only what ends the whole scan.
    private mutating func scan(_ directory: PendingDirectory) throws(SystemError) {
        guard let opened = open(directory) else { return }
        do throws(SystemError) {
            let room = TreePath.bytesMax - directory.keyCount - 1
            try listing.read(opened.raw, nameBytesMax: min(TreePath.nameBytesMax, room))
        } catch {
            markIncomplete(directory.location, error)
        }
        if listing.hasOverlong { markIncomplete(directory.location, SystemError("scan", ENAMETOOLONG)) }
        if listing.hasReserved && directory.location != ImageRecord.noParent { findings.untrackedCount += 1 }
        try look(at: directory, opened)
    }

    /// Looks at every name of `listing`, in a block of its own.
    private mutating func look(at directory: PendingDirectory, _ opened: Descriptor) throws(SystemError) {
        let block = try writer.block(listing.names.count)
        findings.entryCount += block.count
        var shared: OpenDirectory?
        for (index, location) in block.enumerated() {
            let record = try listing.withName(index) { name, bytes throws(SystemError) in
                var record = ImageRecord(
                    name: try writer.add(name: bytes), nameCount: bytes.count, parent: directory.location)
                look(at: name, in: opened.raw, &record, location)
                return record
            }
            storage.record(location).initialize(to: record)
            guard record.kind == .directory, !record.isIncomplete, !record.isVanished else { continue }
            if shared == nil, queue.openCount.now.load(ordering: .relaxed) < OpenDirectory.countMax {
                shared = OpenDirectory(opened, queue.openCount)
            }
            found.append(
                PendingDirectory(
                    location: location, parent: shared, depth: directory.depth + 1,
                    keyCount: (directory.depth == 0 ? 0 : directory.keyCount + 1) + record.nameCount))
        }
        if directory.location == ImageRecord.noParent {
            findings.rootChildren = block
        } else {
            storage.record(directory.location).pointee.children = block
        }
    }

    private mutating func look(
        at name: UnsafePointer<CChar>, in directory: Int32, _ record: inout ImageRecord, _ location: UInt32
    ) {
        if status.load(at: directory, name) {
            classify(&record, location)
        } else if errno == ENOENT {
            record.isVanished = true
        } else {
            record.markProblem()
            findings.problems.append((location, SystemError("statx")))
        }
    }

    /// Sets a record from `status`.
    private mutating func classify(_ record: inout ImageRecord, _ location: UInt32) {
        record.set(status)
        writer.set(owner: status.owner, at: location)
        if status.device != device || status.isMountRoot {
            record.markForeign()
            findings.problems.append((location, SystemError("scan", EXDEV)))
        } else if record.kind == .untracked {
            findings.untrackedCount += 1
        }
    }

    private mutating func markIncomplete(_ location: UInt32, _ error: SystemError) {
        findings.problems.append((location, error))
        if location == ImageRecord.noParent {
            findings.isRootIncomplete = true
        } else {
            storage.record(location).pointee.isIncomplete = true
        }
    }

    /// Opens a directory for listing and makes sure that it is still the one that its record describes, or describes what is there now.
    private mutating func open(_ directory: PendingDirectory) -> Descriptor? {
        if directory.depth >= TreePath.depthMax || directory.keyCount + 2 > TreePath.bytesMax {
            markIncomplete(directory.location, SystemError("scan", ENAMETOOLONG))
            return nil
        }
        do throws(SystemError) {
            let opened = Descriptor(owning: try openRaw(directory))
            if directory.location == ImageRecord.noParent { return opened }
            status = try FileStatus(descriptor: opened.raw)
            let record = storage.record(directory.location)
            classify(&record.pointee, directory.location)
            return record.pointee.kind == .directory ? opened : nil
        } catch {
            return reconsider(directory, error)
        }
    }

    private func openRaw(_ directory: PendingDirectory) throws(SystemError) -> Int32 {
        if directory.location == ImageRecord.noParent {
            return try check("openat") { openat(root.raw, ".", DirectoryScan.openFlags | O_CLOEXEC) }
        }
        guard let parent = directory.parent else {
            return try cursor.openFile(storage.path(directory.location), DirectoryScan.openFlags)
        }
        return try openWithin(parent.raw, storage.cName(directory.location), DirectoryScan.openFlags)
    }

    /// A directory that was there a moment ago cannot be opened: it vanished, became something else, or must not be read.
    private mutating func reconsider(_ directory: PendingDirectory, _ error: SystemError) -> Descriptor? {
        let record = storage.record(directory.location)
        switch error.errno {
        case ENOENT:
            record.pointee.isVanished = true
        case ENOTDIR, ELOOP:
            relook(directory)
        default:
            markIncomplete(directory.location, error)
        }
        return nil
    }

    /// Looks again at a name that was a directory. One that is a directory again by now was too quick for this scan: incomplete.
    private mutating func relook(_ directory: PendingDirectory) {
        let record = storage.record(directory.location)
        guard let parent = directory.parent else {
            // Some component of the way may have changed, not this one: nothing is known.
            return markIncomplete(directory.location, SystemError("scan", EAGAIN))
        }
        let name = storage.cName(directory.location)
        look(at: name, in: parent.raw, &record.pointee, directory.location)
        if record.pointee.kind == .directory, !record.pointee.isVanished {
            markIncomplete(directory.location, SystemError("scan", EAGAIN))
        }
    }
}
