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

    @Test(arguments: [[], ["RekeyLimit 1M"], ["RekeyLimit default 2s"]])
    func bothDirectionsAtOnceSurviveRekeying(config: [String]) throws {
        let server = try SSHServer(.init(config: config))
        try duplex(server, bytes: 64 << 20)
        let rekeys = server.log.split(separator: "\n").count { $0.contains("rekey") || $0.contains("Rekey") }
        _ = rekeys
    }

    private func duplex(_ server: SSHServer, bytes total: Int) throws {
        let connection = try server.connect()
        let channel = try connection.openChannel(command: "cat")
        let block = 1 << 20
        let period = 8 << 20
        let content = pattern(0..<period + block)
        let writer = WorkerThread("writer") {
            for start in stride(from: 0, to: total, by: block) {
                let offset = start % period
                try content.withUnsafeBytes { try channel.write(UnsafeRawBufferPointer(rebasing: $0[offset..<offset + block])) }
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
        connection.close()
    }
}
