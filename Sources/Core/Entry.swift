/// What stands at a path. Raw values are those of `snap.db` and the wire.
package enum EntryKind: UInt8, Sendable {
    case file = 1
    case directory = 2
    case symlink = 3
    /// Never synced, only counted: socket, device, fifo.
    case untracked = 4
    /// Could not be read or must not be entered: unreadable, another file system.
    case problem = 5

    package var isSynced: Bool { self == .file || self == .directory || self == .symlink }
}

/// A point in time of a file system: seconds since the epoch (may be negative) and nanoseconds 0..<10⁹.
package struct Timestamp: Hashable, Comparable, Sendable {
    package var seconds: Int64
    package var nanoseconds: UInt32

    package init(seconds: Int64, nanoseconds: UInt32) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    package static let zero = Timestamp(seconds: 0, nanoseconds: 0)

    package static func < (a: Timestamp, b: Timestamp) -> Bool {
        (a.seconds, a.nanoseconds) < (b.seconds, b.nanoseconds)
    }
}

/// What both ends of a session agree on for one path, but for the digest of a file's content.
package struct Attributes: Hashable, Sendable {
    package var kind: EntryKind
    /// Permission bits and setuid, setgid, sticky: `mode & 0o7777`. 0 for a symlink.
    package var mode: UInt16
    /// Bytes of a file's content or of a symlink's target; 0 for everything else.
    package var size: UInt64
    package var mtime: Timestamp
    /// What else the session keeps in step; nil where that is nothing, and of what a scan found.
    package var metadata: Metadata?

    package init(kind: EntryKind, mode: UInt16, size: UInt64, mtime: Timestamp, metadata: Metadata? = nil) {
        self.kind = kind
        self.mode = mode
        self.size = size
        self.mtime = mtime
        self.metadata = metadata
    }
}

/// A 128-bit digest of content (XXH3-128): guards transport and quick equality of one path; it can be forged.
package struct Digest: Hashable, Sendable {
    package var high: UInt64
    package var low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// Which very inode, in which state, stands at a path at one end: the local half of a row. Equal identity means untouched.
package struct LocalIdentity: Hashable, Sendable {
    /// As it was numbered at that moment, and never compared: nothing of a tree is on another device than its root, and a disk that
    /// comes back, after a reboot say, may have another number.
    package var device: UInt64
    package var inode: UInt64
    /// Zero where the file system records none.
    package var birth: Timestamp
    package var mtime: Timestamp
    package var ctime: Timestamp

    package init(device: UInt64, inode: UInt64, birth: Timestamp, mtime: Timestamp, ctime: Timestamp) {
        self.device = device
        self.inode = inode
        self.birth = birth
        self.mtime = mtime
        self.ctime = ctime
    }

    package static func == (a: Self, b: Self) -> Bool {
        a.inode == b.inode && a.ctime == b.ctime && a.mtime == b.mtime && a.birth == b.birth
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(inode)
        hasher.combine(ctime)
    }
}

/// The agreed half of a row: attributes and the digest of the content (file) or of the target (symlink); nil for a directory.
package struct AgreedEntry: Hashable, Sendable {
    package var attributes: Attributes
    package var digest: Digest?

    package init(attributes: Attributes, digest: Digest?) {
        self.attributes = attributes
        self.digest = digest
    }
}
