import Core
import Glibc
import Platform
import TestSupport
import Testing

@testable import SSH

@Suite struct ChannelTests {
    @Test func aCommandsOutputErrorsAndStatusArrive() throws {
        let server = try SSHServer()
        let connection = try server.connect()
        let channel = try connection.openChannel(command: "echo out; echo err >&2; exit 3")
        #expect(try channel.readAll() == Array("out\n".utf8))
        #expect(channel.waitForExit(seconds: 10) == 3)
        #expect(channel.stderrTail == Array("err\n".utf8))
        channel.close()
        connection.close()
    }

    @Test func bothDirectionsAtOnceCarryEveryByte() throws {
        let server = try SSHServer()
        let connection = try server.connect()
        defer { connection.close() }
        try duplex(connection, bytes: 64 << 20)
    }

    /// With a tiny send buffer nearly every write to the socket is cut short, which libssh2 alone does not survive.
    @Test func shortWritesOfTheSocketLoseNothing() throws {
        let server = try SSHServer(.init(config: ["RekeyLimit 1M"]))
        let connection = try Connection.open(server.settings { $0.sendBufferBytes = 8192 })
        defer { connection.close() }
        try duplex(connection, bytes: 16 << 20)
    }

    @Test(arguments: [("RekeyLimit 1M", 30), ("RekeyLimit default 2s", 2)])
    func bothDirectionsAtOnceSurviveRekeying(line: String, rekeysMin: Int) throws {
        let server = try SSHServer(.init(config: [line, "LogLevel DEBUG1"]))
        let connection = try server.connect()
        defer { connection.close() }
        // The first exchange of keys is no rekeying.
        repeat { try duplex(connection, bytes: 64 << 20) } while exchanges(server) - 1 < rekeysMin
    }

    @Test func anIdleChannelAndAnIdleConnectionSurviveRekeying() throws {
        let server = try SSHServer(.init(config: ["RekeyLimit default 1s", "LogLevel DEBUG1"]))
        let connection = try server.connect()
        defer { connection.close() }
        let channel = try connection.openChannel(command: "while read line; do echo $line; done")
        while exchanges(server) < 3 {
            // sshd looks at its clock only when something passes.
            try channel.write(Array("x\n".utf8))
            #expect(try channel.readExactly(2) == Array("x\n".utf8))
            poll(nil, 0, 50)
        }
        channel.close()
        let next = try connection.openChannel(command: "echo still")
        #expect(try next.readAll() == Array("still\n".utf8))
        next.close()
    }

    private func exchanges(_ server: SSHServer) -> Int {
        server.log.split(separator: "\n").count { $0.contains("SSH2_MSG_NEWKEYS received") }
    }

    private func duplex(_ connection: Connection, bytes total: Int) throws {
        let channel = try connection.openChannel(command: "cat")
        let block = 1 << 20
        let period = 8 << 20
        let content = TreeBuilder.noise(period + block, seed: 7)
        let writer = WorkerThread("writer") {
            for start in stride(from: 0, to: total, by: block) {
                let offset = start % period
                try content.withUnsafeBytes {
                    try channel.write(UnsafeRawBufferPointer(rebasing: $0[offset..<offset + block]))
                }
            }
            channel.closeWrite()
        }
        let reader = WorkerThread("reader") { () -> Int in
            var chunk = [UInt8](repeating: 0, count: 256 * 1024)
            var read = 0
            while true {
                let got = try chunk.withUnsafeMutableBytes { try channel.read(into: $0) }
                if got == 0 { return read }
                let offset = read % period
                let isSame = content.withUnsafeBytes { memcmp($0.baseAddress! + offset, chunk, got) == 0 }
                if !isSame { return -read }
                read += got
            }
        }
        try writer.join()
        #expect(try reader.join() == total)
        channel.close()
    }
}
