import Glibc
import Platform

/// Small files of a topology's state: written aside, made durable, renamed; whole or not there.
enum StateFile {
    /// The content; nil where there is none. EFBIG beyond `bytesMax`.
    static func read(_ path: String, bytesMax: Int) throws(SystemError) -> [UInt8]? {
        let file: Descriptor
        do throws(SystemError) {
            file = try Descriptor(at: Descriptor.workingDirectory, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        } catch {
            if error.isMissing { return nil }
            throw error
        }
        let size = Int(try FileStatus(descriptor: file.raw).size)
        if size > bytesMax { throw SystemError("read", EFBIG) }
        var content = [UInt8](repeating: 0, count: size)
        let got = content.withUnsafeMutableBytes { buffer in
            Result { () throws(SystemError) in try readFully(file.raw, into: buffer) }
        }
        return Array(content.prefix(try got.get()))
    }

    /// Puts `content` in place of what is at `path`, in `directory`, which is made (0700) where it is missing. Durable when it returns.
    static func write(_ content: [UInt8], to path: String, in directory: String) throws(SystemError) {
        try makeDirectories(directory)
        let aside = "\(path).\(getpid()).new"
        let file = try Descriptor(
            at: Descriptor.workingDirectory, aside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
        try writeFully(file.raw, content)
        try check("fsync") { fsync(file.raw) }
        try check("rename") { rename(aside, path) }
        try sync(directory)
    }

    private static func makeDirectories(_ directory: String) throws(SystemError) {
        var made = ""
        for part in directory.split(separator: "/") {
            let parent = made.isEmpty ? "/" : made
            made += "/" + part
            if mkdir(made, 0o700) == 0 {
                try sync(parent)
            } else if errno != EEXIST {
                throw SystemError("mkdir")
            }
        }
    }

    private static func sync(_ directory: String) throws(SystemError) {
        let opened = try Descriptor(at: Descriptor.workingDirectory, directory, O_RDONLY | O_DIRECTORY)
        try check("fsync") { fsync(opened.raw) }
    }
}
