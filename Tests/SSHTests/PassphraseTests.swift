import Core
import Glibc
import Platform
import TestSupport
import Testing

@testable import SSH

/// Encrypted private keys: who is asked, how often, and what the server sees of it.
@Suite struct PassphraseTests {
    /// Answers in turn, and counts.
    private final class Person: Sendable {
        private let answers: Monitor<[String?]>
        let asked = Monitor<[String]>([])
        init(_ answers: [String?]) { self.answers = Monitor(answers) }

        var run: SSHRun {
            SSHRun(ask: { [self] path, wasWrong in
                asked.update { $0.append(path + (wasWrong ? " again" : "")) }
                return answers.update { $0.isEmpty ? nil : $0.removeFirst() }.map { Array($0.utf8) }
            })
        }
        var count: Int { asked.read { $0.count } }
    }

    private func locked(_ type: String = "ed25519", cipher: String? = nil) throws -> SSHServer {
        let server = try SSHServer(.init(userKeyType: type))
        let change = ["ssh-keygen", "-p", "-q", "-P", "", "-N", "secret", "-f", server.userKeyPath]
        #expect(try ChildProcess.run(change + (cipher.map { ["-Z", $0] } ?? [])).exit == 0)
        return server
    }

    private func open(_ server: SSHServer, _ run: SSHRun, _ change: (inout SSHSettings) -> Void = { _ in })
        -> HeadwaterError?
    {
        do {
            try Connection.open(server.settings(change), in: run).close()
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: ["ed25519", "ecdsa"])
    func theRightPassphraseLogsIn_andIsAskedForOnce(type: String) throws {
        let server = try locked(type)
        let person = Person(["secret"])
        let run = person.run
        for _ in 0..<3 { #expect(open(server, run) == nil) }
        #expect(person.asked.read { $0 } == [server.userKeyPath])
        #expect(!server.log.contains("Failed publickey"))
    }

    @Test func ofThreeTriesTheLastCounts() throws {
        let server = try locked()
        let person = Person(["wrong", "worse", "secret"])
        #expect(open(server, person.run) == nil)
        #expect(
            person.asked.read { $0 } == [server.userKeyPath]
                + [String](repeating: server.userKeyPath + " again", count: 2))
        #expect(!server.log.contains("Failed publickey"))
    }

    @Test func afterThreeWrongOnesTheHostIsGivenUp_alsoByOthers() throws {
        let server = try locked()
        let person = Person(["wrong", "worse", "worst", "secret"])
        let run = person.run
        for _ in 0..<2 {
            let error = open(server, run)
            #expect(error?.code == "ssh.passphrase" && error?.isTransient == false)
            #expect(error?.message.contains("three times") == true)
        }
        #expect(person.count == 3)
    }

    @Test func noAnswerLeavesTheOtherKeys() throws {
        let server = try locked()
        #expect(open(server, Person([nil]).run)?.code == "ssh.passphrase")
        let plain = try SSHServer()
        let list = try readFile(server.userKeyPath + ".pub", bytesMax: 4096)
        let keys = try readFile(plain.userKeyPath + ".pub", bytesMax: 4096)
        try SSHServer.write(String(decoding: list + keys, as: UTF8.self), plain.home + "/../authorized_keys")
        let person = Person([nil])
        #expect(open(plain, person.run) { $0.identityFiles = [server.userKeyPath, plain.userKeyPath] } == nil)
        #expect(person.count == 1)
    }

    @Test func nobodyIsAskedForAKeyThatTheServerDoesNotWant() throws {
        let (server, other) = (try locked(), try SSHServer())
        let person = Person(["secret"])
        #expect(open(other, person.run) { $0.identityFiles = [server.userKeyPath, other.userKeyPath] } == nil)
        #expect(open(other, person.run) { $0.identityFiles = [server.userKeyPath] }?.code == "ssh.login-refused")
        #expect(person.count == 0)
    }

    @Test func withoutAPersonTheErrorSaysWhatToDo() throws {
        let server = try locked()
        let error = open(server, SSHRun())
        #expect(error?.code == "ssh.key-encrypted" && error?.exit == .edgeFailed && error?.isTransient == false)
        #expect(error?.remedy == "run: ssh-add \(server.userKeyPath)")
    }

    @Test func aCipherThatCannotBeDecryptedIsNamed_andNobodyIsAsked() throws {
        let server = try locked(cipher: "aes256-gcm@openssh.com")
        let person = Person(["secret"])
        let error = open(server, person.run)
        #expect(error?.code == "ssh.key-encrypted" && error?.message.contains("aes256-gcm@openssh.com") == true)
        #expect(person.count == 0)
    }

    @Test(arguments: ["aes128-ctr", "aes192-ctr", "aes256-cbc", "aes128-cbc"])
    func otherCiphersThatAreAskedForOpen(cipher: String) throws {
        #expect(open(try locked(cipher: cipher), Person(["secret"]).run) == nil)
    }

    @Test func manyHostsThatWantOneKeyAskOnce() throws {
        let server = try locked()
        let person = Person(["secret"])
        let run = person.run
        let threads = (0..<8).map { index in
            WorkerThread("host") { () -> String in
                let hosts = HostConnections(server.settings { $0.alias = "host\(index)" }, in: run)
                defer { hosts.close() }
                return code { try hosts.openChannel(command: "true").close() }
            }
        }
        for thread in threads { #expect(try thread.join() == "no error") }
        #expect(person.count == 1)
    }

    @Test func anEndedRunAsksNobody() throws {
        let server = try locked()
        let person = Person(["secret"])
        let run = person.run
        run.stopStarting()
        #expect(open(server, run)?.code == "ssh.key-encrypted")
        #expect(person.count == 0)
    }
}
