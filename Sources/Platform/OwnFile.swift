import Glibc

/// A small file of our own in a directory that nobody else writes to: a cache, read whole or not at all, of which nothing is durable.
package enum OwnFile {
    /// Opens a plain file of at most `bytesMax` bytes, never through a symlink, and reads all of it. EINVAL where it is of another kind
    /// or larger. Blocks.
    package static func read(at directory: Int32, _ name: String, bytesMax: UInt64) throws(SystemError) -> [UInt8] {
        let file = try Descriptor(at: directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        let status = try FileStatus(descriptor: file.raw)
        guard status.kind == .file, status.size <= bytesMax else { throw SystemError("open", EINVAL) }
        var bytes = [UInt8](repeating: 0, count: Int(status.size))
        let outcome = bytes.withUnsafeMutableBytes { buffer in
            Result { () throws(SystemError) in try readExactly(file.raw, into: buffer, at: 0) }
        }
        try outcome.get()
        return bytes
    }

    /// Puts `bytes` in the place of what has this name, in one step. Nothing is left of a failure. Blocks.
    package static func replace(at directory: Int32, _ name: String, with bytes: [UInt8]) throws(SystemError) {
        let fresh = name + ".new"
        unlinkat(directory, fresh, 0)
        do throws(SystemError) {
            let file = try Descriptor(at: directory, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
            try writeFully(file.raw, bytes)
            try check("renameat") { renameat(directory, fresh, directory, name) }
        } catch {
            unlinkat(directory, fresh, 0)
            throw error
        }
    }
}
