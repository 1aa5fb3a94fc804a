import Core
import Glibc
import Platform
import TestSupport
import Testing

@testable import SSH

@Suite struct HostConnectionsTests {
    /// Channels at once, each echoing what it is sent; the connections that carry them.
    private func connections(of channelCount: Int, _ server: SSHServer) throws -> Int {
        let hosts = HostConnections(server.settings())
        defer { hosts.close() }
        let threads = (10..<10 + channelCount).map { index in
            WorkerThread("edge") { () throws -> Channel in
                let channel = try hosts.openChannel(command: "cat")
                try channel.write(Array("edge \(index)".utf8))
                let answer = try channel.readExactly(7)
                if answer != Array("edge \(index)".utf8) { throw SystemError("echo", EIO) }
                return channel
            }
        }
        let channels = try threads.map { try $0.join() }
        defer { channels.forEach { $0.close() } }
        return hosts.connectionCount
    }

    /// However their answers come in: as few as hold them, and no handshake more than are under way at a time.
    @Test(arguments: [
        ("MaxSessions 10", 12, 2), ("MaxSessions 1", 12, 12), ("MaxSessions 20", 12, 1), ("MaxSessions 10", 64, 7),
    ])
    func furtherConnectionsCarryWhatTheServersLimitRefuses(line: String, channels: Int, expected: Int) throws {
        #expect(try connections(of: channels, try SSHServer(.init(config: [line]))) == expected)
    }

    @Test func aServerWithoutSessionsIsNamed() throws {
        let server = try SSHServer(.init(config: ["MaxSessions 0"]))
        let hosts = HostConnections(server.settings())
        defer { hosts.close() }
        #expect(code { _ = try hosts.openChannel(command: "true") } == "ssh.session-limit")
    }

    @Test func roomThatAClosedChannelLeavesIsUsedAgain() throws {
        let server = try SSHServer(.init(config: ["MaxSessions 1"]))
        let hosts = HostConnections(server.settings())
        defer { hosts.close() }
        for _ in 0..<5 {
            let channel = try hosts.openChannel(command: "echo")
            _ = try channel.readAll()
            channel.close()
        }
        #expect(hosts.connectionCount <= 5)
    }

    @Test func aRefusedPortIsTriedThreeTimesAndThenGivenUp() throws {
        let server = try SSHServer()
        let quiet = QuietPort()
        defer { withExtendedLifetime(quiet) {} }
        let hosts = HostConnections(
            server.settings { $0.port = quiet.number }, retry: .init(firstPauseSeconds: 0.01))
        #expect(code { _ = try hosts.openChannel(command: "true") } == "ssh.connect")
    }

    @Test func aRefusedLoginIsNotTriedAgain() throws {
        let server = try SSHServer()
        let directory = TemporaryDirectory()
        try SSHServer.generateKey("ed25519", directory("stranger"))
        let hosts = HostConnections(server.settings { $0.identityFiles = [directory("stranger")] })
        let callers = (0..<8).map { _ in WorkerThread("edge") { code { _ = try hosts.openChannel(command: "true") } } }
        for caller in callers { #expect(try caller.join() == "ssh.login-refused") }
        #expect(code { _ = try hosts.openChannel(command: "true") } == "ssh.login-refused")
        #expect(server.log.split(separator: "\n").count { $0.contains("Failed publickey") } == 1, "\(server.log)")
    }

    @Test func manyCallersShareTheTriesToAHostThatIsDown() throws {
        let server = try SSHServer()
        let (listener, port) = try silentListener()
        defer { close(listener) }
        let hosts = HostConnections(
            server.settings {
                $0.port = port
                $0.loginTimeoutSeconds = 0.3
            }, retry: .init(firstPauseSeconds: 0.01))
        let callers = (0..<40).map { _ in WorkerThread("edge") { code { _ = try hosts.openChannel(command: "true") } } }
        for caller in callers { #expect(try caller.join() == "ssh.timeout") }
        // Each for itself they would come 120 times.
        var comers = 0
        var waiting = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
        while poll(&waiting, 1, 0) == 1 {
            close(accept(listener, nil, nil))
            comers += 1
        }
        #expect((3..<60).contains(comers))
    }

    @Test func aLostConnectionIsReplaced() throws {
        let server = try SSHServer()
        let hosts = HostConnections(server.settings(), retry: .init(firstPauseSeconds: 0.01))
        defer { hosts.close() }
        let first = try hosts.openChannel(command: "cat")
        for pid in server.descendants() { kill(pid, SIGKILL) }
        #expect(code { _ = try first.readAll() } == "ssh.connection-lost")
        let second = try hosts.openChannel(command: "echo again")
        #expect(try second.readAll() == Array("again\n".utf8))
        second.close()
    }

    @Test func closingEndsAnAttemptThatIsUnderWay() throws {
        let server = try SSHServer()
        let (listener, port) = try silentListener()
        defer { close(listener) }
        let hosts = HostConnections(server.settings { $0.port = port })
        let caller = WorkerThread("edge") { code { _ = try hosts.openChannel(command: "true") } }
        var waiting = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
        #expect(poll(&waiting, 1, -1) == 1)
        hosts.close()
        #expect(try caller.join() == "ssh.connection-closed")
    }

    @Test func closingEndsAPauseBetweenTries() throws {
        let server = try SSHServer()
        let quiet = QuietPort()
        defer { withExtendedLifetime(quiet) {} }
        let hosts = HostConnections(
            server.settings { $0.port = quiet.number }, retry: .init(firstPauseSeconds: 50))
        let caller = WorkerThread("edge") { code { _ = try hosts.openChannel(command: "true") } }
        hosts.close()
        #expect(try caller.join() == "ssh.connection-closed")
    }

    @Test func aChannelThatNobodyReadsDoesNotStallAnother() throws {
        let server = try SSHServer()
        let connection = try server.connect()
        defer { connection.close() }
        let stalled = try connection.openChannel(command: "cat /dev/zero")
        // More than its ring and window hold arrives only if somebody reads.
        _ = try stalled.readExactly(1)
        let blocked = try connection.openChannel(command: idleCommand)
        let writer = WorkerThread("writer") {
            code { for _ in 0..<64 { try blocked.write([UInt8](repeating: 1, count: 1 << 20)) } }
        }
        let other = try connection.openChannel(command: "head -c 67108864 /dev/zero")
        #expect(try other.readAll().count == 67_108_864)
        other.close()
        blocked.close()
        stalled.close()
        #expect(try writer.join() == "ssh.channel-closed")
    }

    @Test func aFloodOfErrorsIsDrainedAndCapped() throws {
        let server = try SSHServer()
        let connection = try server.connect()
        defer { connection.close() }
        let channel = try connection.openChannel(command: "head -c 67108864 /dev/zero >&2; echo the end >&2; echo done")
        #expect(try channel.readAll() == Array("done\n".utf8))
        #expect(channel.stderrTail.count == 4096)
        #expect(channel.stderrTail.suffix(8) == Array("the end\n".utf8)[...])
        channel.close()
    }
}
