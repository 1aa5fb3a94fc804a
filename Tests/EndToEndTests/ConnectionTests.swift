import Foundation
import TestSupport
import Testing

@Suite("Connections", .slots, .timeLimit(.minutes(20)))
struct ConnectionTests {
    @Test func refusedPort_isUnreachable_andTheOtherEdgesGoOn() async throws {
        let world = try World(targets: 2)
        try makeTree(world.source, files: 10)
        world.servers[1].stop()

        let (outcome, report) = try await world.run()

        #expect(outcome.exit == 7, "\(outcome.stderr)")
        #expect(try report.edge(world.session("build", "t0"))["exit"] == 0)
        #expect(try report.edge(world.session("build", "t1"))["exit"] == 7)
        #expect(try await world.differences(0) == [])
    }

    @Test func unknownName_isUnreachable() async throws {
        let world = try World(targets: 1)
        try makeTree(world.source, files: 1)
        try world.writeTopology(
            peers: "  build: \(world.source)\n  t0: nobody@host.invalid:/nowhere\n", edges: "  - build -> t0\n")
        #expect(try await world.headwater("run").exit == 7)
    }

    @Test func unknownHostKey_isRefusedWithFingerprintAndCommand() async throws {
        let world = try World(targets: 1)
        try makeTree(world.source, files: 1)
        try write("", world.directory("none"))
        try useKnownHosts(world, world.directory("none"))

        let outcome = try await world.headwater("run")

        #expect(outcome.exit == 1)
        let text = outcome.stdout + outcome.stderr
        #expect(text.contains("error[ssh.host-key-unknown]"), "\(text)")
        #expect(text.contains(world.servers[0].hostKeyFingerprint))
        #expect(text.contains("ssh-keyscan -p \(world.servers[0].port)"))
        #expect(!exists(world.target(0)))
    }

    @Test func changedHostKey_isRefused() async throws {
        let world = try World(targets: 2)
        try makeTree(world.source, files: 1)
        let other = try read(world.servers[1].knownHostsPath).split(separator: " ", maxSplits: 1)[1]
        try write("[127.0.0.1]:\(world.servers[0].port) \(other)", world.directory("changed"))
        try useKnownHosts(world, world.directory("changed"))

        let outcome = try await world.headwater("run")

        #expect(outcome.exit == 1)
        #expect((outcome.stdout + outcome.stderr).contains("error[ssh.host-key-changed]"))
        #expect(!exists(world.target(0)))
    }

    @Test func refusedLogin_failsTheEdge() async throws {
        let world = try World(targets: 2)
        try makeTree(world.source, files: 1)
        let peer = world.remotePeer(world.servers[0], path: world.target(0))
            .replacingOccurrences(of: world.servers[0].userKeyPath, with: world.servers[1].userKeyPath)
        try world.writeTopology(peers: "  build: \(world.source)\n  t0: \(peer)\n", edges: "  - build -> t0\n")
        #expect(try await world.headwater("run").exit == 1)
    }

    @Test func pinnedHostKey_needsNoKnownHosts() async throws {
        let world = try World(targets: 1)
        try makeTree(world.source, files: 5)
        let server = world.servers[0]
        let peer = world.remotePeer(server, path: world.target(0)).replacingOccurrences(
            of: "known_hosts: \(server.knownHostsPath)", with: "host_key: \"\(server.hostKeyFingerprint)\"")
        try world.writeTopology(peers: "  build: \(world.source)\n  t0: \(peer)\n", edges: "  - build -> t0\n")
        let outcome = try await world.headwater("run")
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(try await world.differences(0) == [])
    }

    private func useKnownHosts(_ world: World, _ path: String) throws {
        let peer = world.remotePeer(world.servers[0], path: world.target(0), knownHosts: path)
        try world.writeTopology(peers: "  build: \(world.source)\n  t0: \(peer)\n", edges: "  - build -> t0\n")
    }
}
