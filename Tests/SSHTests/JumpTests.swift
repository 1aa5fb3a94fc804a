import Core
import Glibc
import Platform
import TestSupport
import Testing

@testable import SSH

/// Hosts behind other hosts.
@Suite(.serialized) struct JumpTests {
    private func logins(_ server: SSHServer) -> Int {
        server.log.split(separator: "\n").count { $0.contains("Accepted publickey") }
    }

    private func hop(_ server: SSHServer, _ name: String = "bastion") -> SSHSettings {
        server.settings {
            $0.alias = name
            $0.hostKeyAlias = "[127.0.0.1]:\(server.port)"
        }
    }

    /// Threads of this process that carry bytes through a jump host.
    private func pumps() -> Int {
        let tasks = (try? ChildProcess.run(["/bin/sh", "-c", "cat /proc/\(getpid())/task/*/comm"]))?.output ?? []
        return String(decoding: tasks, as: UTF8.self).split(separator: "\n").count { $0.hasPrefix("jump-") }
    }

    @Test func aHostBehindTwoOthersIsReached_andNothingIsLeftBehind() throws {
        let (first, second, inner) = (try SSHServer(), try SSHServer(), try SSHServer())
        let run = SSHRun()
        let outer = hop(first, "first")
        let hosts = HostConnections(
            inner.settings {
                var next = hop(second, "second")
                next.via = [outer]
                $0.via = [next]
            }, in: run)
        let channel = try hosts.openChannel(command: "echo $SSH_CONNECTION; cat")
        let content = TreeBuilder.noise(3_000_000, seed: 3)
        let writer = WorkerThread("writer") {
            try channel.write(content)
            channel.closeWrite()
        }
        let answer = try channel.readAll()
        try writer.join()
        #expect(Array(answer.suffix(content.count)) == content)
        #expect([first, second, inner].map(logins) == [1, 1, 1])
        #expect(pumps() == 4)
        channel.close()
        hosts.close()
        run.close()
        while pumps() > 0 { poll(nil, 0, 2) }
        for server in [first, second, inner] { while !server.descendants().isEmpty { poll(nil, 0, 2) } }
    }

    @Test func hostsBehindTheSameJumpHostShareItsConnection() throws {
        let jump = try SSHServer()
        let inner = try (0..<3).map { _ in try SSHServer() }
        let run = SSHRun()
        let all = inner.map { server in HostConnections(server.settings { $0.via = [hop(jump)] }, in: run) }
        let threads = all.map { hosts in
            WorkerThread("edge") {
                String(decoding: try hosts.openChannel(command: "echo here").readAll(), as: UTF8.self)
            }
        }
        for thread in threads { #expect(try thread.join() == "here\n") }
        #expect(logins(jump) == 1)
        for hosts in all { hosts.close() }
        run.close()
    }

    @Test func theInnerHostKeyIsCheckedUnderItsOwnName() throws {
        let (jump, inner) = (try SSHServer(), try SSHServer())
        let change = { (settings: inout SSHSettings) in
            settings.via = [hop(jump)]
            settings.knownHostsFiles = [jump.knownHostsPath]
        }
        let error = #expect(throws: HeadwaterError.self) { try Connection.open(inner.settings(change)).close() }
        #expect(error?.code == "ssh.host-key-unknown")
        #expect(error?.message.contains("[127.0.0.1]:\(inner.port)") == true)
        #expect(error?.message.contains(inner.hostKeyFingerprint) == true)
        // Nothing here reaches the host: its key is asked for from where it is reached.
        let asked = "ssh -p \(jump.port) \(jump.user)@bastion ssh-keyscan -p \(inner.port) -t ed25519 127.0.0.1 >> "
        #expect(error?.remedy.contains("then run: " + asked) == true, "\(error?.remedy ?? "")")
    }

    @Test func theCommandThatLogsInGoesThroughEveryHost() {
        var settings = SSHSettings(
            alias: "c", hostName: "c", user: "u", port: 22, identityFiles: [], isIdentityDeclared: false,
            agentSocket: nil, identitiesOnly: false, hostKeyAlias: nil, knownHostsFiles: [], pinnedHostKey: nil,
            connectTimeoutSeconds: 1)
        #expect(settings.loginCommand == "ssh u@c")
        var (first, second) = (settings, settings)
        (first.alias, first.port, second.alias) = ("2001:db8::1", 2222, "b")
        second.via = [first]
        settings.via = [second]
        #expect(settings.loginCommand == "ssh -J 'u@[2001:db8::1]:2222,u@b' u@c")
    }

    @Test func aJumpHostThatIsNotTrustedIsNamed_andAskedOnce() throws {
        let (jump, inner) = (try SSHServer(), try SSHServer())
        let run = SSHRun()
        let hosts = HostConnections(
            inner.settings {
                var way = hop(jump)
                way.knownHostsFiles = []
                $0.via = [way]
                $0.alias = "inner"
            }, in: run)
        for _ in 0..<3 {
            let error = #expect(throws: HeadwaterError.self) { _ = try hosts.openChannel(command: "true") }
            #expect(error?.code == "ssh.host-key-unknown")
            #expect(error?.message.hasPrefix("on the way to inner, at the jump host bastion: ") == true)
        }
        #expect(jump.log.split(separator: "\n").count { $0.contains("Connection from") } == 2, "one is the start's own")
        #expect(logins(inner) == 0)
    }

    @Test func aJumpHostThatForwardsNothingIsNamed() throws {
        let (jump, inner) = (try SSHServer(.init(config: ["AllowTcpForwarding no"])), try SSHServer())
        let error = #expect(throws: HeadwaterError.self) {
            try Connection.open(inner.settings { $0.via = [hop(jump)] }).close()
        }
        #expect(error?.code == "ssh.jump-refused" && error?.exit == .edgeFailed && error?.isTransient == false)
        #expect(error?.message == "the jump host bastion does not forward connections to 127.0.0.1 port \(inner.port)")
    }

