import CLinux
import Glibc

/// Connected stream sockets, as the SSH link needs them.
package enum StreamSocket {
    /// Why a connection did not come about.
    package enum ConnectFailure: Error, Sendable {
        /// The name has no address; the resolver's words.
        case name(String)
        case system(SystemError)
    }

    /// Connects to the address of `host` that answers first; non-blocking, close-on-exec, without Nagle's delay, with keep-alive
    /// probes after 30 s and an end after 60 s of unacknowledged data.
    ///
    /// Blocks: the resolver for as long as it likes, all attempts together at most `timeoutMilliseconds`.
    package static func connect(host: String, port: Int, timeoutMilliseconds: Int32) throws(ConnectFailure)
        -> Descriptor
    {
        let addresses = try AddressRace.Address.resolve(host, port: port)
        let fd: Int32
        do {
            fd = try AddressRace.connect(
                addresses, until: MonotonicClock.after(seconds: Double(timeoutMilliseconds) / 1000))
        } catch {
            throw .system(error)
        }
        _ = hw_tcp_option(fd, 0, 1)
        _ = hw_tcp_option(fd, 1, 1)
        _ = hw_tcp_option(fd, 2, 60_000)
        return Descriptor(owning: fd)
    }

    /// Connects to a Unix socket; reads and writes end with EAGAIN after `timeoutSeconds`. Close-on-exec.
    package static func connect(path: String, timeoutSeconds: Int) throws(SystemError) -> Descriptor {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let socket = Descriptor(owning: try check("socket") { Glibc.socket(AF_UNIX, type, 0) })
        var limit = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(socket.raw, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw SystemError("connect", ENAMETOOLONG)
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket.raw, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        if result != 0 { throw SystemError("connect") }
        return socket
    }

    /// Two connected stream sockets; close-on-exec.
    package static func pair() throws(SystemError) -> (Descriptor, Descriptor) {
        var ends: [Int32] = [-1, -1]
        try check("socketpair") { hw_socketpair(&ends) }
        return (Descriptor(owning: ends[0]), Descriptor(owning: ends[1]))
    }

    /// Acknowledges what has arrived now instead of up to 40 ms later. The kernel forgets it: ask again after each receive.
    package static func acknowledgeNow(_ fd: Int32) { _ = hw_tcp_option(fd, 3, 1) }
}

extension SystemError {
    package var isTimeout: Bool { errno == ETIMEDOUT }
}
