import Foundation
import TestSupport
import Testing

/// What a person's ssh_config, keys and terminal mean to a run.
@Suite("The user's SSH configuration", .slots, .timeLimit(.minutes(20)))
struct SSHConfigurationTests {
    /// A world whose targets are `Host` aliases `h0`, `h1`, … in the ssh_config of the run's home.
    private func aliased(targets: Int, servers: Int? = nil, config: String = "", options: SSHServer.Options = .init())
        throws -> World
    {
        let world = try World(targets: targets, servers: servers, options: options)
        var text = ""
        for index in 0..<targets {
            let server = world.servers[index % world.servers.count]
            text += "Host h\(index)\n  HostName 127.0.0.1\n  Port \(server.port)\n  User \(server.user)\n"
            text += "  IdentityFile \(server.userKeyPath)\n  IdentitiesOnly yes\n"
        }
        try write(text + "Host *\n" + config, world.directory("home/.ssh/config"))
        chmod(world.directory("home/.ssh"), 0o700)
        let peers = (0..<targets).map { "  t\($0): h\($0):\(world.target($0))\n" }.joined()
        let edges = (0..<targets).map { "  - build -> t\($0)\n" }.joined()
        try world.writeTopology(peers: "  build: \(world.source)\n" + peers, edges: edges)
        return world
    }

    private func knownHosts(_ world: World) -> String { world.directory("home/.ssh/known_hosts") }

    @Test func acceptNew_addsTheKeyOnce_andSaysSo() async throws {
        let world = try aliased(targets: 1, config: "  StrictHostKeyChecking accept-new\n")
        try makeTree(world.source, files: 5)

        let first = try await world.headwater("run")

        #expect(first.exit == 0, "\(first.stderr)")
        #expect(first.stderr.contains("warning[ssh.host-key-added]"))
        #expect(first.stderr.contains(world.servers[0].hostKeyFingerprint))
        let server = world.servers[0]
        #expect(try read(knownHosts(world)) == "[127.0.0.1]:\(server.port) \(server.hostKey())\n")
        let second = try await world.headwater("run")
        #expect(second.exit == 0 && !second.stderr.contains("warning"), "\(second.stderr)")
        #expect(try await world.differences(0) == [])
    }

    @Test(arguments: ["yes", "ask", "no", "off"])
    func everyOtherPolicy_refusesAnUnknownHost(policy: String) async throws {
        let world = try aliased(targets: 1, config: "  StrictHostKeyChecking \(policy)\n")
        try makeTree(world.source, files: 1)
        let outcome = try await world.headwater("run")
        #expect(outcome.exit == 1 && outcome.stderr.contains("error[ssh.host-key-unknown]"), "\(outcome.stderr)")
        #expect(outcome.stderr.contains("is not honoured") == ["no", "off"].contains(policy))
        #expect(!exists(knownHosts(world)))
    }

    @Test func linesOfKnownHostsThatCannotBeUsed_areSaidWithVerbose() async throws {
        let world = try aliased(targets: 1)
        try makeTree(world.source, files: 1)
        let server = world.servers[0]
        let line = "[127.0.0.1]:\(server.port) \(server.hostKey())\n"
        try write("@cert-authority * \(server.hostKey())\ngarbage\n" + line, knownHosts(world))
        let outcome = try await world.headwater("run", ["-v"])
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        let said = "known_hosts:1: host certificates are not supported; the line is not used"
        #expect(outcome.stderr.components(separatedBy: said).count == 2, "\(outcome.stderr)")
        #expect(outcome.stderr.contains("known_hosts:2: fewer than three fields"))
        #expect(try await !world.headwater("run").stderr.contains("known_hosts"))
    }

    @Test func aRefusedLogin_isOneFailedLogin_howeverManyEdges() async throws {
        let world = try aliased(targets: 10, servers: 1)
        try makeTree(world.source, files: 1)
        let server = world.servers[0]
        try write("[127.0.0.1]:\(server.port) \(server.hostKey())\n", knownHosts(world))
        try SSHServer.generateKey("ed25519", world.directory("stranger"))
        let config = try read(world.directory("home/.ssh/config"))
        try write(
            config.replacingOccurrences(of: server.userKeyPath, with: world.directory("stranger")),
            world.directory("home/.ssh/config"))
        let peers = (0..<10).map { "  t\($0): h0:\(world.target($0))\n" }.joined()
        let edges = (0..<10).map { "  - build -> t\($0)\n" }.joined()
        try world.writeTopology(peers: "  build: \(world.source)\n" + peers, edges: edges)

        let outcome = try await world.headwater("run")

        #expect(outcome.exit == 1 && outcome.stderr.contains("ssh.login-refused"), "\(outcome.stderr)")
        #expect(server.log.components(separatedBy: "Failed publickey").count - 1 == 1, "\(server.log)")
    }

