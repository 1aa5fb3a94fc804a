import Content
import Core
import Glibc
import Platform

/// What a batch is about to displace from the tree into the stage, written durably before the first of it moves.
///
///     magic 8 │ body bytes u64 │ XXH3 of the body u64 │ body: entry …       little endian; a torn one counts as empty,
///                                                                          since nothing was displaced before it was whole
/// A new entry needs none: it is renamed to a free name in one step, and what is left of it in the stage is ours.
struct Intent {
    static let name = "intent"
    static let magic: UInt64 = 0x3154_4E45_5449_5748
    static let bytesMax = 256 << 20

    struct Entry: Equatable {
        /// The name in the stage that the displaced entry gets: this, or with `Displacement.parkedOffset` added.
        var number: UInt64
        /// The inode that we staged under that name ourselves, to be exchanged; 0 for a removal or a parking.
        var ownInode: UInt64
        var isRemoval: Bool
        /// What is displaced goes to the attic.
        var isKept = false
        var expected: Expected
        var path: TreePath
        /// Where a displaced entry goes that is parked for a rename: its old path, or this one.
        var other: TreePath?
    }

    var entries = [Entry]()

    func write(to descriptor: Int32) throws(SystemError) {
        var body = [UInt8]()
        body.reserveCapacity(entries.count * 128)
        for entry in entries { Intent.encode(entry, into: &body) }
        var bytes = [UInt8]()
        for word in [Intent.magic, UInt64(body.count), body.withUnsafeBytes { Hash.xxh3($0) }] {
            Intent.append(word, to: &bytes)
        }
        bytes += body
        var done = 0
        while done < bytes.count {
            done += try checkSize("pwrite") {
                bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress! + done, bytes.count - done, off_t(done)) }
            }
        }
    }

    /// The entries of the last whole intent; none of a torn, damaged or empty one.
    static func read(from descriptor: Int32) throws(SystemError) -> [Entry] {
        let size = Int(clamping: try FileStatus(descriptor: descriptor).size)
        guard size > 24, size <= bytesMax else { return [] }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
        defer { buffer.deallocate() }
        try check("lseek") { lseek(descriptor, 0, SEEK_SET) == 0 ? 0 : -1 }
        let got = try readFully(descriptor, into: buffer)
        let bytes = Array(UnsafeRawBufferPointer(rebasing: buffer[..<got]))
        var input = Reader(bytes: bytes[...])
        guard got > 24, input.word() == magic, let count = input.word(), let hash = input.word(),
            count <= UInt64(got - 24)
        else { return [] }
        let body = bytes[24..<(24 + Int(count))]
        guard body.withUnsafeBytes({ Hash.xxh3($0) }) == hash else { return [] }
        var reader = Reader(bytes: body)
        var entries = [Entry]()
        while let entry = reader.entry() { entries.append(entry) }
        return entries
    }

    private static func append(_ word: UInt64, to bytes: inout [UInt8]) {
        for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift))) }
    }

    private static func encode(_ entry: Entry, into body: inout [UInt8]) {
        guard case .present(let kind, let identity, let size, let mode) = entry.expected else { return }
        let flags =
            UInt64(kind.rawValue) | (entry.isRemoval ? 0x100 : 0) | (entry.isKept ? 0x200 : 0)
            | (entry.other == nil ? 0 : 0x400) | UInt64(mode) << 16
        let seconds = UInt64(bitPattern: identity.mtime.seconds)
        for word in [
            entry.number, entry.ownInode, flags, identity.device, identity.inode, size, seconds,
            UInt64(identity.mtime.nanoseconds), UInt64(entry.path.key.count),
        ] { append(word, to: &body) }
        body += entry.path.key
        if let other = entry.other {
            append(UInt64(other.key.count), to: &body)
            body += other.key
        }
    }

    private struct Reader {
        var bytes: ArraySlice<UInt8>

        mutating func word() -> UInt64? {
            guard bytes.count >= 8 else { return nil }
            defer { bytes.removeFirst(8) }
            return bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }

        mutating func entry() -> Entry? {
            var words = [UInt64]()
            for _ in 0..<9 {
                guard let word = word() else { return nil }
                words.append(word)
            }
            guard let kind = EntryKind(rawValue: UInt8(truncatingIfNeeded: words[2])), let path = path(words[8]) else {
                return nil
            }
            var other: TreePath?
            if words[2] & 0x400 != 0 {
                guard let count = word(), let second = self.path(count) else { return nil }
                other = second
            }
            let mtime = Timestamp(
                seconds: Int64(bitPattern: words[6]), nanoseconds: UInt32(truncatingIfNeeded: words[7]))
            let identity = LocalIdentity(
                device: words[3], inode: words[4], birth: .zero, mtime: mtime, ctime: .zero)
            return Entry(
                number: words[0], ownInode: words[1], isRemoval: words[2] & 0x100 != 0, isKept: words[2] & 0x200 != 0,
                expected: .present(kind, identity, size: words[5], mode: UInt16(truncatingIfNeeded: words[2] >> 16)),
                path: path, other: other)
        }

        private mutating func path(_ count: UInt64) -> TreePath? {
            guard count <= bytes.count, let path = try? TreePath(validating: bytes.prefix(Int(count))) else {
                return nil
            }
            bytes.removeFirst(Int(count))
            return path
        }
    }
}
