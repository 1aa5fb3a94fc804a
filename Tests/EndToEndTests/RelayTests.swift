import Foundation
import TestSupport
import Testing

/// Both ends of an edge are far: the bytes go through here, or stay on the host that both share.
@Suite("Between two far peers", .slots, .timeLimit(.minutes(20)))
struct RelayTests {
    private func differences(_ world: World) async throws -> [String] {
        let (one, other) = (world.target(0), world.target(1))
        return try await offPoolThrowing { try TreeListing(one).differences(from: TreeListing(other)) }
    }

    @Test(arguments: [1, 2], ["push", "pull"])
    func awkwardTree_standsAtTheOtherFarPeer(servers: Int, mode: String) async throws {
        let world = try World(targets: 2, edges: "  - {from: t0, to: t1, mode: \(mode)}\n", servers: servers)
        try FileManager.default.createDirectory(atPath: world.target(0), withIntermediateDirectories: true)
        try AwkwardTree.build(at: world.target(0))

        let (outcome, report) = try await world.run()

        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(try await differences(world) == [])
        #expect(report.edges[0]["files"] == (try TreeListing(world.target(0)).files))
        #expect(report.edges[0]["bytes_sent"] > 0)
        #expect(try await world.run().report.edges[0].movedNothing)
        #expect(await until { world.agents().isEmpty })
    }

    @Test func changesDeletionsAndProblems_areReportedAsFromHere() async throws {
        let world = try World(targets: 2, edges: "  - t0 -> t1\n")
        try makeTree(world.target(0), files: 40)
        #expect(try await world.run().outcome.exit == 0)
        try remove(world.target(0) + "/d0/file0")
        try write("changed", world.target(0) + "/d1/file1")
        try write("beyond", world.target(0) + "/d2/blocked")
        try FileManager.default.createDirectory(
            atPath: world.target(1) + "/d2/blocked/inside", withIntermediateDirectories: true)

        let (outcome, report) = try await world.run()

        #expect(outcome.exit == 4, "\(outcome.stderr)")
        #expect(report.edges[0]["files"] == 1 && report.edges[0]["deleted"] == 1 && report.edges[0]["problems"] == 1)
        #expect(outcome.stdout.contains("d2/blocked"), "\(outcome.stdout)")
    }

    @Test func haltAtAFarEnd_isReleasedFromHere() async throws {
        let world = try World(targets: 2, edges: "  - t0 -> t1\n")
        for index in 0..<5 { try write("x", world.target(0) + "/file\(index)") }
        #expect(try await world.run().outcome.exit == 0)
        for index in 0..<5 { try remove(world.target(0) + "/file\(index)") }
        #expect(try await world.headwater("run").exit == 6)
        #expect(exists(world.target(1) + "/file0"))
        #expect(try await world.headwater("release", ["--edge", "t0:t1"]).exit == 0)
        #expect(try await world.headwater("run").exit == 0)
        #expect(!exists(world.target(1) + "/file0"))
    }

    @Test func interrupt_endsTheFarSessionCleanly_andTheNextRunGoesOn() async throws {
        let world = try World(targets: 2, edges: "  - t0 -> t1\n")
        try makeTree(world.target(0), files: 6000)
        let run = try world.startRun()
        _ = await until { exists(world.target(1) + "/d0/file0") || !run.isRunning }
        run.signal(SIGINT)
        let outcome = await run.outcome()
        #expect([0, 130].contains(outcome.exit), "\(outcome.stderr)")
        #expect(await until { world.agents().isEmpty })
        #expect(try await world.headwater("run").exit == 0)
        #expect(try await differences(world) == [])
    }

    @Test(arguments: [0, 1])
    func killedAgent_endsAsUnreachableOrIsReplaced_andTheNextRunGoesOn(victim: Int) async throws {
        let world = try World(targets: 2, edges: "  - t0 -> t1\n")
        try makeTree(world.target(0), files: 6000)
        let run = try world.startRun()
        _ = await until { exists(world.target(1) + "/d0/file0") || !run.isRunning }
        let home = "HOME=" + world.servers[victim].home
        for agent in world.agents() {
            let environment = (try? String(contentsOfFile: "/proc/\(agent)/environ", encoding: .utf8)) ?? ""
            if environment.contains(home) { kill(agent, SIGKILL) }
        }
        let outcome = await run.outcome()
        #expect([0, 7].contains(outcome.exit), "\(outcome.stderr)")
        #expect(try await world.headwater("run").exit == 0)
        #expect(try await differences(world) == [])
    }
}

@Suite("Tiers", .slots, .timeLimit(.minutes(20)))
struct TierTests {
    /// build → t0 → t1 → end, through here and through two hosts.
    private static let chain = "  - t1 -> end\n  - t0 -> t1\n  - build -> t0\n"

    @Test func oneRun_bringsTheLastInStepWithTheFirst() async throws {
        let world = try World(targets: 2, edges: Self.chain, localPeers: ["end"])
        try AwkwardTree.build(at: world.source)
        for round in 0..<3 {
            if round == 1 { try write("second", world.source + "/added/by/the/second") }
            if round == 2 { try remove(world.source + "/added/by/the/second") }
            let outcome = try await world.headwater("run")
            #expect(outcome.exit == 0, "\(outcome.stderr)")
            let (first, last) = (world.source, world.directory("end"))
            #expect(try await offPoolThrowing { try TreeListing(first).differences(from: TreeListing(last)) } == [])
        }
        #expect(try await world.run().report.edges.allSatisfy { $0.movedNothing })
    }

    /// build → four peers → sixteen, each of the four to four of its own; all on four hosts.
    @Test func oneToFourToSixteen_areAllInStep() async throws {
        var edges = (0..<4).map { "  - build -> t\($0)\n" }
        for upper in 0..<4 { edges += (0..<4).map { "  - t\(upper) -> t\(4 + 4 * upper + $0)\n" } }
        let world = try World(targets: 20, edges: edges.joined(), servers: 4)
        try makeTree(world.source, files: 80)
        for round in 0..<2 {
            if round == 1 { try write("second", world.source + "/d1/added") }
            let (outcome, report) = try await world.run()
            #expect(outcome.exit == 0, "\(outcome.stderr)")
            #expect(report.edges.allSatisfy { $0["files"] == (round == 0 ? 80 : 1) })
            for index in 0..<20 { #expect(try await world.differences(index) == [], "t\(index)") }
        }
    }

    @Test func failedBranch_skipsWhatIsBelow_withItsCause_andNothingElse() async throws {
        let world = try World(
            targets: 3, edges: "  - build -> t0\n  - build -> t1\n  - t0 -> t2\n  - t1 -> end\n", localPeers: ["end"])
        try makeTree(world.source, files: 20)
        world.servers[0].stop()
        let (outcome, report) = try await world.run()
        #expect(outcome.exit == 7)
        #expect(report.edges.map { $0["exit"] } == [7, 0, 7, 0], "\(outcome.stdout)")
        #expect(outcome.stdout.contains("build -> t0"))
        #expect(try read(world.directory("end") + "/d0/file0") == read(world.source + "/d0/file0"))
        #expect(!exists(world.target(2)))
    }
}
