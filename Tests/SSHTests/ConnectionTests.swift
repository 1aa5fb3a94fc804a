import Core
import Glibc
import Platform
import TestSupport
import Testing

@testable import SSH

/// Who is talked to and as whom: host keys, login keys, algorithms, and the ways in which no connection comes about.
@Suite struct ConnectionTests {
    private func failure(_ server: SSHServer, _ change: (inout SSHSettings) -> Void) -> HeadwaterError? {
        do {
            try Connection.open(server.settings(change)).close()
            return nil
        } catch {
            return error
        }
    }

    private func knownHosts(_ content: String, in directory: TemporaryDirectory) throws -> String {
        let path = directory("known_hosts")
        try SSHServer.write(content, path)
        return path
    }

    @Test func anUnknownHostIsRefusedWithItsFingerprintAndTheCommandThatAddsIt() throws {
        let server = try SSHServer()
        let directory = TemporaryDirectory()
        let path = directory("absent")
        let error = try #require(failure(server) { $0.knownHostsFiles = [path] })
        #expect(error.code == "ssh.host-key-unknown")
        #expect(error.exit == .edgeFailed && !error.isTransient)
        #expect(error.message.contains(server.hostKeyFingerprint))
        let command = "ssh-keyscan -p \(server.port) -t ed25519 127.0.0.1 >> \(path)"
        #expect(error.remedy.hasSuffix(command))
        // The command does what the message promises.
        _ = try ChildProcess.run(["/bin/sh", "-c", command])
        #expect(failure(server) { $0.knownHostsFiles = [path] } == nil)
    }

    /// The first host of a new user, whose home has no `.ssh` yet; names as people have them.
    @Test func theCommandThatAddsAKeyMakesTheDirectoryToo() throws {
        let server = try SSHServer()
        let directory = TemporaryDirectory()
        let path = directory("it's a home/.ssh/known_hosts")
        let error = try #require(failure(server) { $0.knownHostsFiles = [path] })
        let command = try #require(error.remedy.split(separator: "then run: ").last)
        #expect(try ChildProcess.run(["/bin/sh", "-c", String(command)]).exit == 0, "\(error.remedy)")
        #expect(failure(server) { $0.knownHostsFiles = [path] } == nil)
        let made = try FileStatus(at: Descriptor.workingDirectory, directory("it's a home/.ssh"))
        #expect(made.permissions == 0o700)
    }

    /// Who relies on certificates is told why the host is not known.
    @Test func aHostKnownByACertificateAuthorityOnlyIsNamed() throws {
        let server = try SSHServer()
        let directory = TemporaryDirectory()
        let path = try knownHosts("# ours\n@cert-authority [127.0.0.1]:* \(server.hostKey())\n", in: directory)
        let error = try #require(failure(server) { $0.knownHostsFiles = [path] })
        #expect(error.code == "ssh.host-key-unknown")
        #expect(error.message.contains("@cert-authority in \(path):2 is not used"), "\(error.message)")
    }

    @Test func aChangedKeyIsRefused() throws {
        let (server, other) = (try SSHServer(), try SSHServer())
        let directory = TemporaryDirectory()
        let path = try knownHosts("[127.0.0.1]:\(server.port) \(other.hostKey())\n", in: directory)
        let error = try #require(failure(server) { $0.knownHostsFiles = [path] })
        #expect(error.code == "ssh.host-key-changed")
        #expect(error.message.contains(server.hostKeyFingerprint) && error.message.contains(other.hostKeyFingerprint))
    }

    @Test func aKeyOfAnotherTypeThanTheKnownOneIsAChange() throws {
        let server = try SSHServer(.init(hostKeyTypes: ["ecdsa"]))
        let other = try SSHServer()
        let directory = TemporaryDirectory()
        let path = try knownHosts("[127.0.0.1]:\(server.port) \(other.hostKey())\n", in: directory)
        #expect(failure(server) { $0.knownHostsFiles = [path] }?.code == "ssh.host-key-changed")
    }

    @Test func theKnownTypeIsAskedForWhateverTheServerPrefers() throws {
        let server = try SSHServer(.init(hostKeyTypes: ["ed25519", "ecdsa"]))
        let directory = TemporaryDirectory()
        for type in ["ed25519", "ecdsa"] {
            let path = try knownHosts("[127.0.0.1]:\(server.port) \(server.hostKey(type))\n", in: directory)
            #expect(failure(server) { $0.knownHostsFiles = [path] } == nil)
        }
    }

    @Test func aRevokedKeyIsRefused() throws {
        let server = try SSHServer()
        let directory = TemporaryDirectory()
        let line = "* \(server.hostKey())\n"
        let path = try knownHosts(line + "@revoked " + line, in: directory)
        #expect(failure(server) { $0.knownHostsFiles = [path] }?.code == "ssh.host-key-revoked")
    }

