import Foundation
import TestSupport
import Testing

/// How many round trips a first push needs does not depend on how many files it brings.
@Suite("Round trips", .slots, .timeLimit(.minutes(20)))
struct RoundTripTests {
    /// Login, greeting, hello and goodbye take some twenty; what the windows of SSH and a busy machine add stays below this.
    private static let turnsMax = 90

    @Test func firstPush_needsAConstantNumber_for100_1000And10000Files() async throws {
        var turns: [Int] = []
        let server = try SSHServer()
        for files in [100, 1000, 10_000] {
            let world = try World(targets: 1, servers: 1)
            let proxy = try LockStepProxy(to: server.port)
            try await deploy(server, world, proxy)
            let before = proxy.turns
            try makeTree(world.source, files: files, bytes: 30)
            let (outcome, report) = try await world.run()
            #expect(outcome.exit == 0, "\(outcome.stderr)")
            #expect(report.edges[0]["files"] == files)
            turns.append(proxy.turns - before)
        }
        print("turns of the link for 100, 1 000 and 10 000 files: \(turns)")
        #expect(turns.allSatisfy { (4...Self.turnsMax).contains($0) }, "\(turns)")
    }

    /// Brings the agent there on the direct way, then leads the world over the proxy.
    private func deploy(_ server: SSHServer, _ world: World, _ proxy: LockStepProxy) async throws {
        let key = server.hostKey()
        try write("[127.0.0.1]:\(proxy.port) \(key)\n", world.directory("known"))
        let empty = world.directory("empty")
        try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: false)
        let direct = world.remotePeer(server, path: world.directory("remote0/empty"))
        let far = world.remotePeer(
            server, path: world.target(0), port: proxy.port, knownHosts: world.directory("known"))
        try world.writeTopology(peers: "  empty: \(empty)\n  t1: \(direct)\n", edges: "  - empty -> t1\n")
        let outcome = try await world.headwater("run")
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        try world.writeTopology(peers: "  build: \(world.source)\n  t0: \(far)\n", edges: "  - build -> t0\n")
    }
}
