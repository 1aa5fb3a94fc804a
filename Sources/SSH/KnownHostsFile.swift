import Core
import Glibc
import Platform

extension KnownHosts {
    /// Reads all known_hosts files of `settings`; those that do not exist count as empty.
    ///
    /// - Throws: `ssh.known-hosts` for one that exists and cannot be read.
    static func read(_ settings: SSHSettings) throws(HeadwaterError) -> KnownHosts {
        var known = KnownHosts(name: settings.knownHostsName)
        for path in settings.knownHostsFiles {
            do {
                known.read(try readFile(path, bytesMax: 64 << 20), file: path)
            } catch  where error.isMissing {
                continue
            } catch {
                throw HeadwaterError(
                    "ssh.known-hosts", "\(path) cannot be read", remedy: "make \(path) readable for you",
                    cause: error.description)
            }
        }
        return known
    }
}

/// Adds keys to known_hosts: one line, by one write at the end of the file, under a lock that other processes of Headwater respect.
enum KnownHostsFile {
    enum Outcome {
        case added(path: String)
        /// Somebody else has added this key in the meantime.
        case known
        /// Somebody else has added another key in the meantime.
        case contradicted(KnownHosts)
    }

    /// How long another process may hold the lock, in tries of 20 ms.
    private static let lockTriesMax = 500

    /// Adds `key` to the user's own file, which is made (0600, its directory 0700) where it is missing. Blocks.
    ///
    /// - Throws: the system's error; EINVAL where there is no file to add to, or where it is no regular file and would remember nothing.
    static func add(_ key: HostKey, _ settings: SSHSettings) throws(SystemError) -> Outcome {
        guard let path = settings.ownKnownHostsFile else { throw SystemError("known_hosts", EINVAL) }
        let file = try open(path)
        try lock(file)
        guard let now = try? KnownHosts.read(settings) else { throw SystemError("known_hosts", EACCES) }
        switch now.verdict(key) {
        case .match: return .known
        case .changed, .revoked: return .contradicted(now)
        case .unknown: break
        }
        let salt = settings.hashesKnownHosts ? Host.randomBytes(20) : nil
        try append(KnownHosts.line(name: settings.knownHostsName, key, salt: salt), to: file)
        return .added(path: path)
    }

    private static func open(_ path: String) throws(SystemError) -> Descriptor {
        let flags = O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK
        let file: Descriptor
        do {
            file = try Descriptor(at: Descriptor.workingDirectory, path, flags, mode: 0o600)
        } catch  where error.errno == ENOENT {
            let directory = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(
                separator: "/")
            try check("mkdir") { mkdir(directory, 0o700) }
            file = try Descriptor(at: Descriptor.workingDirectory, path, flags, mode: 0o600)
        }
        if try FileStatus(descriptor: file.raw).kind != .file { throw SystemError("known_hosts", EINVAL) }
        return file
    }

    private static func lock(_ file: Descriptor) throws(SystemError) {
        for _ in 0..<lockTriesMax {
            if flock(file.raw, LOCK_EX | LOCK_NB) == 0 { return }
            if errno != EWOULDBLOCK && errno != EINTR { throw SystemError("flock") }
            poll(nil, 0, 20)
        }
        throw SystemError("flock", EWOULDBLOCK)
    }

    /// All of `line` or nothing; on a line of its own, also where the last one was not ended.
    private static func append(_ line: String, to file: Descriptor) throws(SystemError) {
        let size = lseek(file.raw, 0, SEEK_END)
        var last: UInt8 = 10
        if size > 0 { try checkSize("pread") { pread(file.raw, &last, 1, size - 1) } }
        let bytes = (last == 10 ? [] : [10]) + Array(line.utf8)
        do {
            try writeFully(file.raw, bytes)
        } catch {
            _ = ftruncate(file.raw, size)
            throw error
        }
        try check("fsync") { fsync(file.raw) }
    }
}
