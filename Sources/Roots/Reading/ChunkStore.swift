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
            let file = try? Descriptor(at: directory.raw, content.hex, O_RDONLY | O_NOFOLLOW | O_NONBLOCK),
            let status = try? FileStatus(descriptor: file.raw), status.kind == .file,
            status.size <= ChunkStore.listBytesMax, let list = try? ChunkStore.read(file, Int(status.size))
        else { return nil }
        futimens(file.raw, nil)
        return list
    }

    /// Keeps the list of this content.
    package func keep(_ list: ChunkList, of content: Digest) {
        let bytes = list.encoded()
        guard UInt64(bytes.count) <= ChunkStore.listBytesMax, let directory = directory(makes: true) else { return }
        let fresh = content.hex + ".new"
        unlinkat(directory.raw, fresh, 0)
        do throws(SystemError) {
            let file = try Descriptor(at: directory.raw, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
            try ChunkStore.write(bytes, to: file)
            try check("renameat") { renameat(directory.raw, fresh, directory.raw, content.hex) }
        } catch {
            unlinkat(directory.raw, fresh, 0)
        }
        removeOldest(directory)
    }

    private static func read(_ file: Descriptor, _ count: Int) throws(SystemError) -> ChunkList? {
        var bytes = [UInt8](repeating: 0, count: count)
        var fault: SystemError?
        bytes.withUnsafeMutableBytes { raw in
            do throws(SystemError) { try readFully(file.raw, raw, at: 0) } catch { fault = error }
        }
        if let fault { throw fault }
        return ChunkList(decoding: bytes)
    }

    private static func write(_ bytes: [UInt8], to file: Descriptor) throws(SystemError) {
        var done = 0
        while done < bytes.count {
            done += try checkSize("write") {
                bytes.withUnsafeBytes { Glibc.write(file.raw, $0.baseAddress! + done, bytes.count - done) }
            }
        }
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
        for oldest in lists.sorted(by: { $0.used < $1.used }) where bytes > bytesMax {
            unlinkat(directory.raw, oldest.name, 0)
            bytes -= oldest.bytes
        }
    }
}
