import Core
import Glibc
import Platform
import TestSupport
import Testing

@testable import SSH

/// Servers that take few at a time, talk much before they begin, or listen at unusual addresses.
@Suite struct BusyServerTests {
    private func logins(_ server: SSHServer) -> Int { server.log.components("Accepted publickey") }

    @Test func aServerThatTakesOneLoginAtATimeIsWaitedOut() throws {
        let server = try SSHServer(.init(config: ["MaxSessions 1", "MaxStartups 1:100:1"]))
        let hosts = HostConnections(server.settings(), retry: .init(firstPauseSeconds: 0.05))
        defer { hosts.close() }
        let threads = (0..<8).map { _ in
            WorkerThread("edge") { () throws -> Channel in
                let channel = try hosts.openChannel(command: "echo here; cat")
                if try channel.readExactly(5) != Array("here\n".utf8) { throw SystemError("echo", EIO) }
                return channel
            }
        }
        for channel in try threads.map({ try $0.join() }) { channel.close() }
        #expect(logins(server) >= 8)
    }

    @Test func aFullServerIsAskedAgainAndNamed() throws {
        let server = try SSHServer(.init(config: ["MaxStartups 1:100:1"]))
        let silent = try greeted(server.port)
        defer { close(silent) }
        let hosts = HostConnections(
            server.settings(), retry: .init(secondsMax: 0.5, firstPauseSeconds: 0.05))
        let error = #expect(throws: HeadwaterError.self) { _ = try hosts.openChannel(command: "true") }
        #expect(error?.code == "ssh.busy" && error?.exit == .unreachable && error?.isTransient == true)
        let later = HostConnections(server.settings(), retry: .init(firstPauseSeconds: 0.05))
        let waiting = WorkerThread("edge") { try later.openChannel(command: "echo here").readAll() }
        let before = server.log.components("past MaxStartups")
        while server.log.components("past MaxStartups") < before + 4, !waiting.isFinished { poll(nil, 0, 2) }
        shutdown(silent, Int32(SHUT_RDWR))
        #expect(try waiting.join() == Array("here\n".utf8))
        later.close()
    }

    @Test func aLongBannerBeforeTheLoginIsNoObstacle() throws {
        let directory = TemporaryDirectory()
        try SSHServer.write(String(repeating: "This system is watched. \u{1B}[31m\n", count: 350), directory("banner"))
        let server = try SSHServer(.init(config: ["Banner " + directory("banner")]))
        let connection = try server.connect()
        defer { connection.close() }
        let channel = try connection.openChannel(command: "echo here")
        #expect(try channel.readAll() == Array("here\n".utf8))
        channel.close()
    }

    /// RFC 4253 §4.2: lines before the version.
    @Test func linesBeforeTheVersionAreNoObstacle() throws {
        let server = try SSHServer()
        let lines = String(repeating: "one of many lines\r\n", count: 40) + String(repeating: "x", count: 900) + "\r\n"
        let talker = try Talker(greeting: lines, to: server.port)
        let connection = try Connection.open(
            server.settings {
                $0.port = talker.port
                $0.hostKeyAlias = "[127.0.0.1]:\(server.port)"
            })
        let channel = try connection.openChannel(command: "echo here")
        #expect(try channel.readAll() == Array("here\n".utf8))
        channel.close()
        connection.close()
        try talker.end()
    }

    @Test(arguments: ["::1", "localhost"])
    func aServerAtIPv6IsReached(host: String) throws {
        let server = try SSHServer(.init(config: ["ListenAddress ::1"]))
        server.waitUntilListening(on: "::1")
        let directory = TemporaryDirectory()
        try SSHServer.write("[\(host)]:\(server.port) \(server.hostKey())\n", directory("known_hosts"))
        let connection = try Connection.open(
            server.settings {
                $0.hostName = host
                $0.knownHostsFiles = [directory("known_hosts")]
            })
        let channel = try connection.openChannel(command: "echo here")
        #expect(try channel.readAll() == Array("here\n".utf8))
        connection.close()
    }
}

/// Holds the one login that a server takes: somebody whom it has greeted, and who says nothing.
private func greeted(_ port: Int) throws -> Int32 {
    while true {
        let descriptor = try connectedSocket(port)
        var first: UInt8 = 0
        if read(descriptor, &first, 1) == 1, first == UInt8(ascii: "S") { return descriptor }
        close(descriptor)
    }
}

private func connectedSocket(_ port: Int) throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let result = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    try #require(result == 0)
    return descriptor
}

/// Says something to the one who comes, then carries bytes between it and a server.
private final class Talker: Sendable {
    let port: Int
    private let listener: Int32
    private let threads: WorkerThread<Void>

    init(greeting: String, to server: Int) throws {
        let (listener, port) = try silentListener()
        self.port = port
        self.listener = listener
        threads = WorkerThread("talker") {
            let comer = accept(listener, nil, nil)
            let onward = try connectedSocket(server)
            try writeFully(comer, Array(greeting.utf8))
            let back = WorkerThread<Void>("talker-back") { Talker.copy(onward, comer) }
            Talker.copy(comer, onward)
            try back.join()
            close(comer)
            close(onward)
        }
    }

    func end() throws {
        try threads.join()
        close(listener)
    }

    private static func copy(_ from: Int32, _ to: Int32) {
        var chunk = [UInt8](repeating: 0, count: 16384)
        while true {
            let got = read(from, &chunk, chunk.count)
            if got <= 0 { break }
            try? writeFully(to, Array(chunk[..<got]))
        }
        shutdown(to, Int32(SHUT_WR))
    }
}
