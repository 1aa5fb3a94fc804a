import Glibc

/// What a directory is, whatever name, symlink or bind mount leads to it: boot of the machine, device, path inside that file system.
///
/// Two machines made from one image differ by their boots, two names of one machine do not; containers of one kernel differ by their
/// devices, unless they share a directory.
package struct PlaceIdentity: Hashable, Sendable {
    /// The boot id of the kernel.
    package var boot: String
    /// `major:minor`, as `/proc/self/mountinfo` has it.
    package var device: String
    /// Components inside the file system, from its own top.
    package var path: [[UInt8]]

    package init(boot: String, device: String, path: [[UInt8]]) {
        self.boot = boot
        self.device = device
        self.path = path
    }

    /// Of the directory at `path`, or of the place where it would be made; nil where not even its parent can be found.
    ///
    /// - Parameter path: absolute; symlinks are followed.
    package init?(path: String) {
        let (real, missing) = PlaceIdentity.resolved(path)
        guard let real, let mounts = try? readFile("/proc/self/mountinfo", bytesMax: 64 << 20) else { return nil }
        let components = real.split(separator: UInt8(ascii: "/")).map(Array.init)
        guard let mount = MountTable(mounts).mount(of: components) else { return nil }
        boot = Host.bootID
        device = mount.device
        self.path = mount.root + components.dropFirst(mount.point.count) + missing
    }

    /// The path without symlinks; with its last component apart where that is missing.
    private static func resolved(_ path: String) -> ([UInt8]?, missing: [[UInt8]]) {
        if let real = real(path) { return (real, []) }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/") else { return (nil, []) }
        let (parent, name) = (path[..<slash], path[path.index(after: slash)...])
        return (real(parent.isEmpty ? "/" : String(parent)), [Array(name.utf8)])
    }

    private static func real(_ path: String) -> [UInt8]? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return Array(UnsafeRawBufferPointer(start: resolved, count: strlen(resolved)))
    }
}

/// The mounts of this process, as `/proc/self/mountinfo` lists them.
struct MountTable {
    struct Mount {
        var device: String
        /// `ext4`, `fuse.sshfs`.
        var type: String
        /// The directory of its file system that is mounted, and where.
        var root: [[UInt8]]
        var point: [[UInt8]]
    }

    private let mounts: [Mount]

    /// Lines that are not of the known form are left out.
    init(_ text: [UInt8]) { mounts = text.split(separator: UInt8(ascii: "\n")).compactMap(MountTable.parse) }

    /// The mount that a canonical path lies in: the deepest one, of several at one point the last.
    func mount(of path: [[UInt8]]) -> Mount? {
        var found: Mount?
        for mount in mounts where path.starts(with: mount.point) {
            if mount.point.count >= found?.point.count ?? 0 { found = mount }
        }
        return found
    }

    /// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`, see proc(5).
    private static func parse(_ line: ArraySlice<UInt8>) -> Mount? {
        let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
        guard fields.count == 6 else { return nil }
        let rest = fields[5].split(separator: UInt8(ascii: " "))
        let type = rest.firstIndex { $0.elementsEqual("-".utf8) }.flatMap {
            rest.indices.contains($0 + 1) ? rest[$0 + 1] : nil
        }
        return Mount(
            device: String(decoding: fields[2], as: UTF8.self),
            type: type.map { String(decoding: $0, as: UTF8.self) } ?? "unknown",
            root: components(fields[3]), point: components(fields[4]))
    }

    /// Components of a path in which space, tab, newline and backslash are written as three octal digits.
    private static func components(_ field: ArraySlice<UInt8>) -> [[UInt8]] {
        var bytes: [UInt8] = []
        var rest = field
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3,
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
            {
                bytes.append(value)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return bytes.split(separator: UInt8(ascii: "/")).map(Array.init)
    }
}
