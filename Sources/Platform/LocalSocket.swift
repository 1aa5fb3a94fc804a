import CLinux
import Glibc

/// A stream socket between processes of one user on one machine, in the abstract namespace: nothing stays behind.
///
/// Whoever is at the other end is asked for by the kernel: both sides refuse another user.
package final class LocalSocket: Sendable {
    private let descriptor: Descriptor

    private init(_ descriptor: Descriptor) { self.descriptor = descriptor }

    /// Listens under `name` (at most 100 bytes). EADDRINUSE when it is taken.
    package static func listen(_ name: String) throws(SystemError) -> LocalSocket {
        LocalSocket(Descriptor(owning: try check("bind") { hw_abstract_listen(name) }))
    }

    /// ECONNREFUSED while nobody listens; EPERM when a process of another user does.
    package static func connect(_ name: String) throws(SystemError) -> LocalSocket {
        let socket = LocalSocket(Descriptor(owning: try check("connect") { hw_abstract_connect(name) }))
        try socket.refuseOthers()
        return socket
    }

    /// Waits for the next connection of a process of this user; others are closed at once.
    package func accept() throws(SystemError) -> LocalSocket {
        while true {
            let socket = LocalSocket(Descriptor(owning: try check("accept4") { hw_accept(descriptor.raw) }))
            if (try? socket.refuseOthers()) != nil { return socket }
        }
    }

    private func refuseOthers() throws(SystemError) {
        var user: UInt32 = .max
        var pid: Int32 = 0
        try check("getsockopt") { hw_peer_uid(descriptor.raw, &user, &pid) }
        if user != geteuid() { throw SystemError("getsockopt", EPERM) }
    }

    /// Hands descriptors over, with a note of at most 255 bytes; they stay open here too.
    package func send(_ descriptors: [Int32], note: String = "") throws(SystemError) {
        let text = Array(note.utf8)
        precondition(text.count <= 255)
        var count = UInt8(text.count)
        try check("sendmsg") { hw_send_fds(descriptor.raw, descriptors, Int32(descriptors.count), &count, 1) }
        if count == 0 { return }
        try checkSize("send") { Glibc.send(descriptor.raw, text, text.count, Int32(MSG_NOSIGNAL)) }
    }

    /// Waits for `count` descriptors and their note; EPROTO when something else comes.
    package func receive(_ count: Int) throws(SystemError) -> (descriptors: [Descriptor], note: String) {
        var raw = [Int32](repeating: -1, count: count)
        var got = Int32(count)
        var noteCount: UInt8 = 0
        try checkSize("recvmsg") { Int(hw_recv_fds(descriptor.raw, &raw, &got, &noteCount, 1)) }
        let received = raw.prefix(Int(got)).map { Descriptor(owning: $0) }
        var note = [UInt8](repeating: 0, count: Int(noteCount))
        let size = noteCount == 0 ? 0 : recv(descriptor.raw, &note, note.count, Int32(MSG_WAITALL))
        if received.count != count || size != note.count { throw SystemError("recvmsg", EPROTO) }
        return (received, String(decoding: note, as: UTF8.self))
    }

    package func send(_ byte: UInt8) throws(SystemError) {
        var byte = byte
        try checkSize("send") { Glibc.send(descriptor.raw, &byte, 1, Int32(MSG_NOSIGNAL)) }
    }

    /// Waits for one byte; nil when the other end is gone.
    package func receiveByte() throws(SystemError) -> UInt8? {
        var byte: UInt8 = 0
        return try checkSize("recv") { recv(descriptor.raw, &byte, 1, 0) } == 1 ? byte : nil
    }
}