    @Test func hashedAndWildcardLinesAreUnderstood() throws {
        let server = try SSHServer()
        let directory = TemporaryDirectory()
        let wildcard = try knownHosts("[127.0.*]:* \(server.hostKey())\n", in: directory)
        #expect(failure(server) { $0.knownHostsFiles = [wildcard] } == nil)
        let negated = try knownHosts("![127.0.0.1]:\(server.port),[127.0.*]:* \(server.hostKey())\n", in: directory)
        #expect(failure(server) { $0.knownHostsFiles = [negated] }?.code == "ssh.host-key-unknown")
        let hashed = try knownHosts("[127.0.0.1]:\(server.port) \(server.hostKey())\n", in: directory)
        _ = try ChildProcess.run(["ssh-keygen", "-H", "-f", hashed])
        #expect(failure(server) { $0.knownHostsFiles = [hashed] } == nil)
    }

    @Test(arguments: ["ed25519", "ecdsa"])
    func aPinnedKeyReplacesKnownHosts(type: String) throws {
        let server = try SSHServer(.init(hostKeyTypes: ["ed25519", "ecdsa"]))
        #expect(
            failure(server) {
                $0.knownHostsFiles = []
                $0.pinnedHostKey = server.fingerprint(type)
            } == nil)
        let wrong = failure(server) { $0.pinnedHostKey = "SHA256:" + String(repeating: "A", count: 43) }
        #expect(wrong?.code == "ssh.host-key-changed")
    }

    @Test func aHostKnownByAnRSAKeyOnlyIsNamed() throws {
        let server = try SSHServer(.init(hostKeyTypes: ["rsa"]))
        let error = try #require(failure(server) { _ in })
        #expect(error.code == "ssh.host-key-rsa")
        let unknown = try #require(failure(server) { $0.knownHostsFiles = [] })
        #expect(unknown.code == "ssh.algorithms")
        #expect(unknown.message.contains("rsa-sha2-512") && unknown.message.contains("ssh-ed25519"))
    }

    @Test(arguments: [
        ("MACs hmac-sha2-256-etm@openssh.com", "MAC", "hmac-sha2-256-etm@openssh.com"),
        ("Ciphers aes128-gcm@openssh.com,chacha20-poly1305@openssh.com", "cipher", "chacha20-poly1305@openssh.com"),
        ("KexAlgorithms diffie-hellman-group18-sha512", "key exchange", "diffie-hellman-group18-sha512"),
    ])
    func aServerWithoutACommonAlgorithmIsNamedWithBothLists(line: String, kind: String, offered: String) async throws {
        let server = try SSHServer(.init(config: [line]))
        let error = try #require(failure(server) { _ in })
        #expect(error.code == "ssh.algorithms")
        #expect(error.message.contains(kind) && error.message.contains(offered))
        #expect(!error.isTransient)
        // The command does what the message promises; here on the server's own configuration, and told to that server alone.
        let command = try #require(error.remedy.split(separator: "`").last.map(String.init))
        #expect(command.hasPrefix("sudo sed ") && command.hasSuffix(" && sudo pkill -HUP -o -x sshd"))
        let change = command.components(separatedBy: " && ")[0].dropFirst("sudo ".count)
        let here = change.replacing("/etc/ssh/sshd_config", with: server.configuration)
        #expect(try ChildProcess.run(["/bin/sh", "-c", String(here)]).exit == 0)
        kill(server.pid, SIGHUP)
        #expect(await until { failure(server) { _ in } == nil })
    }

    @Test func ecdsaKeysLogIn() throws {
        let server = try SSHServer(.init(userKeyType: "ecdsa"))
        #expect(failure(server) { _ in } == nil)
    }

    @Test func keysThatCannotBeUsedAreNamed() throws {
        let server = try SSHServer()
        let directory = TemporaryDirectory()
        try SSHServer.generateKey("rsa", directory("rsa"))
        #expect(failure(server) { $0.identityFiles = [directory("rsa")] }?.code == "ssh.key-rsa")
        try SSHServer.generateKey("ed25519", directory("open"))
        chmod(directory("open"), 0o644)
        #expect(failure(server) { $0.identityFiles = [directory("open")] }?.code == "ssh.key-permissions")
        #expect(failure(server) { $0.identityFiles = [directory("absent")] }?.code == "ssh.key-missing")
        try SSHServer.write("no key\n", directory("text"))
        #expect(failure(server) { $0.identityFiles = [directory("text")] }?.code == "ssh.key-format")
        #expect(
            failure(server) {
                $0.identityFiles = []
                $0.isIdentityDeclared = false
            }?.code == "ssh.no-key")
    }

    @Test func aRefusedKeyIsNoTransientFailure() throws {
        let server = try SSHServer()
        let directory = TemporaryDirectory()
        try SSHServer.generateKey("ed25519", directory("stranger"))
        let error = try #require(failure(server) { $0.identityFiles = [directory("stranger")] })
        #expect(error.code == "ssh.login-refused")
        #expect(error.exit == .edgeFailed && !error.isTransient)
        #expect(error.message.contains(directory("stranger")))
    }

    @Test func aLaterKeyIsTriedWhenTheFirstIsRefused() throws {
        let server = try SSHServer()
        let directory = TemporaryDirectory()
        try SSHServer.generateKey("ed25519", directory("stranger"))
        #expect(failure(server) { $0.identityFiles = [directory("stranger"), server.userKeyPath] } == nil)
    }

    @Test(arguments: ["ed25519", "ecdsa"])
    func anAgentSigns(type: String) throws {
        let server = try SSHServer(.init(userKeyType: type))
        let directory = TemporaryDirectory()
        let agent = try SSHServer.spawn(["ssh-agent", "-D", "-a", directory("agent")], input: nil, output: "/dev/null")
        defer {
            kill(agent, SIGKILL)
            var status: Int32 = 0
            waitpid(agent, &status, 0)
        }
        while (try? KeyAgent(path: directory("agent"))) == nil { poll(nil, 0, 2) }
        let added = try ChildProcess.run(
            ["ssh-add", server.userKeyPath], environment: ["SSH_AUTH_SOCK=" + directory("agent"), "PATH=/usr/bin:/bin"])
        #expect(added.exit == 0)
        func withAgent(_ settings: inout SSHSettings) {
            settings.identityFiles = []
            settings.isIdentityDeclared = false
            settings.identitiesOnly = false
            settings.agentSocket = directory("agent")
        }
        #expect(failure(server, withAgent) == nil)
        // Only what is named as an identity file is offered then.
        let only = failure(server) {
            withAgent(&$0)
            $0.identitiesOnly = true
        }
        #expect(only?.code == "ssh.no-key")
        // An encrypted file whose key the agent holds is no obstacle.
        _ = try ChildProcess.run(["ssh-keygen", "-p", "-q", "-N", "secret", "-f", server.userKeyPath])
        #expect(failure(server) { $0.agentSocket = directory("agent") } == nil)
    }

    @Test func anAgentThatIsGoneIsNoObstacle() throws {
        let server = try SSHServer()
        #expect(failure(server) { $0.agentSocket = "/nonexistent/agent" } == nil)
    }

    @Test func waysOfNotReachingAHostHaveCodesOfTheirOwn() throws {
        let server = try SSHServer()
        let quiet = QuietPort()
        defer { withExtendedLifetime(quiet) {} }
        let refused = try #require(failure(server) { $0.port = quiet.number })
        #expect(refused.code == "ssh.connect" && refused.exit == .unreachable && refused.isTransient)
        let unnamed = try #require(failure(server) { $0.hostName = "nowhere.invalid" })
        #expect(unnamed.code == "ssh.name" && unnamed.exit == .unreachable && unnamed.isTransient)
    }

    @Test func aServerThatNeverSpeaksEndsInATimeout() throws {
        let server = try SSHServer()
        let (listener, port) = try silentListener()
        defer { close(listener) }
        let error = try #require(
            failure(server) {
                $0.port = port
                $0.loginTimeoutSeconds = 0.2
            })
        #expect(error.code == "ssh.timeout" && error.exit == .unreachable)
    }

    @Test func aKilledServerProcessEndsReadersWithALostConnection() throws {
        let server = try SSHServer()
        let connection = try server.connect()
        let channel = try connection.openChannel(command: "cat")
        let reader = WorkerThread("reader") { code { _ = try channel.readAll() } }
        for pid in server.descendants() { kill(pid, SIGKILL) }
        #expect(try reader.join() == "ssh.connection-lost")
        #expect(code { try channel.write([1]) } == "ssh.connection-lost")
        #expect(!connection.isAlive)
    }

    @Test func aSilentPeerIsGivenUp() throws {
        let server = try SSHServer()
        let connection = try Connection.open(server.settings { $0.silenceSeconds = 0.1 })
        let channel = try connection.openChannel(command: "cat")
        #expect(code { _ = try channel.readAll() } == "peer.silent")
        connection.close()
    }

    @Test func closingWakesWhoeverWaits() throws {
        let server = try SSHServer()
        let connection = try server.connect()
        let channel = try connection.openChannel(command: idleCommand)
        let reader = WorkerThread("reader") { code { _ = try channel.readAll() } }
        let writer = WorkerThread("writer") {
            code { for _ in 0..<100 { try channel.write([UInt8](repeating: 1, count: 1 << 20)) } }
        }
        channel.close()
        #expect(try reader.join() == "ssh.channel-closed")
        #expect(try writer.join() == "ssh.channel-closed")
        let other = try connection.openChannel(command: "cat")
        let waiting = WorkerThread("reader") { code { _ = try other.readAll() } }
        connection.close()
        #expect(try waiting.join() == "ssh.connection-closed")
    }
}
