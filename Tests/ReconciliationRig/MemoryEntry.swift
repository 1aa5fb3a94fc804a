import Content
import Core

/// What stands at one path of a tree in memory.
package struct MemoryEntry: Hashable, Sendable {
    package var path: TreePath
    package var kind: EntryKind
    /// Of a file its text, of a symlink its target: a number that says which.
    package var content: UInt64
    package var mode: UInt16
    package var mtime: Int64
    package var inode: UInt64
    /// When it was changed last in any way, by the clock of the tree.
    package var ctime: Int64
    /// A directory that cannot be listed.
    package var isIncomplete = false

    package var isDirectory: Bool { kind == .directory }

    /// Contents whose last two bits are equal are of equal size.
    package var attributes: Attributes {
        let size: UInt64 = kind == .file ? 4 + content & 3 : kind == .symlink ? UInt64(target.count) : 0
        return Attributes(kind: kind, mode: mode, size: size, mtime: Timestamp(seconds: mtime, nanoseconds: 0))
    }

    package var identity: LocalIdentity {
        LocalIdentity(
            device: 1, inode: inode, birth: .zero, mtime: Timestamp(seconds: mtime, nanoseconds: 0),
            ctime: Timestamp(seconds: ctime, nanoseconds: 0))
    }

    /// Of a symlink.
    package var target: [UInt8] {
        [UInt8(ascii: "t")] + (0..<4).map { UInt8(ascii: "@") + UInt8(truncatingIfNeeded: content >> ($0 * 5)) % 32 }
    }

    package var digest: Digest? {
        switch kind {
        case .file: Digest(high: content, low: 7)
        case .symlink: Hash.digest(target)
        default: nil
        }
    }

    package var status: EntryStatus {
        EntryStatus(attributes: attributes, identity: identity, isIncomplete: isIncomplete)
    }

    /// What both ends can agree on.
    package var agreed: AgreedEntry { AgreedEntry(attributes: attributes, digest: digest) }
}
