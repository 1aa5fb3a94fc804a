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

/// Sets user and group of what `descriptor` names (`O_PATH` too, of a symlink as well); nil leaves it. Takes setuid and setgid of a file away.
package func setOwner(descriptor: Int32, user: UInt32?, group: UInt32?) throws(SystemError) {
    if user == nil && group == nil { return }
    try check("fchownat") { hw_chown_descriptor(descriptor, user ?? .max, group ?? .max) }
}

/// The same of `name` in a directory, never following a symlink.
package func setOwner(_ directory: Int32, _ name: UnsafePointer<CChar>, user: UInt32?, group: UInt32?)
    throws(SystemError)
{
    if user == nil && group == nil { return }
    try check("fchownat") { fchownat(directory, name, user ?? .max, group ?? .max, HW_AT_SYMLINK_NOFOLLOW) }
}
