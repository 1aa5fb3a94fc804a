import Core
import Platform

/// One scanned entry in 64 bytes; its name lies in the arena of `ImageStorage`.
///
/// Locations (of records and of names) are 32-bit: chunk number and offset. `ImageRecord.noParent` is the root.
struct ImageRecord: BitwiseCopyable {
    static let noParent = UInt32.max

    private(set) var inode: UInt64 = 0
    /// Bytes of a file or symlink target; for a directory the location of its block of children and their count.
    private var extent: UInt64 = 0
    private var mtimeSeconds: Int64 = 0
    private var ctimeSeconds: Int64 = 0
    private var birthSeconds: Int64 = 0
    private var mtimeNanoseconds: UInt32 = 0
    private var ctimeNanoseconds: UInt32 = 0
    private var birthNanoseconds: UInt32 = 0
    let name: UInt32
    let parent: UInt32
    private var mode: UInt16 = 0
    private var bits: UInt8 = EntryKind.problem.rawValue
    private let nameSize: UInt8

    /// An entry of which only the name is known so far.
    init(name: UInt32, nameCount: Int, parent: UInt32) {
        self.name = name
        self.parent = parent
        nameSize = UInt8(nameCount)
    }

    /// The same entry in another image, whose children are found by their parents.
    init(_ other: ImageRecord, name: UInt32, nameCount: Int, parent: UInt32) {
        self.init(name: name, nameCount: nameCount, parent: parent)
        (inode, extent, mode, bits) = (other.inode, other.extent, other.mode, other.bits)
        (mtimeSeconds, mtimeNanoseconds) = (other.mtimeSeconds, other.mtimeNanoseconds)
        (ctimeSeconds, ctimeNanoseconds) = (other.ctimeSeconds, other.ctimeNanoseconds)
        (birthSeconds, birthNanoseconds) = (other.birthSeconds, other.birthNanoseconds)
        if kind == .directory { children = 0..<0 }
    }

    /// The same without where its name, its parent and its children lie in memory.
    func facts(depth: UInt32) -> ImageRecord { ImageRecord(self, name: 0, nameCount: nameCount, parent: depth) }

    var nameCount: Int { Int(nameSize) }
    var kind: EntryKind { EntryKind(rawValue: bits & 0x0F)! }

    /// Takes over what `statx` said; keeps the name.
    mutating func set(_ status: FileStatus) {
        set(status.attributes, status.identity)
        hasOtherNames = status.kind == .file && status.links > 1
    }

    /// Takes over what was published, as a scan would have found it; keeps the name.
    mutating func set(_ status: EntryStatus) {
        set(status.attributes, status.identity)
        hasOtherNames = status.hasOtherNames
    }

    @inline(__always)
    private mutating func set(_ attributes: Attributes, _ identity: LocalIdentity) {
        inode = identity.inode
        extent = attributes.size
        (mtimeSeconds, mtimeNanoseconds) = (attributes.mtime.seconds, attributes.mtime.nanoseconds)
        (ctimeSeconds, ctimeNanoseconds) = (identity.ctime.seconds, identity.ctime.nanoseconds)
        (birthSeconds, birthNanoseconds) = (identity.birth.seconds, identity.birth.nanoseconds)
        mode = attributes.mode
        bits = bits & 0xF0 | attributes.kind.rawValue
    }

    /// Whether what is below could not be listed, or not completely.
    var isIncomplete: Bool {
        get { bits & 0x10 != 0 }
        set { bits = newValue ? bits | 0x10 : bits & ~0x10 }
    }

    /// Whether the entry was gone before it could be looked at; left out of the image.
    var isVanished: Bool {
        get { bits & 0x20 != 0 }
        set { bits = newValue ? bits | 0x20 : bits & ~0x20 }
    }

    /// Whether the inode of a file has more than this name.
    var hasOtherNames: Bool {
        get { bits & 0x80 != 0 }
        set { bits = newValue ? bits | 0x80 : bits & ~0x80 }
    }

    /// Something that must not be entered, such as the root of another file system.
    mutating func markProblem() { bits = bits & 0x20 | 0x10 | EntryKind.problem.rawValue }

    /// Another file system begins here.
    mutating func markForeign() {
        markProblem()
        bits |= 0x40
    }

    /// Where the children of a directory lie; empty for everything else.
    var children: Range<UInt32> {
        get {
            guard kind == .directory else { return 0..<0 }
            let start = UInt32(extent >> 32)
            return start..<(start + UInt32(extent & 0xFFFF_FFFF))
        }
        set { extent = UInt64(newValue.lowerBound) << 32 | UInt64(newValue.count) }
    }

    var attributes: Attributes {
        Attributes(
            kind: kind, mode: mode, size: kind == .file || kind == .symlink ? extent : 0,
            mtime: Timestamp(seconds: mtimeSeconds, nanoseconds: mtimeNanoseconds))
    }

    /// - Parameter device: the root's; an entry of another file system gets 0 instead.
    func identity(device: UInt64) -> LocalIdentity {
        LocalIdentity(
            device: bits & 0x40 != 0 ? 0 : device, inode: inode,
            birth: Timestamp(seconds: birthSeconds, nanoseconds: birthNanoseconds),
            mtime: Timestamp(seconds: mtimeSeconds, nanoseconds: mtimeNanoseconds),
            ctime: Timestamp(seconds: ctimeSeconds, nanoseconds: ctimeNanoseconds))
    }
}
