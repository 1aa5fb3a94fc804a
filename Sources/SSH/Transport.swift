import CSSH2
import Core
import Glibc
import Platform

/// The socket of one connection with the two buffers that libssh2 sees instead of it.
///
/// libssh2 1.10 loses its place when a write is cut short: `send` therefore always takes everything, into `queued` bytes of ours where
/// the socket does not. Belongs to the thread of the connection.
final class Transport {
    /// Beyond this much unsent, no channel may write more.
    static let queuedBytesSoft = 256 * 1024
    /// Beyond this much, control packets included, the peer takes nothing while it makes us answer: the connection ends.
    static let queuedBytesMax = 4 << 20
    private static let receiveBytes = 128 * 1024
    /// Receives of one pass, so that a flood cannot keep the thread from its other work.
    private static let receivesPerPassMax = 8
    private static let openingBytesMax = 32 * 1024

    let socket: Descriptor
    private let received = UnsafeMutableRawBufferPointer.allocate(byteCount: Transport.receiveBytes, alignment: 64)
    private var receivedHead = 0
    private var receivedTail = 0
    private var receivesLeft = Transport.receivesPerPassMax
    private var isDrained = false
    private var unsent: [UInt8] = []
    private var unsentHead = 0
    /// The first bytes from the server in clear text: its banner and its offer of algorithms.
    private(set) var opening: [UInt8] = []
    private var isRecordingOpening = true
    /// Something came from the socket since the pass began.
    private(set) var hasReceived = false
    /// From now on libssh2 sees a closed socket: lets it free its state without waiting for the peer.
    var isCut = false
    private(set) var error: Int32?

    init(socket: Descriptor) {
        self.socket = socket
        unsent.reserveCapacity(Transport.queuedBytesSoft * 2)
    }

    deinit { received.deallocate() }

    var queued: Int { unsent.count - unsentHead }
    var isBufferEmpty: Bool { receivedHead == receivedTail }

    func beginPass(readable: Bool) {
        receivesLeft = Transport.receivesPerPassMax
        hasReceived = false
        if readable { isDrained = false }
    }

    /// The clear text is over: stop keeping it.
    func endOpening() {
        isRecordingOpening = false
        opening = []
    }

    func receive(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        if isCut { return 0 }
        if isBufferEmpty {
            let got = refill()
            if got <= 0 { return got }
        }
        let count = min(buffer.count, receivedTail - receivedHead)
        memcpy(buffer.baseAddress!, received.baseAddress! + receivedHead, count)
        receivedHead += count
        return count
    }

    private func refill() -> Int {
        if isDrained || receivesLeft == 0 { return -Int(EAGAIN) }
        receivesLeft -= 1
        while true {
            let got = recv(socket.raw, received.baseAddress!, received.count, Int32(MSG_DONTWAIT))
            if got > 0 {
                accept(got)
                return got
            }
            if got == 0 { return 0 }
            if errno == EINTR { continue }
            if errno == EAGAIN {
                isDrained = true
            } else {
                error = errno
            }
            return -Int(errno)
        }
    }

    private func accept(_ count: Int) {
        (receivedHead, receivedTail) = (0, count)
        hasReceived = true
        if count < received.count {
            isDrained = true
            StreamSocket.acknowledgeNow(socket.raw)
        }
        if isRecordingOpening, opening.count < Transport.openingBytesMax {
            opening.append(contentsOf: received[..<min(count, Transport.openingBytesMax - opening.count)])
        }
    }

    /// Takes all of `bytes`, or ends the connection.
    func send(_ bytes: UnsafeRawBufferPointer) -> Int {
        if isCut { return bytes.count }
        var rest = bytes
        if queued == 0 { rest = UnsafeRawBufferPointer(rebasing: bytes[trySend(bytes)...]) }
        if error != nil || queued + rest.count > Transport.queuedBytesMax { return -Int(EPIPE) }
        unsent.append(contentsOf: rest)
        return bytes.count
    }

    /// Gives the socket what it takes.
    func flush() {
        guard queued > 0 else { return }
        unsentHead += unsent.withUnsafeBytes { trySend(UnsafeRawBufferPointer(rebasing: $0[unsentHead...])) }
        if unsentHead == unsent.count {
            unsent.removeAll(keepingCapacity: true)
            unsentHead = 0
        } else if unsentHead > Transport.queuedBytesSoft {
            unsent.removeFirst(unsentHead)
            unsentHead = 0
        }
    }

    private func trySend(_ bytes: UnsafeRawBufferPointer) -> Int {
        let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
        while error == nil, !bytes.isEmpty {
            let sent = Glibc.send(socket.raw, bytes.baseAddress!, bytes.count, flags)
            if sent >= 0 { return sent }
            if errno == EINTR { continue }
            if errno != EAGAIN { error = errno }
            break
        }
        return 0
    }
}

extension Transport {
    /// A libssh2 session that reads and writes through this; nil without memory. This must outlive it.
    func makeSession() -> OpaquePointer? {
        guard let session = libssh2_session_init_ex(nil, nil, nil, Unmanaged.passUnretained(self).toOpaque()) else {
            return nil
        }
        typealias Abstract = UnsafeMutablePointer<UnsafeMutableRawPointer?>
        let send: @convention(c) (Int32, UnsafeRawPointer?, Int, Int32, Abstract?) -> Int = {
            _, bytes, count, _, abstract in
            Transport.of(abstract).send(UnsafeRawBufferPointer(start: bytes, count: count))
        }
        let receive: @convention(c) (Int32, UnsafeMutableRawPointer?, Int, Int32, Abstract?) -> Int = {
            _, bytes, count, _, abstract in
            Transport.of(abstract).receive(into: UnsafeMutableRawBufferPointer(start: bytes, count: count))
        }
        libssh2_session_callback_set(
            session, LIBSSH2_CALLBACK_SEND, unsafeBitCast(send, to: UnsafeMutableRawPointer.self))
        libssh2_session_callback_set(
            session, LIBSSH2_CALLBACK_RECV, unsafeBitCast(receive, to: UnsafeMutableRawPointer.self))
        libssh2_session_set_blocking(session, 0)
        return session
    }

    private static func of(_ abstract: UnsafeMutablePointer<UnsafeMutableRawPointer?>?) -> Transport {
        Unmanaged<Transport>.fromOpaque(abstract!.pointee!).takeUnretainedValue()
    }
}
