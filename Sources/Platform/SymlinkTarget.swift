import CLinux
import Glibc

/// The target of the symlink `name` in `directory`, at most 4 096 bytes. EINVAL where it is none.
package func readLink(at directory: Int32, _ name: UnsafePointer<CChar>) throws(SystemError) -> [UInt8] {
    var target = [UInt8](repeating: 0, count: Int(PATH_MAX) + 1)
    let count = try checkSize("readlinkat") {
        target.withUnsafeMutableBytes {
            readlinkat(directory, name, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
        }
    }
    return Array(target[..<count])
}
