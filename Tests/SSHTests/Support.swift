import Core
import Glibc
import Platform
import TestSupport
import Testing

@testable import SSH

extension SSHServer {
    /// What leads to this server with its own key and known_hosts, nothing of the user's.
    func settings(_ change: (inout SSHSettings) -> Void = { _ in }) -> SSHSettings {
        var settings = SSHSettings(
            alias: "127.0.0.1", hostName: "127.0.0.1", user: user, port: port, identityFiles: [userKeyPath],
            isIdentityDeclared: true, agentSocket: nil, identitiesOnly: true, hostKeyAlias: nil,
            knownHostsFiles: [knownHostsPath], pinnedHostKey: nil, connectTimeoutSeconds: 10)
        change(&settings)
        return settings
    }

    func connect() throws -> Connection { try Connection.open(settings()) }
}

extension Channel {
    func write(_ bytes: [UInt8]) throws(HeadwaterError) {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { copy.deallocate() }
        copy.copyBytes(from: bytes)
        try write(UnsafeRawBufferPointer(copy))
    }

    /// Everything until the end of the stream.
    func readAll() throws -> [UInt8] {
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let got = try chunk.withUnsafeMutableBytes { try read(into: $0) }
            if got == 0 { return all }
            all += chunk[..<got]
        }
    }

    func readExactly(_ count: Int) throws -> [UInt8] {
        var all: [UInt8] = []
        while all.count < count {
            var chunk = [UInt8](repeating: 0, count: min(65536, count - all.count))
            let got = try chunk.withUnsafeMutableBytes { try read(into: $0) }
            if got == 0 { break }
            all += chunk[..<got]
        }
        return all
    }
}

/// Runs `body` on a thread of its own and waits: tests must not block the shared pool for long.
func code(_ body: () throws -> Void) -> String {
    do {
        try body()
        return "no error"
    } catch let error as HeadwaterError {
        return error.code
    } catch {
        return "\(error)"
    }
}

/// Takes connections into its backlog and says nothing.
func silentListener() throws -> (Int32, Int) {
    let port = SSHServer.freePort()
    let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let bound = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    try #require(bound == 0 && listen(fd, 256) == 0)
    return (fd, port)
}

/// Reads and writes nothing, and ends with its connection.
let idleCommand = "exec tail -f /dev/null --pid=$PPID"
