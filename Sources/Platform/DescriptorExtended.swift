import CLinux
import Core
import Glibc

/// Extended attributes of what a descriptor names (`O_PATH` too, of a symlink as well): the inode itself, whatever its name means by now.
package enum DescriptorExtended {
    /// Where the ACL of an entry lies, and the one that new entries in a directory get.
    package static let accessList = Array("system.posix_acl_access".utf8)
    package static let standardList = Array("system.posix_acl_default".utf8)

    /// The most bytes of one value, or of all names (xattr(7)).
    private static let bytesMax = 64 << 10

    /// The names of all that this process may see. None where the file system has none.
    package static func names(_ descriptor: Int32) throws(SystemError) -> [[UInt8]] {
        do throws(SystemError) {
            let names = try bytes("listxattr") { buffer, count in
                hw_list_xattrs_descriptor(descriptor, buffer?.assumingMemoryBound(to: CChar.self), count)
            }
            return names.split(separator: 0).map(Array.init)
        } catch {
            if error.errno == EOPNOTSUPP { return [] }
            throw error
        }
    }

    /// Nil where there is none of that name; also of a list where the file system has none.
    package static func value(_ descriptor: Int32, _ name: [UInt8]) throws(SystemError) -> [UInt8]? {
        let text = cString(name)
        do throws(SystemError) {
            return try bytes("getxattr") { buffer, count in hw_get_xattr_descriptor(descriptor, text, buffer, count) }
        } catch {
            if error.errno == ENODATA || error.errno == EOPNOTSUPP { return nil }
            throw error
        }
    }

    package static func set(_ descriptor: Int32, _ name: [UInt8], _ value: [UInt8]) throws(SystemError) {
        let text = cString(name)
        try check("setxattr") { hw_set_xattr_descriptor(descriptor, text, value, value.count) }
    }

    /// Also fine where there is none of that name.
    package static func remove(_ descriptor: Int32, _ name: [UInt8]) throws(SystemError) {
        let text = cString(name)
        if hw_remove_xattr_descriptor(descriptor, text) != 0, errno != ENODATA { throw SystemError("removexattr") }
    }

    /// Whether the file system has attributes of this name's kind; nil when that cannot be told. Asked of any entry, which need not have one.
    package static func isKnown(_ descriptor: Int32, _ name: String) -> Bool? {
        if hw_get_xattr_descriptor(descriptor, name, nil, 0) >= 0 { return true }
        return errno == ENODATA ? true : errno == EOPNOTSUPP ? false : nil
    }

    private static func cString(_ name: [UInt8]) -> [CChar] { name.map { CChar(bitPattern: $0) } + [0] }

    /// Calls with a buffer that is large enough, a small one at first.
    private static func bytes(_ call: StaticString, _ body: (UnsafeMutableRawPointer?, Int) -> Int)
        throws(SystemError) -> [UInt8]
    {
        for size in [512, bytesMax] {
            var count = 0
            let found = [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
                count = body(buffer.baseAddress, size)
                initialized = max(count, 0)
            }
            if count >= 0 { return found }
            if errno != ERANGE || size == bytesMax { throw SystemError(call) }
        }
        return []
    }
}
