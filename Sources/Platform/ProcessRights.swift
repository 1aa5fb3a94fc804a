import Core

extension ProcessRights {
    /// Those of the calling thread, as the kernel tells them. Where `/proc` cannot be read: those of somebody without rights.
    package static var current: ProcessRights {
        var rights = ProcessRights(isPrivileged: false, user: .max, groups: [], umask: 0o022)
        guard let text = try? readFile("/proc/thread-self/status", bytesMax: 1 << 20) else { return rights }
        for line in text.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split { $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: " ") }
                .map { String(decoding: $0, as: UTF8.self) }
            guard fields.count > 1 else { continue }
            switch fields[0] {
            // Real, effective, saved, of the file system.
            case "Uid:": rights.user = fields.last.flatMap { UInt32($0) } ?? rights.user
            case "Gid:": if let group = fields.last.flatMap({ UInt32($0) }) { rights.groups.insert(group) }
            case "Groups:": rights.groups.formUnion(fields.dropFirst().compactMap { UInt32($0) })
            case "Umask:": rights.umask = UInt16(fields[1], radix: 8) ?? rights.umask
            case "CapEff:":
                let effective = UInt64(fields[1], radix: 16) ?? 0
                rights.isPrivileged = effective & needed == needed
                if effective & setFileCapabilities != 0 { rights.attributes.insert(.capability) }
                if effective & administer != 0 && isInFirstUserNamespace { rights.attributes.insert(.trusted) }
            default: break
            }
        }
        return rights
    }

    /// CAP_CHOWN, CAP_FOWNER and CAP_FSETID (capabilities(7)).
    private static let needed: UInt64 = 1 << 0 | 1 << 3 | 1 << 4
    /// CAP_SETFCAP, for `security.capability`.
    private static let setFileCapabilities: UInt64 = 1 << 31
    /// CAP_SYS_ADMIN, for `trusted.*`: of the machine, not of a container's own users.
    private static let administer: UInt64 = 1 << 21

    private static var isInFirstUserNamespace: Bool {
        guard let map = try? readFile("/proc/self/uid_map", bytesMax: 4096) else { return false }
        let fields = map.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
        return fields.map { String(decoding: $0, as: UTF8.self) } == ["0", "0", "4294967295"]
    }
}
