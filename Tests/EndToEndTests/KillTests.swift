import Foundation
import TestSupport
import Testing

/// Every file says which path and version it is, so that a torn or mixed one gives itself away.
private struct Versioned: Sendable {
    let count: Int

    func path(_ index: Int) -> String { "v\(index % 7)/file\(index)" }

    func content(_ index: Int, version: Int) -> [UInt8] {
        let head = "path \(path(index)) version \(version)\n"
        let size = [0, 40, 900, 4096, 20_000, index % 50 == 0 ? 700_000 : 3000][index % 6]
        let line = "\(version) \(path(index)) body\n"
        return Array((head + String(repeating: line, count: size / line.utf8.count)).utf8)
    }

    /// Writes `version` of every file whose index `every` divides.
    func write(_ version: Int, to tree: String, every: Int = 1) throws {
        for index in stride(from: 0, to: count, by: every) {
            let url = URL(fileURLWithPath: tree + "/" + path(index))
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(content(index, version: version)).write(to: url)
        }
    }

    /// The files in `tree` that are no whole version.
    func torn(_ tree: String) throws -> [String] {
        let listing = try TreeListing(tree)
        return (0..<count).compactMap { index in
            guard let node = listing[path(index)] else { return nil }
            let head = String(decoding: node.content.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
            guard let version = head.split(separator: " ").last.flatMap({ Int($0) }),
                node.content == content(index, version: version)
            else { return "\(path(index)): \(head)" }
            return nil
        }
    }
}

/// How often each victim is killed: HEADWATER_KILLS, 3 by default, 100 on a soak.
private let kills = ProcessInfo.processInfo.environment["HEADWATER_KILLS"].flatMap { Int($0) } ?? (Soak.isOn ? 100 : 3)

@Suite("Killed at any moment", .slots, .timeLimit(.minutes(kills > 20 ? 60 : 20)), .serialized)
struct KillTests {
    enum Victim: String, CaseIterable, Sendable { case orchestrator, agent, both }

    static let seed = ProcessInfo.processInfo.environment["HEADWATER_SEED"].flatMap { UInt64($0) } ?? 20_261_121

    @Test(arguments: Victim.allCases)
    func killedAtRandomMoments_neverTearsAndNeverRefuses(victim: Victim) async throws {
        var random = SeededRandom(seed: Self.seed)
        let files = Versioned(count: 400)
        let world = try World(targets: 1)
        var refusals = 0
        for round in 1...kills {
            try files.write(round, to: world.source, every: round % 3 + 1)
            let run = try world.startRun()
            await letPass(microseconds: Int.random(in: 1000...600_000, using: &random))
            if victim != .agent { run.signal(SIGKILL) }
            if victim != .orchestrator { for agent in world.agents() { kill(agent, SIGKILL) } }
            let killed = await run.outcome()
            #expect(killed.exit != 5, "round \(round), seed \(Self.seed): \(killed.stderr)")
            // An agent whose orchestrator was killed may still publish what it had verified.
            #expect(await until { world.agents().isEmpty }, "round \(round): an agent outlived its connection")
            if exists(world.target(0)) {
                #expect(try files.torn(world.target(0)) == [], "round \(round), seed \(Self.seed)")
            }
            let owed = try bytesOwed(world)
            let (again, report) = try await world.run()
            if again.exit == 5 { refusals += 1 }
            #expect(again.exit == 0, "round \(round), seed \(Self.seed): \(again.stderr)")
            #expect(
                report.edges[0]["bytes_payload"] <= owed,
                "round \(round), seed \(Self.seed): content that stood complete at the target was sent again")
            #expect(try await world.differences(0) == [], "round \(round), seed \(Self.seed)")
        }
        #expect(refusals == 0, "of \(kills) kills of the \(victim), seed \(Self.seed)")
        #expect(try await world.run().report.edges[0].movedNothing)
    }

    /// The content that does not stand complete at the target: all that a rerun may send.
    private func bytesOwed(_ world: World) throws -> Int {
        let source = try TreeListing(world.source)
        guard exists(world.target(0)) else { return source.bytes }
        let target = try TreeListing(world.target(0))
        return source.nodes.reduce(0) { owed, node in
            guard node.value.kind == "f", target.nodes[node.key]?.content != node.value.content else { return owed }
            return owed + node.value.size
        }
    }

    @Test func rerunAfterAKill_sendsNothingTwice() async throws {
        let (world, run) = try await firstRunStoppedMidway()
        let target = world.target(0)
        run.signal(SIGKILL)
        _ = await run.outcome()
        _ = await until { world.agents().isEmpty }
        let there = try TreeListing(target).files
        let owed = try bytesOwed(world)

        let (outcome, report) = try await world.run()

        #expect(outcome.exit == 0, "\(outcome.stderr)")
        let all = try TreeListing(world.source)
        #expect(there > 0 && owed < all.bytes)
        #expect(report.edges[0]["bytes_payload"] <= owed, "\(there) files were there already")
        #expect(report.edges[0]["files"] <= all.files - there)
        #expect(try await world.differences(0) == [])
    }

    /// The edge tries again by itself, and says what the run has moved, not only its last try.
    @Test func killedAgent_countsWhatItHadMoved() async throws {
        let world = try World(targets: 1)
        let count = 18_000
        try Versioned(count: count).write(1, to: world.source)
        let run = try world.startRun(["--json"])
        let late = world.target(0) + "/" + Versioned(count: count).path(5)
        #expect(await until { exists(late) || !run.isRunning })
        for agent in world.agents() { kill(agent, SIGKILL) }
        let outcome = await run.outcome()
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        let report = try RunReport(outcome.stdout)
        // What was published and not recorded yet when the agent died stands there already: two batches at most.
        #expect(report.edges[0]["files"] >= count - 4096)
        #expect(try await world.differences(0) == [])
    }

    @Test func killedServer_endsTheRunAsUnreachable() async throws {
        let (world, run) = try await firstRunStoppedMidway()
        world.servers[0].stop()
        run.signal(SIGCONT)
        #expect(await run.outcome().exit == 7)
    }

    /// A first run, stopped when some of its files have been published and others not.
    private func firstRunStoppedMidway() async throws -> (World, RunningProcess) {
        try await stoppedMidway([6000, 18_000, 54_000]) { count in
            let world = try World(targets: 1)
            try Versioned(count: count).write(1, to: world.source)
            return (world, try world.startRun())
        } hasBegun: { world in
            exists(world.target(0) + "/v0/file0")
        } isMidway: { world, count in
            try TreeListing(world.target(0)).files < count
        }
    }
}
