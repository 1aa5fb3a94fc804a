import Core
import Glibc
import Platform

/// What this process has put at a path, or that it has removed what stood there.
package struct Published: Sendable {
    package var path: TreePath
    /// As a scan would find it; nil where nothing is left.
    package var status: EntryStatus?

    package init(path: TreePath, status: EntryStatus?) {
        self.path = path
        self.status = status
    }
}

extension TreeImage {
    /// This image with what was published since it began; nil where the two do not fit together, so that only a scan can tell.
    ///
    /// A merge of two sorted sequences: takes time and memory proportional to the image.
    /// - Parameter problems: of the new image; nil: this one's.
    func folding(_ published: [Published], problems: [(path: TreePath, error: SystemError)]? = nil) -> TreeImage? {
        var last: [TreePath: EntryStatus?] = [:]
        for entry in published { last[entry.path] = .some(entry.status) }
        let changes = last.map { (path: $0.key, status: $0.value) }.sorted { $0.path < $1.path }
        guard var fold = try? ImageFold(self, roomFor: changes.count) else { return nil }
        do throws(SystemError) {
            var next = 0
            var old = cursor()
            var hasOld = old.next()
            while hasOld || next < changes.count {
                let order = ImageFold.compare(hasOld ? old.key : nil, next < changes.count ? changes[next].path : nil)
                if order < 0 {
                    try fold.keep(old.key, at: location(old.index))
                } else {
                    // What could not be listed before may be by now: it would look as if nothing were in it.
                    if order == 0, old.status.isIncomplete { return nil }
                    try fold.take(changes[next].path, changes[next].status, instead: order == 0 ? old.kind : nil)
                    next += 1
                }
                if order <= 0 { hasOld = old.next() }
            }
            return fold.finish(problems: problems ?? self.problems)
        } catch { return nil }
    }
}

/// An image in the making: entries come in scan order, each with its parent before it.
struct ImageFold: ~Copyable {
    private let old: TreeImage
    private let storage = ImageStorage()
    private var writer: ImageWriter
    private let room: Range<UInt32>
    private var count = 0
    private var untrackedCount: Int
    private var topLevelCount = 0
    /// Key of the entry last written, and the directories in it.
    private var current: [UInt8] = []
    private var above: [(location: UInt32, keyCount: Int)] = []
    /// What is below this path is gone.
    private var gone: [UInt8]?

    init(_ old: TreeImage, roomFor changesCount: Int) throws(SystemError) {
        self.old = old
        writer = ImageWriter(storage)
        room = try writer.block(old.count + changesCount)
        untrackedCount = old.untrackedCount
    }

    /// Below 0 when the image's entry is first, 0 for one path.
    static func compare(_ key: UnsafeRawBufferPointer?, _ path: TreePath?) -> Int {
        guard let key else { return 1 }
        guard let path else { return -1 }
        return TreePath.compare(Array(key), path.key)
    }

    /// An entry that nobody touched, unless what it lay in is gone.
    mutating func keep(_ key: UnsafeRawBufferPointer, at location: UInt32) throws(SystemError) {
        let record = old.storage.record(location).pointee
        let owner = old.owner(ofLocation: location)
        if isGone(key) {
            if record.kind == .untracked { untrackedCount -= 1 }
            return
        }
        try write(Array(key), owner) { name, count, parent in
            ImageRecord(record, name: name, nameCount: count, parent: parent)
        }
    }

    mutating func take(_ path: TreePath, _ status: EntryStatus?, instead kind: EntryKind?) throws(SystemError) {
        if kind == .untracked { untrackedCount -= 1 }
        if status?.attributes.kind != .directory, !path.key.withUnsafeBytes({ isGone($0) }) { gone = path.key }
        guard let status else { return }
        if status.attributes.kind == .untracked { untrackedCount += 1 }
        try write(path.key, status.owner) { name, count, parent in
            var record = ImageRecord(name: name, nameCount: count, parent: parent)
            record.set(status)
            record.isIncomplete = status.isIncomplete
            return record
        }
    }

    consuming func finish(problems: [(path: TreePath, error: SystemError)]) -> TreeImage {
        TreeImage(
            storage, count: count, first: room.lowerBound, like: old, problems: problems,
            untrackedCount: untrackedCount, topLevelCount: topLevelCount)
    }

    private func isGone(_ key: UnsafeRawBufferPointer) -> Bool {
        guard let gone, key.count > gone.count, key[gone.count] == 0 else { return false }
        return key.prefix(gone.count).elementsEqual(gone)
    }

    private mutating func write(
        _ key: [UInt8], _ owner: OwnerIDs, _ record: (UInt32, Int, UInt32) -> ImageRecord
    ) throws(SystemError) {
        while let parent = above.last, !isBelow(parent.keyCount, key) { above.removeLast() }
        let start = above.last.map { $0.keyCount + 1 } ?? 0
        let name = key[start...]
        // A parent that is not there: the tree was changed by somebody else meanwhile.
        if name.contains(0) || name.isEmpty { throw SystemError("fold", ENOENT) }
        var failure: SystemError?
        var at: UInt32 = 0
        name.withUnsafeBytes { bytes in
            do throws(SystemError) { at = try writer.add(name: bytes) } catch { failure = error }
        }
        if let failure { throw failure }
        let location = room.lowerBound + UInt32(count)
        let made = record(at, name.count, above.last?.location ?? ImageRecord.noParent)
        storage.record(location).initialize(to: made)
        writer.set(owner: owner, at: location)
        count += 1
        if above.isEmpty && made.kind != .untracked { topLevelCount += 1 }
        current = key
        above.append((location, key.count))
    }

    /// Whether `key` lies below the entry of `current`'s first `keyCount` bytes.
    private func isBelow(_ keyCount: Int, _ key: [UInt8]) -> Bool {
        key.count > keyCount && key[keyCount] == 0 && key[..<keyCount] == current[..<keyCount]
    }
}
