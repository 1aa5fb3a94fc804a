import Core
import Glibc
import Platform

/// One session, one owner: an open-file-description lock on `lock` in the session's directory.
///
/// Held as long as this object lives; the kernel releases it when the process ends, however that happens. No heartbeat. The file stays
/// and names the last owner; without the lock its text means nothing.
package final class SessionLock: Sendable {
    static let name = "lock"
    private let file: Descriptor

    private init(_ file: Descriptor) { self.file = file }

    package enum Outcome: Sendable {
        case acquired(SessionLock)
        /// `by` is nil when the text cannot be trusted. Right after it changed hands it may for an instant still name the owner before.
        case held(by: LockOwner?)
    }

    /// Takes the lock or tells who has it; does not wait. Makes the session's directory where it is missing.
    ///
    /// - Throws: `snapshot.directory`, `snapshot.no-space`.
    package static func acquire(directory: SessionDirectory, owner: LockOwner) throws(HeadwaterError) -> Outcome {
        try acquire(directory, try directory.openOrCreate(), owner)
    }

    /// The same where the session's directory is there already; nil where it is not, and none is made.
    package static func acquireExisting(directory: SessionDirectory, owner: LockOwner) throws(HeadwaterError)
        -> Outcome?
    {
        guard let opened = try directory.open() else { return nil }
        return try acquire(directory, opened, owner)
    }

    private static func acquire(_ directory: SessionDirectory, _ opened: Descriptor, _ owner: LockOwner)
        throws(HeadwaterError) -> Outcome
    {
        do {
            let file = try Descriptor(at: opened.raw, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, mode: 0o600)
            guard try FileStatus(descriptor: file.raw).kind == .file else { throw SystemError("openat", EINVAL) }
            do { try lockExclusively(file.raw) } catch {
                if error.errno == EAGAIN || error.errno == EACCES { return .held(by: read(file)) }
                throw error
            }
            // Its directory may have been taken back by another process just then.
            if try FileStatus(descriptor: file.raw).links == 0 { return .held(by: nil) }
            try write(owner, file)
            return .acquired(SessionLock(file))
        } catch let error as SystemError {
            throw directory.fault("\(directory.path)/\(name)", error)
        } catch { throw directory.fault("\(directory.path)/\(name)", "\(error)") }
    }

    private static func write(_ owner: LockOwner, _ file: Descriptor) throws(SystemError) {
        try check("ftruncate") { ftruncate(file.raw, 0) }
        let text = Array(owner.text.utf8)
        let written = try checkSize("pwrite") { pwrite(file.raw, text, text.count, 0) }
        if written != text.count { throw SystemError("pwrite", ENOSPC) }
    }

    /// What the text of a lock file says; nil for anything that is not of its form.
    static func read(_ file: Descriptor) -> LockOwner? {
        var text = [UInt8](repeating: 0, count: LockOwner.textBytesMax + 1)
        let count = pread(file.raw, &text, text.count, 0)
        return count > 0 ? LockOwner(parsing: Array(text[..<count])) : nil
    }
}
