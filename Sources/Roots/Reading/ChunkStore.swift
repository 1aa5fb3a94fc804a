import Content
import Core
import Glibc
import Platform

/// The chunk lists of large files that a root was the source of: `<database>/.headwater/@root/<digest of its path>/chunks/<digest>`.
///
/// A file's name is the digest of the content that it lists. It is a cache: what is missing or damaged costs that a file is sent
/// whole, so nothing in it is made durable and no fault of it is one of the session's. Several processes may use one at a time.
/// Nothing is made before there is a list to keep. Calls block.
package final class ChunkStore: Sendable {
    /// Beyond that the lists that were not used for longest go.
    private static let bytesMax: UInt64 = 256 << 20
    private static let listBytesMax: UInt64 = 64 << 20

    /// `.headwater`.
    private let reserved: Descriptor
    private let place: String
    private let bytesMax: UInt64
    /// What all lists took when this process looked at them, and what it has kept since. Nil before it has looked.
    private let held = Monitor<UInt64?>(nil)

    /// - Parameters:
    ///   - reserved: the directory `.headwater`, checked to be ours.
    ///   - path: the canonical path of the root.
    package init(reserved: Descriptor, path: String, bytesMax: UInt64 = bytesMax) {
        self.reserved = reserved
        self.bytesMax = bytesMax
        place = Hash.digest(Array(path.utf8)).hex
    }

    /// The list of this content; nil where none is kept.
    package func list(of content: Digest) -> ChunkList? {
        guard let directory = directory(makes: false),
            let bytes = try? OwnFile.read(at: directory.raw, content.hex, bytesMax: ChunkStore.listBytesMax),
            let list = ChunkList(decoding: bytes)
        else { return nil }
        utimensat(directory.raw, content.hex, nil, AT_SYMLINK_NOFOLLOW)
        return list
    }

    /// Keeps the list of this content.
    package func keep(_ list: ChunkList, of content: Digest) {
        let bytes = list.encoded()
        guard UInt64(bytes.count) <= ChunkStore.listBytesMax, let directory = directory(makes: true),
            (try? OwnFile.replace(at: directory.raw, content.hex, with: bytes)) != nil
        else { return }
        // To look at all lists for each one that comes would take as long as all of them together.
        let isFull = held.read { held in
            held = held.map { $0 + UInt64(bytes.count) }
            return held.map { $0 > bytesMax } ?? true
        }
        if isFull { removeOldest(directory) }
    }

    private func directory(makes: Bool) -> Descriptor? {
        var directory = reserved
        for name in ["@root", place, "chunks"] {
            if makes && mkdirat(directory.raw, name, 0o700) != 0 && errno != EEXIST { return nil }
            guard let next = try? openWithin(directory.raw, name, O_RDONLY | O_DIRECTORY) else { return nil }
            directory = Descriptor(owning: next)
            guard let status = try? FileStatus(descriptor: directory.raw), status.userID == geteuid(),
                status.permissions & 0o022 == 0
            else { return nil }
        }
        return directory
    }

    private func removeOldest(_ directory: Descriptor) {
        var lists: [(name: [CChar], used: Timestamp, bytes: UInt64)] = []
        try? Roots.list(directory.raw) { name, count in
            guard let status = try? FileStatus(at: directory.raw, name) else { return }
            let name = Array(UnsafeBufferPointer(start: name, count: count + 1))
            lists.append((name, status.mtime, status.size))
        }
        var bytes = lists.reduce(0) { $0 + $1.bytes }
        // With some room to spare, so that the next list is not one too many again.
        let most = bytes > bytesMax ? bytesMax - bytesMax / 64 : bytesMax
        for oldest in lists.sorted(by: { $0.used < $1.used }) where bytes > most {
            unlinkat(directory.raw, oldest.name, 0)
            bytes -= oldest.bytes
        }
        held.update { [bytes] in $0 = bytes }
    }
}
