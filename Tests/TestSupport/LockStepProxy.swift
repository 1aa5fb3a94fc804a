import Foundation
import Platform

/// A link to a port on loopback that carries one direction at a time, and counts how often that turns.
///
/// All that one side has to say goes over, until it falls silent; then all that the other has. So a turn is what half a round
/// trip is on a link with a delay: who waits for an answer before going on costs a turn, who does not wait costs none. Nothing
/// here measures time; on a machine that is too slow for `quietMilliseconds` there are more turns, never fewer.
package final class LockStepProxy: Sendable {
    private struct State {
        var turns = 0
        var connections = 0
        var isStopped = false
    }

    package let port: Int
    private let listener: Int32
    private let state = Monitor(State())

    /// Listens on a port of its own and leads to `target` on loopback.
    package init(to target: Int, quietMilliseconds: Int32 = 40) throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        port = try LockStepProxy.listen(listener)
        let (listener, state) = (listener, state)
        Thread.detachNewThread {
            while true {
                let client = accept(listener, nil, nil)
                if client < 0 { break }
                state.update { $0.connections += 1 }
                Thread.detachNewThread { LockStepProxy.carry(client, target, quietMilliseconds, state) }
            }
            close(listener)
        }
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    /// Changes of direction so far, of all connections.
    package var turns: Int { state.read { $0.turns } }
    package var connections: Int { state.read { $0.connections } }

    private static func carry(_ client: Int32, _ target: Int, _ quiet: Int32, _ state: Monitor<State>) {
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer {
            close(client)
            close(server)
        }
        guard loopback(target, server, Glibc.connect) == 0 else { return }
        for side in [client, server] {
            var one: Int32 = 1
            setsockopt(side, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        }
        var (speaking, silent) = (server, client)
        while true {
            guard let said = forward(speaking, silent, quiet) else { return }
            if said { state.update { $0.turns += 1 } }
            (speaking, silent) = (silent, speaking)
        }
    }

    /// Carries until the speaker is silent for a while; whether it said anything, nil at the end of the connection.
    private static func forward(_ speaker: Int32, _ listener: Int32, _ quiet: Int32) -> Bool? {
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        var said = false
        var wait = pollfd(fd: speaker, events: Int16(POLLIN), revents: 0)
        // Who has said nothing yet gets no longer than a look, so that two silent sides do not wait for each other.
        while poll(&wait, 1, said ? quiet : 1) > 0 {
            let got = recv(speaker, &buffer, buffer.count, 0)
            guard got > 0 else { return nil }
            var done = 0
            while done < got {
                let put = buffer.withUnsafeBytes {
                    send(listener, $0.baseAddress! + done, got - done, Int32(MSG_NOSIGNAL))
                }
                guard put > 0 else { return nil }
                done += put
            }
            said = true
        }
        return said
    }

    private static func listen(_ fd: Int32) throws -> Int {
        let port = SSHServer.freePort()
        guard loopback(port, fd, Glibc.bind) == 0, Glibc.listen(fd, 64) == 0 else {
            throw SystemError("listen", errno)
        }
        return port
    }

    private static func loopback(
        _ port: Int, _ fd: Int32, _ call: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                call(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
