import Glibc

/// Reads small files whole. The only I/O of this module.
enum BoundedFile {
    enum Fault: Error, Hashable { case tooLarge, notAFile, system(CInt) }

    /// The whole content, but never more than the bound by much. Blocks for the disk, but not for a pipe or a device, which are refused.
    ///
    /// - Parameter mayBePipe: whether a pipe is read to its end as well.
    static func read(_ path: String, bytesMax: Int, mayBePipe: Bool = false) throws(Fault) -> [UInt8] {
        // O_NONBLOCK: opening a pipe without a writer would wait for one.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (mayBePipe ? 0 : O_NONBLOCK))
        guard descriptor >= 0 else { throw .system(errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(errno) }
        let kind = status.st_mode & S_IFMT
        guard kind == S_IFREG || (mayBePipe && kind == S_IFIFO) else { throw .notAFile }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 64 * 1024)
        while bytes.count <= bytesMax {
            let count = Glibc.read(descriptor, &block, block.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .system(errno) }
            if count == 0 { return bytes }
            bytes += block[..<count]
        }
        throw .tooLarge
    }
}
