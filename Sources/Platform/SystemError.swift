import Glibc

/// A system call that failed.
package struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    package let call: String
    package let errno: Int32

    package init(_ call: StaticString, _ errno: Int32 = Glibc.errno) {
        self.call = "\(call)"
        self.errno = errno
    }

    /// `openat: No such file or directory (2)`.
    package var description: String { "\(call): \(String(cString: strerror(errno))) (\(errno))" }

    package var isMissing: Bool { errno == ENOENT || errno == ENOTDIR }
    /// Whether it concerns extended attributes or ACLs.
    package var isOfExtended: Bool { call.hasSuffix("xattr") }
    package var isNoSpace: Bool { errno == ENOSPC || errno == EDQUOT }
}

/// Runs a call that returns -1 and sets `errno`, again after EINTR.
@discardableResult
package func check(_ call: StaticString, _ body: () -> Int32) throws(SystemError) -> Int32 {
    while true {
        let result = body()
        if result >= 0 { return result }
        if errno != EINTR { throw SystemError(call) }
    }
}

/// The same for calls that return a size.
@discardableResult
package func checkSize(_ call: StaticString, _ body: () -> Int) throws(SystemError) -> Int {
    while true {
        let result = body()
        if result >= 0 { return result }
        if errno != EINTR { throw SystemError(call) }
    }
}
