import Foundation
import TestSupport
import Testing

@Suite("Filters", .slots, .timeLimit(.minutes(20)))
struct FilterTests {
    /// The paths of a tree, without its `.headwater`.
    private func paths(_ tree: String) throws -> [String] {
        try TreeListing(tree).nodes.keys.map { String(decoding: $0, as: UTF8.self) }.sorted()
    }

    /// Runs, expects the edge in step, and that a further run moves and writes nothing.
    @discardableResult
    private func settle(_ world: World, edge: Int = 0) async throws -> RunReport.Edge {
        let (outcome, report) = try await world.run()
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        let (again, second) = try await world.run()
        #expect(again.exit == 0 && second.edges.allSatisfy(\.movedNothing), "\(again.stderr)")
        return report.edges[edge]
    }

    /// How many rows of a database are agreed, not tombstones.
    private func agreedRows(_ database: String, in world: World) async throws -> Int {
        try await dump(database, in: world).split(separator: "\n")
            .filter { $0.hasPrefix("INSERT INTO entries") && $0.split(separator: ",")[9] == "1" }.count
    }

    private func edges(_ world: World, _ keys: String, isPull: Bool = false) throws {
        let ends = isPull ? "from: t0, to: build, mode: pull" : "from: build, to: t0"
        try world.writeTopology(edges: "  - {\(ends)\(keys.isEmpty ? "" : ", " + keys)}\n")
    }

    private static let tree = [
        "a.iso", "b.img", "docs/read.me", "docs/draft.tmp", "docs/old/1", "docs/old/2", "cache/x", "docs/cache/y",
        "build/out/o",
    ]

    /// Each key with what it leaves of the tree.
    static let keys: [(keys: String, file: String?, left: [String])] = [
        (
            "filter: ['+ *.iso', '- *']", nil,
            ["a.iso"]
        ),
        (
            "exclude: ['*.tmp', cache/, /docs/old]", nil,
            ["a.iso", "b.img", "build", "build/out", "build/out/o", "docs", "docs/read.me"]
        ),
        (
            "filter_file: world.rules", "# of the docs only the text\n+ *.me\n/docs/*\n- **/out/\n",
            ["a.iso", "b.img", "build", "cache", "cache/x", "docs", "docs/read.me"]
        ),
        (
            "filter: ['+ /docs/', '- /*/'], exclude: ['*.i*', 'old']", nil,
            ["docs", "docs/cache", "docs/cache/y", "docs/draft.tmp", "docs/read.me"]
        ),
    ]

    @Test(arguments: keys.indices, [false, true])
    func eachKey_pushAndPull(_ index: Int, isPull: Bool) async throws {
        let (keys, file, left) = Self.keys[index]
        let world = try World(targets: 1)
        let (from, to) = isPull ? (world.target(0), world.source) : (world.source, world.target(0))
        for path in Self.tree { try write(path, from + "/" + path) }
        if let file { try write(file, world.directory("world.rules")) }
        try edges(world, keys, isPull: isPull)
        let edge = try await settle(world)
        #expect(try paths(to) == left)
        #expect(edge["problems"] == 0)
        #expect(try paths(from).count == Self.tree.count + 6)
    }

    @Test func defaults_comeAfterTheEdgesOwn() async throws {
        let world = try World(
            targets: 2, edges: "  - build -> t0\n  - {from: build, to: t1, filter: ['+ keep.tmp']}\n",
            settings: "defaults: {exclude: ['*.tmp']}\n")
        for name in ["keep.tmp", "other.tmp", "file"] { try write(name, world.source + "/" + name) }
        try await settle(world)
        #expect(try paths(world.target(0)) == ["file"])
        #expect(try paths(world.target(1)) == ["file", "keep.tmp"])
    }

    @Test(arguments: [1, 2])
    func betweenTwoFarPeers_theFilterGoesAlong(servers: Int) async throws {
        let world = try World(
            targets: 2, edges: "  - {from: t0, to: t1, exclude: ['*.tmp', /local/]}\n", servers: servers)
        for name in ["a", "a.tmp", "local/b", "d/c"] { try write(name, world.target(0) + "/" + name) }
        try await settle(world)
        #expect(try paths(world.target(1)) == ["a", "d", "d/c"])
    }

    // MARK: What is excluded at a target

    @Test func excludedAtTheTarget_isNeverTouched_alsoBelowADeletedDirectory() async throws {
        let world = try World(targets: 1)
        for name in ["d/e/file", "d/two", "kept"] { try write(name, world.source + "/" + name) }
        try edges(world, "exclude: ['*.log', /local/]")
        try await settle(world)
        try write("own", world.target(0) + "/d/e/own.log")
        try write("own", world.target(0) + "/local/x")
        try write("other", world.source + "/local/x")
        try write("other", world.source + "/kept.log")
        try write("own", world.target(0) + "/kept.log")
        try await settle(world)
        try remove(world.source + "/d")
        let edge = try await settle(world)
        #expect(edge["deleted"] == 2 && edge["problems"] == 0)
        #expect(try paths(world.target(0)) == ["d", "d/e", "d/e/own.log", "kept", "kept.log", "local", "local/x"])
        for name in ["d/e/own.log", "kept.log", "local/x"] {
            #expect(try read(world.target(0) + "/" + name) == "own", "\(name)")
        }
    }

