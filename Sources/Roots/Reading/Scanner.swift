import Core
import Platform

/// Scans a whole tree: `getdents64` and `statx` on directory descriptors, never on paths; nothing is allocated per file.
///
/// The scan is raw: no filter, no symlink followed, no other file system entered, `.headwater` left out at every level. A tree that changes
/// meanwhile is a tree seen at several moments; every entry is what stood at its path at one of them.
package struct Scanner: Sendable {
    /// Directories that must be waiting before another thread starts.
    private static let pendingPerThread = 8

    /// Threads that list at most, at least 1; the caller's is one of them.
    package var threadsMax = 2

    package init() {}

    /// Scans the tree of an open directory. Blocks; ENOMEM-like `SystemError`s only, everything else is in the image's problems.
    ///
    /// - Parameter root: opened `O_RDONLY` or `O_PATH`; its offset is not used.
    /// - Throws: when the root itself cannot be looked at; EOVERFLOW beyond 2³² entries or 4 GiB of names.
    package func scan(_ root: Descriptor) throws(SystemError) -> TreeImage {
        let startedAt = MonotonicClock.now
        let status = try FileStatus(descriptor: root.raw)
        let storage = ImageStorage()
        let queue = ScanQueue(PendingDirectory(location: ImageRecord.noParent, parent: nil, depth: 0, keyCount: 0))
        var crew: [WorkerThread<ScanFindings>] = []
        var findings = DirectoryScan.run(storage, queue, root, status.device) { pendingCount in
            if crew.count + 1 < threadsMax, pendingCount >= Scanner.pendingPerThread * (crew.count + 1) {
                crew.append(WorkerThread("scan") { DirectoryScan.run(storage, queue, root, status.device) { _ in } })
            }
        }
        for thread in crew {
            // A thread that could not be started has found nothing; the others did its work.
            if let more = try? thread.join() { findings.add(more) }
        }
        if let failure = queue.failure { throw failure }
        let rootStatus = EntryStatus(
            attributes: status.attributes, identity: status.identity, isIncomplete: findings.isRootIncomplete,
            owner: status.owner)
        return TreeImage(
            storage, root: rootStatus, children: findings.rootChildren, startedAt: startedAt, found: findings)
    }
}

/// What one thread of a scan found beside the records.
struct ScanFindings: Sendable {
    var problems: [(location: UInt32, error: SystemError)] = []
    var entryCount = 0
    var untrackedCount = 0
    var rootChildren: Range<UInt32> = 0..<0
    var isRootIncomplete = false

    mutating func add(_ other: ScanFindings) {
        problems += other.problems
        entryCount += other.entryCount
        untrackedCount += other.untrackedCount
        if !other.rootChildren.isEmpty { rootChildren = other.rootChildren }
        isRootIncomplete = isRootIncomplete || other.isRootIncomplete
    }
}
