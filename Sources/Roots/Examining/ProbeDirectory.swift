import Core
import Glibc
import Platform

/// A directory of ours for what only names can tell, on the file system that is asked about; gone with everything in it by `remove`.
///
/// It is made in a directory that is ours already (`.headwater`, the user's cache), never among a user's files, and the times of that
/// directory are put back.
struct ProbeDirectory {
    /// What may lie in it.
    static let names = ["a", "b", "case", "CASE", "caf\u{E9}", "cafe\u{301}"]

    private let parent: Descriptor
    private let name: String
    private let parentTime: Timestamp
    let descriptor: Descriptor

    /// Nil where there is no such place on this device, or it cannot be made.
    init?(root: Descriptor, device: UInt64) {
        guard let parent = ProbeDirectory.reserved(root) ?? ProbeDirectory.cache(),
            let status = try? FileStatus(descriptor: parent.raw), status.device == device
        else { return nil }
        // `@` is in no session's name.
        let name = "@probe-\(getpid())"
        ProbeDirectory.clear(parent, name)
        guard mkdirat(parent.raw, name, 0o700) == 0,
            let made = try? Descriptor(at: parent.raw, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        else { return nil }
        (self.parent, self.name, parentTime, descriptor) = (parent, name, status.mtime, made)
    }

    func remove() {
        ProbeDirectory.clear(parent, name)
        try? setModificationTime(descriptor: parent.raw, parentTime)
    }

    private static func clear(_ parent: Descriptor, _ name: String) {
        if let left = try? Descriptor(at: parent.raw, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) {
            for name in names { unlinkat(left.raw, name, 0) }
        }
        unlinkat(parent.raw, name, AT_REMOVEDIR)
    }

    /// `.headwater` of the root, where it is there and private.
    private static func reserved(_ root: Descriptor) -> Descriptor? {
        own(try? Descriptor(at: root.raw, ".headwater", O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
    }

    private static func cache() -> Descriptor? {
        func named(_ variable: String) -> String? {
            getenv(variable).map { String(cString: $0) }.flatMap { $0.hasPrefix("/") ? $0 : nil }
        }
        guard let path = named("XDG_CACHE_HOME") ?? named("HOME").map({ $0 + "/.cache" }) else { return nil }
        return own(try? Descriptor(at: Descriptor.workingDirectory, path, O_RDONLY | O_DIRECTORY))
    }

    private static func own(_ directory: Descriptor?) -> Descriptor? {
        guard let directory, let status = try? FileStatus(descriptor: directory.raw) else { return nil }
        return status.userID == geteuid() && status.permissions & 0o022 == 0 ? directory : nil
    }
}
