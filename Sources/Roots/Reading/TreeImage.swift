import Content
import Core
import Platform

/// A tree as one scan saw it, in scan order (`TreePath` key order: a directory right before what is below it). Immutable.
///
/// The root itself is no entry (`root` has its status), nor is `.headwater`. About 72 bytes and the name per entry. Targets of symlinks and
/// content are not in it. An entry that vanished during the scan is left out.
package final class TreeImage: @unchecked Sendable {
    // SAFETY: `order` and `storage` are written before `init` returns and never after.
    let storage: ImageStorage
    private let order: UnsafeMutableBufferPointer<UInt32>
    private let device: UInt64
    private let owners: [OwnerIDs]
    private let known = Monitor<Digest?>(nil)

    /// The root directory; `isIncomplete` when it could not be listed to its end.
    package let root: EntryStatus
    /// `MotonicClock` nanoseconds right before the first directory was listed.
    package let startedAt: UInt64
    /// What could not be read or must not be entered, in scan order, with the reason.
    package let problems: [(path: TreePath, error: SystemError)]
    /// Sockets, devices, fifos and nested directories named `.headwater`.
    package let untrackedCount: Int
    /// Entries right below the root, without untracked ones.
    package let topLevelCount: Int

    /// - Parameter found: what the scanning threads left behind; `storage` is complete.
    init(_ storage: ImageStorage, root: EntryStatus, children: Range<UInt32>, startedAt: UInt64, found: ScanFindings) {
        self.storage = storage
        self.root = root
        self.startedAt = startedAt
        device = root.identity.device
        owners = storage.ownerList
        order = TreeImage.order(storage, children, capacity: found.entryCount)
        problems = found.problems.map { (path: storage.path($0.location), error: $0.error) }
            .sorted { $0.path < $1.path }
        untrackedCount = found.untrackedCount
        topLevelCount = children.count {
            let record = storage.record($0).pointee
            return !record.isVanished && record.kind != .untracked
        }
    }

    /// An image made from another one: its records lie in scan order from `first` on.
    init(
        _ storage: ImageStorage, count: Int, first: UInt32, like old: TreeImage,
        problems: [(path: TreePath, error: SystemError)], untrackedCount: Int, topLevelCount: Int
    ) {
        self.storage = storage
        (root, startedAt, device) = (old.root, old.startedAt, old.device)
        owners = storage.ownerList
        (self.untrackedCount, self.topLevelCount) = (untrackedCount, topLevelCount)
        order = .allocate(capacity: count)
        for index in 0..<count { order[index] = first + UInt32(index) }
        self.problems = problems
    }

    /// A directory with nothing in it, which is not there.
    static func empty(like parent: FileStatus) -> TreeImage {
        let attributes = Attributes(kind: .directory, mode: 0o755, size: 0, mtime: .zero)
        return TreeImage(
            ImageStorage(), root: EntryStatus(attributes: attributes, identity: parent.identity), children: 0..<0,
            startedAt: MonotonicClock.now, found: ScanFindings())
    }

    deinit { order.deallocate() }

    package var count: Int { order.count }

    /// Of all names and of what `statx` said of their entries, but for the device and the owner, whose change shows in the ctime. Computed
    /// once; who asks meanwhile waits.
    package var digest: Digest {
        known.read { known in
            let digest = known ?? computedDigest()
            known = digest
            return digest
        }
    }

    private func computedDigest() -> Digest {
        var stream = DigestStream()
        var levels: [UInt32] = []
        for index in 0..<count {
            let location = order[index]
            let record = storage.record(location).pointee
            while let last = levels.last, last != record.parent { levels.removeLast() }
            // Names and depths in scan order make the tree.
            let facts = record.facts(depth: UInt32(levels.count))
            withUnsafeBytes(of: facts) { stream.update($0) }
            stream.update(storage.name(of: record))
            levels.append(location)
        }
        return stream.finish()
    }

    package func kind(at index: Int) -> EntryKind { record(index).kind }
    package func attributes(at index: Int) -> Attributes { record(index).attributes }
    package func identity(at index: Int) -> LocalIdentity { record(index).identity(device: device) }
    package func isIncomplete(at index: Int) -> Bool { record(index).isIncomplete }

    package func status(at index: Int) -> EntryStatus {
        let record = record(index)
        return EntryStatus(
            attributes: record.attributes, identity: record.identity(device: device), isIncomplete: record.isIncomplete,
            owner: owner(at: index), hasOtherNames: record.hasOtherNames)
    }

    package func hasOtherNames(at index: Int) -> Bool { record(index).hasOtherNames }

    package func owner(at index: Int) -> OwnerIDs { owner(ofLocation: order[index]) }

    func owner(ofLocation location: UInt32) -> OwnerIDs {
        let number = Int(storage.owner(location).pointee)
        // What could not be looked at has none.
        return number < owners.count ? owners[number] : OwnerIDs(user: 0, group: 0)
    }

    /// The key of one entry, in time proportional to its depth. To go through many in order, use `cursor`.
    package func key(at index: Int) -> [UInt8] { storage.key(order[index]) }

    /// The same without keeping it; the bytes are valid during the call.
    package func withKey<Result>(at index: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try key(at: index).withUnsafeBytes(body)
    }

    /// Where `path` stands, nil when it is not there (or is the root). Logarithmic in the size of the tree.
    package func index(of path: TreePath) -> Int? {
        let index = firstIndex(notBefore: path.key)
        return index < count && !path.isRoot && key(at: index) == path.key ? index : nil
    }

    /// The first entry whose key is not before `key`; `count` when there is none.
    package func firstIndex(notBefore key: [UInt8]) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if TreePath.compare(self.key(at: middle), key) < 0 { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// A cursor before the first entry. It must not outlive the image's last reference elsewhere: it keeps one itself.
    package func cursor() -> ImageCursor { ImageCursor(self) }

    @inline(__always)
    func location(_ index: Int) -> UInt32 { order[index] }

    @inline(__always)
    private func record(_ index: Int) -> ImageRecord { storage.record(order[index]).pointee }

    /// The locations of all entries in scan order: each directory's block is sorted already, children go right behind their parent.
    private static func order(_ storage: ImageStorage, _ top: Range<UInt32>, capacity: Int)
        -> UnsafeMutableBufferPointer<UInt32>
    {
        let order = UnsafeMutableBufferPointer<UInt32>.allocate(capacity: capacity)
        var count = 0
        var open = [top]
        while let block = open.popLast() {
            guard let location = block.first else { continue }
            open.append(block.dropFirst())
            let record = storage.record(location).pointee
            if record.isVanished { continue }
            order[count] = location
            count += 1
            if record.kind == .directory { open.append(record.children) }
        }
        return UnsafeMutableBufferPointer(rebasing: order[..<count])
    }
}

extension EntryStatus {
    /// As a scan would find what was looked at just now.
    package init(_ status: FileStatus) {
        self.init(
            attributes: status.attributes, identity: status.identity, owner: status.owner,
            hasOtherNames: status.kind == .file && status.links > 1)
    }
}
