import Foundation

/// Extended attributes and ACLs of a path itself, never of what a symlink leads to. The C library's own calls, which Swift does not see.
package enum Xattr {
    private typealias Set =
        @convention(c) (UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafeRawPointer?, Int, Int32) -> Int32
    private typealias Get =
        @convention(c) (UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafeMutableRawPointer?, Int) -> Int
    private typealias List = @convention(c) (UnsafePointer<CChar>, UnsafeMutableRawPointer?, Int) -> Int
    private typealias Remove = @convention(c) (UnsafePointer<CChar>, UnsafePointer<CChar>) -> Int32

    private static func call<Function>(_ name: String, _ type: Function.Type) -> Function {
        unsafeBitCast(dlsym(nil, name), to: type)
    }

    @discardableResult
    package static func set(_ path: String, _ name: String, _ value: [UInt8]) -> Bool {
        call("lsetxattr", Set.self)(path, name, value, value.count, 0) == 0
    }

    @discardableResult
    package static func set(_ path: String, _ name: String, _ value: String) -> Bool {
        set(path, name, Array(value.utf8))
    }

    @discardableResult
    package static func remove(_ path: String, _ name: String) -> Bool {
        call("lremovexattr", Remove.self)(path, name) == 0
    }

    /// Nil where there is none.
    package static func get(_ path: String, _ name: String) -> [UInt8]? {
        var value = [UInt8](repeating: 0, count: 1 << 16)
        let count = value.withUnsafeMutableBytes { call("lgetxattr", Get.self)(path, name, $0.baseAddress, $0.count) }
        return count < 0 ? nil : Array(value[..<count])
    }

    /// All of a path but for labels: `name=value`, the value as text where it is, ACLs among them.
    package static func all(_ path: String) -> [String] {
        var names = [UInt8](repeating: 0, count: 1 << 16)
        let count = names.withUnsafeMutableBytes { call("llistxattr", List.self)(path, $0.baseAddress, $0.count) }
        return names[..<max(count, 0)].split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            .filter { !$0.hasPrefix("security.selinux") }.sorted()
            .map { "\($0)=\(String(decoding: get(path, $0) ?? [], as: UTF8.self).debugDescription)" }
    }

    /// Of everything below a directory but `.headwater`, a line for each entry with its mode.
    package static func tree(_ root: String) -> String {
        let paths = FileManager.default.enumerator(atPath: root)!.compactMap { $0 as? String }
        return paths.filter { !$0.hasPrefix(".headwater") }.sorted().map { path in
            var status = stat()
            lstat("\(root)/\(path)", &status)
            return "\(path) \(String(status.st_mode, radix: 8)) \(all("\(root)/\(path)"))"
        }.joined(separator: "\n")
    }

    /// An ACL as the kernel takes it: `tag, permissions, number` for each entry; tags 1 owner, 2 user, 4 group, 8 named group, 16 mask,
    /// 32 others.
    package static func list(_ entries: [(tag: UInt16, permissions: UInt16, id: UInt32)]) -> [UInt8] {
        var bytes: [UInt8] = [2, 0, 0, 0]
        for entry in entries {
            for number in [entry.tag, entry.permissions] {
                bytes += [UInt8(truncatingIfNeeded: number), UInt8(number >> 8)]
            }
            bytes += [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: entry.id >> UInt32($0)) }
        }
        return bytes
    }

    /// Owner rwx, one named user, the group r-x, a mask and others ---.
    package static func list(user: UInt32, _ permissions: UInt16, mask: UInt16 = 7) -> [UInt8] {
        list([(1, 7, .max), (2, permissions, user), (4, 5, .max), (16, mask, .max), (32, 0, .max)])
    }

    package static let access = "system.posix_acl_access"
    package static let standard = "system.posix_acl_default"
}
