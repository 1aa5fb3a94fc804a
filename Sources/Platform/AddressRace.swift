import CLinux
import Glibc

/// Connects to the address of a name that answers first: a small form of RFC 8305 ("Happy Eyeballs").
///
/// The addresses are tried in the resolver's order, each one 250 ms after the one before or as soon as that has failed; those that are
/// under way go on. So an address that swallows packets costs a moment, and one that refuses costs nothing.
struct AddressRace {
    struct Address: Sendable {
        var family: Int32
        /// A `sockaddr` of this family.
        var bytes: [UInt8]
    }

    private static let staggerNanoseconds: UInt64 = 250_000_000
    private static let addressesMax = 16

    private var waiting: ArraySlice<Address>
    private var open: [Int32] = []
    private var nextStart = MonotonicClock.now
    private var failure = SystemError("connect", ETIMEDOUT)

    /// A connected socket, non-blocking and close-on-exec, which the caller owns. Blocks at most until `deadline`.
    ///
    /// - Throws: why the last of the addresses failed; ETIMEDOUT when the time is over.
    static func connect(_ addresses: [Address], until deadline: UInt64) throws(SystemError) -> Int32 {
        var race = AddressRace(waiting: addresses.prefix(addressesMax))
        defer { for socket in race.open { close(socket) } }
        while true {
            if let connected = race.start() { return connected }
            if race.open.isEmpty && race.waiting.isEmpty { throw race.failure }
            let now = MonotonicClock.now
            if now >= deadline { throw SystemError("connect", ETIMEDOUT) }
            let until = race.waiting.isEmpty ? deadline : min(deadline, race.nextStart)
            if let connected = race.wait(milliseconds: Int32((until > now ? until - now : 0) / 1_000_000) + 1) {
                return connected
            }
        }
    }

    private init(waiting: ArraySlice<Address>) { self.waiting = waiting }

    /// Begins with every address that is due; returns a socket that is connected already.
    private mutating func start() -> Int32? {
        while open.isEmpty || MonotonicClock.now >= nextStart, let address = waiting.popFirst() {
            let socket = hw_socket_nonblocking(address.family)
            if socket < 0 {
                failure = SystemError("socket")
                continue
            }
            let result = address.bytes.withUnsafeBytes { bytes in
                Glibc.connect(
                    socket, bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
            }
            if result == 0 { return socket }
            if errno == EINPROGRESS {
                open.append(socket)
                nextStart = MonotonicClock.now + AddressRace.staggerNanoseconds
            } else {
                failure = SystemError("connect")
                close(socket)
            }
        }
        return nil
    }

    private mutating func wait(milliseconds: Int32) -> Int32? {
        var polls = open.map { pollfd(fd: $0, events: Int16(POLLOUT), revents: 0) }
        guard poll(&polls, nfds_t(polls.count), milliseconds) > 0 else { return nil }
        for entry in polls where entry.revents != 0 {
            open.removeAll { $0 == entry.fd }
            var error: Int32 = 0
            var size = socklen_t(MemoryLayout<Int32>.size)
            if getsockopt(entry.fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0, error == 0 { return entry.fd }
            failure = SystemError("connect", error)
            close(entry.fd)
            nextStart = MonotonicClock.now
        }
        return nil
    }
}

extension AddressRace.Address {
    /// The addresses of a name, in the order in which they should be tried. Blocks as long as the resolver likes.
    ///
    /// - Throws: the resolver's words.
    static func resolve(_ host: String, port: Int) throws(StreamSocket.ConnectFailure) -> [Self] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let failed = getaddrinfo(host, String(port), &hints, &list)
        if failed != 0 { throw .name(String(cString: gai_strerror(failed))) }
        defer { freeaddrinfo(list) }
        var found: [Self] = []
        var next = list
        while let entry = next?.pointee {
            let bytes = UnsafeRawBufferPointer(start: entry.ai_addr, count: Int(entry.ai_addrlen))
            found.append(Self(family: entry.ai_family, bytes: Array(bytes)))
            next = entry.ai_next
        }
        return found
    }
}
