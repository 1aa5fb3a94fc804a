import Glibc

/// A port of loopback that is taken and not listened on, as long as this lives: who connects is refused, whatever other servers start
/// meanwhile.
package final class QuietPort: Sendable {
    private let socket: Int32
    package let number: Int

    /// - Parameter wanted: 0 for any that is free.
    package init(_ wanted: Int = 0) {
        let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        // Connections of a server that ended a moment ago may still be known.
        var isReused: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &isReused, socklen_t(MemoryLayout<Int32>.size))
        var address = loopbackAddress(wanted)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                _ = bind(descriptor, pointer, size)
                _ = getsockname(descriptor, pointer, &size)
            }
        }
        socket = descriptor
        number = Int(UInt16(bigEndian: address.sin_port))
    }

    deinit { close(socket) }
}

func loopbackAddress(_ port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
}
