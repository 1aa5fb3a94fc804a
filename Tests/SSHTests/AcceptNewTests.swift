import Core
import Glibc
import Platform
import TestSupport
import Testing

@testable import SSH

/// `StrictHostKeyChecking accept-new`, and that nothing else lets an unknown key in.
@Suite struct AcceptNewTests {
    private let directory = TemporaryDirectory()

    private func open(_ server: SSHServer, _ run: SSHRun = SSHRun(), _ change: (inout SSHSettings) -> Void = { _ in })
        -> HeadwaterError?
    {
        do {
            try Connection.open(
                server.settings {
                    $0.knownHostsFiles = [directory("ssh/known_hosts"), directory("global")]
                    $0.acceptsNewHostKeys = true
                    $0.ownKnownHostsFile = $0.knownHostsFiles[0]
                    change(&$0)
                }, in: run
            ).close()
            return nil
        } catch {
            return error
        }
    }

    private var known: String {
        String(decoding: (try? readFile(directory("ssh/known_hosts"), bytesMax: 1 << 20)) ?? [], as: UTF8.self)
    }

    private func known(_ content: String) throws {
        mkdir(directory("ssh"), 0o700)
        try SSHServer.write(content, directory("ssh/known_hosts"))
    }

    @Test func anUnknownHostIsAddedOnceAndSaid() throws {
        let server = try SSHServer()
        let said = Monitor<[HeadwaterError]>([])
        let run = SSHRun(warn: { error in said.update { $0.append(error) } })
        #expect(open(server, run) == nil)
        #expect(known == "[127.0.0.1]:\(server.port) \(server.hostKey())\n")
        #expect(open(server, run) == nil)
        #expect(known.split(separator: "\n").count == 1)
        let warnings = said.read { $0 }
        #expect(warnings.map(\.code) == ["ssh.host-key-added"])
        #expect(warnings.first?.message.contains(server.hostKeyFingerprint) == true)
        var status = stat()
        #expect(stat(directory("ssh/known_hosts"), &status) == 0 && status.st_mode & 0o777 == 0o600)
        #expect(stat(directory("ssh"), &status) == 0 && status.st_mode & 0o777 == 0o700)
    }

    /// ssh itself reads what was added, hashed or not.
    @Test(arguments: [false, true])
    func whatIsAddedIsFoundBySSHKeygen(isHashed: Bool) throws {
        let server = try SSHServer()
        #expect(open(server) { $0.hashesKnownHosts = isHashed } == nil)
        #expect(known.hasPrefix("|1|") == isHashed)
        let name = "[127.0.0.1]:\(server.port)"
        let found = try ChildProcess.run(["ssh-keygen", "-F", name, "-f", directory("ssh/known_hosts")])
        #expect(found.exit == 0)
        #expect(String(decoding: found.output, as: UTF8.self).contains(server.hostKey()))
        #expect(open(server) { $0.acceptsNewHostKeys = false } == nil)
    }

    @Test func aLineThatWasNotEndedStaysWhole() throws {
        let server = try SSHServer()
        try known("# last line without an end")
        #expect(open(server) == nil)
        #expect(known == "# last line without an end\n[127.0.0.1]:\(server.port) \(server.hostKey())\n")
    }

    @Test func aChangedKeyIsRefusedAndNothingIsAdded() throws {
        let (server, other) = (try SSHServer(), try SSHServer())
        let line = "[127.0.0.1]:\(server.port) \(other.hostKey())\n"
        try known(line)
        #expect(open(server)?.code == "ssh.host-key-changed")
        try known("@revoked * \(server.hostKey())\n")
        #expect(open(server)?.code == "ssh.host-key-revoked")
        try known("")
        try SSHServer.write(line, directory("global"))
        #expect(open(server)?.code == "ssh.host-key-changed")
        #expect(known == "")
    }

    @Test func aKnownKeyOfAnotherTypeIsAChange() throws {
        let server = try SSHServer(.init(hostKeyTypes: ["ecdsa"]))
        let other = try SSHServer()
        try known("[127.0.0.1]:\(server.port) \(other.hostKey())\n")
        #expect(open(server)?.code == "ssh.host-key-changed")
    }

    @Test func aPinnedKeyAddsNothing() throws {
        let server = try SSHServer()
        #expect(open(server) { $0.pinnedHostKey = server.hostKeyFingerprint } == nil)
        let wrong = open(server) { $0.pinnedHostKey = "SHA256:" + String(repeating: "A", count: 43) }
        #expect(wrong?.code == "ssh.host-key-changed")
        #expect(known == "")
    }

    @Test func whereNothingCanBeRememberedNothingIsAccepted() throws {
        let server = try SSHServer()
        for path in ["/dev/null", nil] {
            #expect(open(server) { $0.ownKnownHostsFile = path }?.code == "ssh.host-key-unknown")
        }
        #expect(known == "")
    }

    @Test func noAndOffWeakenNothing_andTheRefusalSaysSo() throws {
        let server = try SSHServer()
        let notes = Monitor<[String]>([])
        let error = open(server, SSHRun(note: { note in notes.update { $0.append(note) } })) {
            $0.acceptsNewHostKeys = false
            $0.ignoredHostKeyPolicy = "no"
        }
        #expect(error?.code == "ssh.host-key-unknown")
        #expect(error?.message.contains("StrictHostKeyChecking no is not honoured") == true)
        #expect(
            notes.read { $0 } == ["127.0.0.1: StrictHostKeyChecking no is not honoured, host keys are always checked"])
        #expect(known == "")
    }

    @Test func manyConnectionsAtOnceAddOneLine() throws {
        let server = try SSHServer()
        let threads = (0..<4).map { _ in WorkerThread("opener") { open(server)?.code ?? "" } }
        for thread in threads { #expect(try thread.join() == "") }
        #expect(known.split(separator: "\n").count == 1)
    }

    @Test func linesThatCannotBeUsedAreNotedOnce() throws {
        let server = try SSHServer()
        try known(
            "@cert-authority * \(server.hostKey())\nnonsense\n[127.0.0.1]:\(server.port) \(server.hostKey())\n")
        let notes = Monitor<[String]>([])
        let run = SSHRun(note: { note in notes.update { $0.append(note) } })
        for _ in 0..<2 { #expect(open(server, run) == nil) }
        let path = directory("ssh/known_hosts")
        #expect(
            notes.read { $0 } == [
                "\(path):1: host certificates are not supported; the line is not used",
                "\(path):2: fewer than three fields",
            ])
    }
}
