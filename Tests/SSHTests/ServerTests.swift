import Glibc
import Platform
import TestSupport
import Testing

@Suite struct ServerTests {
    @Test func whatOutlivesItsConnectionEndsWithTheServer() throws {
        let server = try SSHServer()
        let connection = try server.connect()
        let channel = try connection.openChannel(command: "sleep 1000 >/dev/null 2>&1 & echo $!")
        let pid = try #require(Int32(String(decoding: try channel.readAll(), as: UTF8.self).filter(\.isNumber)))
        channel.close()
        connection.close()
        #expect(kill(pid, 0) == 0)
        server.stop()
        // A zombie until init or the parent looks: it has no environment any more.
        while let left = try? readFile("/proc/\(pid)/environ", bytesMax: 1 << 18), !left.isEmpty { poll(nil, 0, 2) }
    }

    @Test func aServerListensAndLeavesNothing() throws {
        let server = try SSHServer()
        #expect(server.hostKeyFingerprint.hasPrefix("SHA256:"))
        server.stop()
        #expect(server.descendants().isEmpty)
    }

    @Test func theRefusalOfAStoppedServerIsNobodyElsesAnswer() throws {
        let server = try SSHServer()
        server.stop()
        for _ in 0..<50 { #expect(SSHServer.freePort() != server.port) }
        var failure: StreamSocket.ConnectFailure?
        do throws(StreamSocket.ConnectFailure) {
            _ = try StreamSocket.connect(host: "127.0.0.1", port: server.port, timeoutMilliseconds: 5000)
        } catch { failure = error }
        guard case .system(let error) = failure else { return #expect(Bool(false), "\(String(describing: failure))") }
        #expect(error.errno == ECONNREFUSED)
    }
}