    // MARK: Passphrases

    /// Two hosts that want one encrypted key, and one that wants a plain one.
    private func locked() throws -> World {
        let world = try aliased(targets: 3)
        try makeTree(world.source, files: 20)
        var lines = ""
        for server in world.servers { lines += "[127.0.0.1]:\(server.port) \(server.hostKey())\n" }
        try write(lines, knownHosts(world))
        let (first, second) = (world.servers[0], world.servers[1])
        let locked = try Process.run(
            URL(fileURLWithPath: "/usr/bin/ssh-keygen"),
            arguments: ["-q", "-p", "-P", "", "-N", "open sesame", "-f", first.userKeyPath])
        locked.waitUntilExit()
        try write(try read(first.userKeyPath + ".pub"), second.home + "/../authorized_keys")
        let config = try read(world.directory("home/.ssh/config"))
        try write(
            config.replacingOccurrences(of: second.userKeyPath, with: first.userKeyPath),
            world.directory("home/.ssh/config"))
        return world
    }

    private func start(_ world: World) throws -> TerminalProcess {
        var environment = world.environment
        environment["TERM"] = "xterm"
        return try TerminalProcess(
            [Headwater.binaries() + "/headwater", "run", world.topology], environment: environment)
    }

    private static let question = "Passphrase of the key "

    @Test func anEncryptedKey_isAskedForOnce_whileTheDisplayStandsStill() async throws {
        let world = try locked()
        let run = try start(world)
        #expect(await run.wait(for: Self.question), "\(run.shown)")
        #expect(!run.echoes)
        // The third host goes on meanwhile, in silence.
        let there = world.target(2) + "/d3/file19"
        #expect(await until { exists(there) })
        run.type("not this\n")
        #expect(await run.wait(for: "That is not it. " + Self.question), "\(run.shown)")
        run.type("open sesame\n")

        #expect(await run.exit() == 0, "\(run.shown)")

        for index in 0..<3 { #expect(try await world.differences(index) == []) }
        let shown = run.shown.replacingOccurrences(of: "\r", with: "")
        let questions = shown.components(separatedBy: Self.question).dropFirst()
        #expect(questions.count == 2, "\(shown)")
        for question in questions { #expect(question.hasPrefix(world.servers[0].userKeyPath + ": \n"), "\(question)") }
        #expect(!shown.contains("sesame") && !shown.contains("not this") && run.echoes)
        for server in world.servers { #expect(!server.log.contains("Failed publickey")) }
    }

    @Test func interruptedAtTheQuestion_theRunEnds_andTheTerminalIsAsBefore() async throws {
        let world = try locked()
        let run = try start(world)
        #expect(await run.wait(for: Self.question), "\(run.shown)")
        #expect(!run.echoes)
        run.type("\u{3}")
        #expect(await run.exit() == 130, "\(run.shown)")
        #expect(run.echoes)
        #expect(!exists(world.target(0)) && !exists(world.target(1)))
    }

    @Test func withoutATerminal_theErrorSaysWhatToDo_andTheOthersGoOn() async throws {
        let world = try locked()
        let outcome = try await world.headwater("run")
        #expect(outcome.exit == 1, "\(outcome.stderr)")
        #expect(outcome.stderr.contains("error[ssh.key-encrypted]"))
        #expect(outcome.stderr.contains("remedy: run: ssh-add \(world.servers[0].userKeyPath)"))
        #expect(try await world.differences(2) == [])
    }

    // MARK: Addresses

    @Test func anAddressOfIPv6_isReached_inFullAndShortForm() async throws {
        let world = try World(targets: 2, servers: 1, options: .init(config: ["ListenAddress ::1"]))
        try makeTree(world.source, files: 5)
        let server = world.servers[0]
        server.waitUntilListening(on: "::1")
        try write("[::1]:\(server.port) \(server.hostKey())\n", world.directory("known"))
        let config =
            "Host ::1\n  Port \(server.port)\n  IdentityFile \(server.userKeyPath)\n"
            + "  UserKnownHostsFile \(world.directory("known"))\n"
        try write(config, world.directory("home/.ssh/config"))
        let full = world.remotePeer(server, path: world.target(0), knownHosts: world.directory("known"))
            .replacingOccurrences(of: "127.0.0.1", with: "\"[::1]\"")
        try world.writeTopology(
            peers: "  build: \(world.source)\n  t0: \(full)\n  t1: \(server.user)@[::1]:\(world.target(1))\n",
            edges: "  - build -> t0\n  - build -> t1\n")
        let outcome = try await world.headwater("run")
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        for index in 0..<2 { #expect(try await world.differences(index) == []) }
        #expect(server.log.contains("Connection from ::1"))
    }
}