    @Test func mark_isNeverSynced_whateverTheRulesSay() async throws {
        let world = try World(targets: 1)
        let target = world.target(0)
        for tree in [world.source, target] { try write("", tree + "/.mounted") }
        try write("x", world.source + "/file")
        try write("x", world.source + "/.other")
        for keys in ["filter: ['+ .mounted']", "exclude: ['.*']"] {
            try world.writeTopology(
                peers: "  build: {path: \(world.source), mount: .mounted}\n  t0: "
                    + String(world.remotePeer(world.servers[0], path: target).dropLast()) + ", mount: .mounted}\n",
                edges: "  - {from: build, to: t0, \(keys)}\n")
            try await settle(world)
            #expect(exists(target + "/.mounted") && exists(target + "/.other"))
        }
        // The mark is looked for even where it is excluded.
        try remove(world.source + "/.mounted")
        #expect(try await world.headwater("run").exit == 6)
        #expect(exists(target + "/file"))
    }

    // MARK: Another filter

    @Test(arguments: [false, true])
    func excludedLater_staysAtBothEnds_andIncludedAgain_isAdopted(isPull: Bool) async throws {
        let world = try World(targets: 1)
        let (from, to) = isPull ? (world.target(0), world.source) : (world.source, world.target(0))
        try makeTree(from, files: 400)
        let brake = "max_delete: 0"
        try edges(world, brake, isPull: isPull)
        try await settle(world)
        let before = [try TreeListing(from), try TreeListing(to)]

        try edges(world, "exclude: [/d0/, /d1/], \(brake)", isPull: isPull)
        let edge = try await settle(world)
        #expect(edge.movedNothing, "\(edge.moved)")
        #expect(try TreeListing(from).differences(from: before[0]) == [])
        #expect(try TreeListing(to).differences(from: before[1]) == [])
        let session = isPull ? world.session("t0", "build") : world.session("build", "t0")
        for database in [world.snapshot(ofSource: session), world.snapshot(ofTarget: 0, session)] {
            #expect(try await agreedRows(database, in: world) == 202)
        }

        // From here on the copies are each end's own.
        try remove(from + "/d0/file0")
        try remove(to + "/d0/file4")
        try write("changed here", from + "/d1/file1")
        #expect(try await settle(world).movedNothing)
        #expect(exists(to + "/d0/file0") && !exists(to + "/d0/file4"))

        try edges(world, brake, isPull: isPull)
        let again = try await settle(world)
        #expect(again["files"] == 2 && again["deleted"] == 0, "\(again.moved)")
        #expect(exists(to + "/d0/file0") && exists(to + "/d0/file4"))
        #expect(try read(to + "/d1/file1") == "changed here")
    }

    /// Killed wherever it is while rows leave and come back: every next run goes on, and no file goes anywhere.
    @Test func killedWhileTheFilterChanges_goesOn() async throws {
        let world = try World(targets: 1)
        try makeTree(world.source, files: 3000, bytes: 10)
        #expect(try await world.run().outcome.exit == 0)
        let before = try TreeListing(world.target(0))
        var random = SeededRandom(seed: KillTests.seed)
        let filters = ["", "exclude: [/d0/, /d1/]", "exclude: ['file*[0-4]']"]
        for round in 0..<6 {
            try edges(world, (filters[(round + 1) % 3] + ", max_delete: 0").trimmingPrefix(", ").description)
            let run = try world.startRun()
            await letPass(microseconds: Int.random(in: 20_000...300_000, using: &random))
            if round % 3 != 1 { run.signal(SIGKILL) }
            if round % 3 != 2 { for agent in world.agents() { kill(agent, SIGKILL) } }
            #expect(await run.outcome().exit != 5, "round \(round), seed \(KillTests.seed)")
            #expect(await until { world.agents().isEmpty }, "round \(round): an agent outlived its connection")
            // With the same filter, or at once with another.
            try edges(
                world, (filters[(round + 1 + round / 3) % 3] + ", max_delete: 0").trimmingPrefix(", ").description)
            let (again, report) = try await world.run()
            #expect(again.exit == 0, "round \(round), seed \(KillTests.seed): \(again.stderr)")
            #expect(report.edges[0].movedNothing, "round \(round), seed \(KillTests.seed): \(report.edges[0].moved)")
        }
        try edges(world, "")
        #expect(try await settle(world).movedNothing)
        #expect(try TreeListing(world.target(0)).differences(from: before) == [])
        #expect(try await world.differences(0) == [])
    }

    // MARK: What is wrong

    @Test func badRuleInAFile_isToldWithItsLine_andNothingRuns() async throws {
        let world = try World(targets: 1)
        try write("x", world.source + "/file")
        try edges(world, "filter_file: sub/world.rules")
        for command in ["validate", "run"] {
            let outcome = try await world.headwater(command)
            #expect(outcome.exit == 2)
            let text = outcome.stdout + outcome.stderr
            #expect(text.contains("error[HW031]: the filter file `sub/world.rules` cannot be read"), "\(text)")
        }
        let rules = world.directory("sub/world.rules")
        try write("*.tmp\n- [a\n", rules)
        for command in ["validate", "run"] {
            let outcome = try await world.headwater(command)
            #expect(outcome.exit == 2)
            let text = outcome.stdout + outcome.stderr
            #expect(text.contains("\(rules):2:3: error[HW030]: the rule `- [a` has a `[` without its `]`"), "\(text)")
        }
        #expect(!exists(world.source + "/.headwater") && !exists(world.target(0)))
        try write("*.tmp\n", rules)
        try await settle(world)
    }
}
