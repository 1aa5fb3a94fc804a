import CLinux
import Core
import Glibc

/// Sets the permission bits of what `descriptor` names (`O_PATH` too): the inode itself, whatever its name means by now.
package func setPermissions(descriptor: Int32, _ mode: UInt16) throws(SystemError) {
    try check("fchmodat2") { hw_chmod_descriptor(descriptor, UInt32(mode)) }
}

/// Sets the modification time of what `descriptor` names (`O_PATH` too, of a symlink as well).
package func setModificationTime(descriptor: Int32, _ time: Timestamp) throws(SystemError) {
    try check("utimensat") { hw_utimens_descriptor(descriptor, time.seconds, time.nanoseconds) }
}