    @Test func aHostThatTheJumpHostDoesNotReachIsNamed_andTriedThreeTimes() throws {
        let (jump, inner) = (try SSHServer(), try SSHServer())
        inner.stop()
        let run = SSHRun()
        let hosts = HostConnections(
            inner.settings { $0.via = [hop(jump)] }, in: run, retry: .init(firstPauseSeconds: 0.01))
        let error = #expect(throws: HeadwaterError.self) { _ = try hosts.openChannel(command: "true") }
        #expect(error?.code == "ssh.jump-connect" && error?.exit == .unreachable)
        #expect(jump.log.components("connect_to 127.0.0.1 port \(inner.port): failed.") == 3, "\(jump.log)")
        #expect(logins(jump) == 1)
        run.close()
    }

    @Test func aLostJumpHostLosesWhatLiesBehind_andTheNextTryGoesOn() throws {
        let (jump, inner) = (try SSHServer(), try SSHServer())
        let run = SSHRun()
        let hosts = HostConnections(
            inner.settings { $0.via = [hop(jump)] }, in: run, retry: .init(firstPauseSeconds: 0.01))
        let first = try hosts.openChannel(command: "cat")
        for pid in jump.descendants() { kill(pid, SIGKILL) }
        #expect(code { _ = try first.readAll() } == "ssh.connection-lost")
        let second = try hosts.openChannel(command: "echo again")
        #expect(try second.readAll() == Array("again\n".utf8))
        #expect(logins(jump) == 2 && logins(inner) == 2)
        hosts.close()
        run.close()
    }

    /// A host that swallows packets keeps one connection to the jump host busy; others go by another.
    @Test func aHostThatDoesNotAnswerDoesNotHoldUpTheOthers() throws {
        let (jump, inner) = (try SSHServer(), try SSHServer())
        let (listener, port) = try fullListener()
        defer { for descriptor in listener { close(descriptor) } }
        let run = SSHRun()
        let dead = HostConnections(
            inner.settings {
                $0.via = [hop(jump)]
                $0.port = port
                $0.connectTimeoutSeconds = 4
            }, in: run, retry: .init(triesMax: 1))
        let waiting = WorkerThread("dead") { code { _ = try dead.openChannel(command: "true") } }
        while jump.descendants().isEmpty || !jump.log.contains("Accepted publickey") { poll(nil, 0, 2) }
        let live = HostConnections(inner.settings { $0.via = [hop(jump)] }, in: run)
        let channel = try live.openChannel(command: "echo here")
        #expect(try channel.readAll() == Array("here\n".utf8))
        #expect(!waiting.isFinished)
        #expect(try waiting.join() == "ssh.jump-connect")
        #expect((1...2).contains(logins(jump)))
        live.close()
        run.close()
    }
}

extension String {
    func components(_ part: String) -> Int { split(separator: part, omittingEmptySubsequences: false).count - 1 }
}

/// A port whose queue is full: who comes is not answered.
private func fullListener() throws -> ([Int32], Int) {
    let port = SSHServer.freePort()
    var descriptors = [socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)]
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    func with(_ body: (UnsafePointer<sockaddr>) -> Int32) -> Int32 {
        withUnsafePointer(to: &address) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1, body) }
    }
    try #require(with { bind(descriptors[0], $0, size) } == 0 && listen(descriptors[0], 0) == 0)
    for _ in 0..<4 {
        let comer = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        _ = with { connect(comer, $0, size) }
        descriptors.append(comer)
    }
    return (descriptors, port)
}
