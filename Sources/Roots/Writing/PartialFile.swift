import Content
import Core
import Glibc
import Platform

/// What an earlier cycle received of a large file: whole segments of it, read again and digested.
///
/// It lies in `.headwater/<session>/partial/` under a name made of the path and of size and time of the source's file: when any of these is
/// another one it is not found, and goes with the next cycle that comes to its end. Nothing is believed of it: who sends the file
/// compares the digests with its own before it goes on from there.
package struct PartialFile: Sendable {
    /// Smaller files are sent whole once more.
    package static let bytesMin: UInt64 = 4 << 20
    private static let directoryName = "partial"

    /// Of the whole segments in order, but for the last one of the file.
    package let digests: [Digest]

    /// 32 hexadecimal digits.
    static func name(of path: TreePath, _ attributes: Attributes) -> String {
        var stream = DigestStream()
        path.key.withUnsafeBytes { stream.update($0) }
        let words = (attributes.size, attributes.mtime.seconds, UInt64(attributes.mtime.nanoseconds), path.key.count)
        withUnsafeBytes(of: words) { stream.update($0) }
        return stream.finish().hex
    }

    /// The directory, made where it is missing.
    static func directory(of stage: Stage) throws(SystemError) -> Descriptor {
        try Stage.privateDirectory(stage.session.raw, directoryName, stage.device)
    }

    private static func existing(_ stage: Stage) -> Descriptor? {
        (try? openWithin(stage.session.raw, directoryName, O_RDONLY | O_DIRECTORY)).map { Descriptor(owning: $0) }
    }

    /// Finds what is there of a file; nil where nothing is that could be gone on with. Reads it. Blocks.
    init?(of path: TreePath, _ attributes: Attributes, in stage: Stage) {
        guard attributes.size >= PartialFile.bytesMin, let directory = PartialFile.existing(stage),
            let file = try? Descriptor(
                at: directory.raw, PartialFile.name(of: path, attributes), O_RDONLY | O_NOFOLLOW | O_NONBLOCK),
            let status = try? FileStatus(descriptor: file.raw), status.kind == .file, status.links == 1
        else { return nil }
        let most = Segment.count(ofSize: attributes.size) - 1
        let count = min(most, Int(clamping: status.size / UInt64(Segment.bytes)))
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Segment.bytes, alignment: 4096)
        defer { buffer.deallocate() }
        var digests: [Digest] = []
        for index in 0..<count {
            let offset = UInt64(index) * UInt64(Segment.bytes)
            guard (try? readExactly(file.raw, into: buffer, at: offset)) != nil else { break }
            digests.append(Hash.digest(UnsafeRawBufferPointer(buffer)))
        }
        if digests.isEmpty { return nil }
        self.digests = digests
    }

    /// Removes all of them: a cycle that came to its end needs none.
    static func removeAll(of stage: Stage) {
        guard let directory = existing(stage) else { return }
        var names: [[CChar]] = []
        try? list(directory.raw) { name, count in
            names.append(Array(UnsafeBufferPointer(start: name, count: count + 1)))
        }
        for name in names { unlinkat(directory.raw, name, 0) }
        unlinkat(stage.session.raw, directoryName, AT_REMOVEDIR)
    }
}

extension Stage {
    /// What an earlier cycle received of a large file; nil where it is nothing. Reads it. Blocks.
    package func partial(of path: TreePath, _ attributes: Attributes) -> PartialFile? {
        PartialFile(of: path, attributes, in: self)
    }

    /// Removes what earlier cycles received of files that nobody sends any more.
    package func removePartials() { PartialFile.removeAll(of: self) }

    /// Opens a file that stays when it is not finished: with `bytes` of what is there, or empty.
    func openPartial(_ name: String, keeping bytes: UInt64) throws(SystemError) -> Int32 {
        let directory = try PartialFile.directory(of: self)
        if bytes == 0 { unlinkat(directory.raw, name, 0) }
        let flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | (bytes == 0 ? O_CREAT | O_EXCL : 0)
        let descriptor = try check("openat") { openat(directory.raw, name, flags, 0o600) }
        do throws(SystemError) {
            let status = try FileStatus(descriptor: descriptor)
            guard status.kind == .file, status.links == 1, status.size >= bytes else {
                throw SystemError("openat", ESTALE)
            }
            try check("ftruncate") { ftruncate(descriptor, off_t(bytes)) }
            try checkSize("lseek") { Int(lseek(descriptor, off_t(bytes), SEEK_SET)) }
            return descriptor
        } catch {
            close(descriptor)
            throw error
        }
    }

    /// A file that is whole gets a name where everything is published from. It keeps the other one, by which a cycle that is killed now
    /// finds it, until right before it is published.
    func adoptPartial(_ name: String, as number: UInt64) throws(SystemError) {
        let directory = try PartialFile.directory(of: self)
        try Stage.withName(number) { staged throws(SystemError) in
            if linkat(directory.raw, name, self.directory.raw, staged, 0) == 0 { return }
            // A file system without hard links.
            try check("renameat") { renameat(directory.raw, name, self.directory.raw, staged) }
        }
    }

    /// Takes away the name by which a killed cycle would have found a whole file.
    func dropPartial(_ name: String) throws(SystemError) {
        let directory = try PartialFile.directory(of: self)
        if unlinkat(directory.raw, name, 0) != 0 && errno != ENOENT { throw SystemError("unlinkat") }
    }
}
