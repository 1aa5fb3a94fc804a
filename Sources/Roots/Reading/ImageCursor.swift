import Core

/// Goes through a `TreeImage` in scan order, keeping the key of the current entry up to date by its last component. For one thread.
package struct ImageCursor: ~Copyable {
    private let image: TreeImage
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: TreePath.bytesMax, alignment: 16)
    /// The directories above the current entry and the entry itself, with the length of each one's key.
    private var levels: [(location: UInt32, keyCount: Int)] = []

    /// The place of the current entry in the image; -1 before the first `next`, `count` after the last.
    package private(set) var index = -1

    init(_ image: TreeImage) { self.image = image }

    deinit { buffer.deallocate() }

    /// Goes to the next entry; false at the end.
    package mutating func next() -> Bool {
        if index + 1 >= image.count {
            index = image.count
            return false
        }
        index += 1
        let location = image.location(index)
        let record = image.storage.record(location).pointee
        while let last = levels.last, last.location != record.parent { levels.removeLast() }
        var end = 0
        if let parent = levels.last {
            buffer[parent.keyCount] = 0
            end = parent.keyCount + 1
        }
        let name = image.storage.name(of: record)
        (buffer.baseAddress! + end).copyMemory(from: name.baseAddress!, byteCount: name.count)
        levels.append((location, end + name.count))
        return true
    }

    /// Has `next` go to what comes behind everything below the current entry, in time logarithmic in the size of the tree.
    package mutating func leaveOutBelow() {
        guard index + 1 < image.count, image.storage.record(image.location(index + 1)).pointee.parent == here else {
            return
        }
        // The first key behind those that begin with this one and a separator.
        index = image.firstIndex(notBefore: Array(key) + [1]) - 1
    }

    private var here: UInt32 { image.location(index) }

    /// The key of the current entry; valid until the next call of `next`. Only after `next` returned true.
    package var key: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: buffer[..<levels.last!.keyCount]) }

    /// The key as a path of its own.
    package var path: TreePath { TreePath(trusted: Array(key)) }

    package var status: EntryStatus { image.status(at: index) }
    package var kind: EntryKind { image.kind(at: index) }
}
