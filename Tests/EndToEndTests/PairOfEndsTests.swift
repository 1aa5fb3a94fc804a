import Foundation
import TestSupport
import Testing

/// Data flows from `from` to `to` whatever of the two is far, and whoever initiates.
@Suite("Every pair of ends", .slots, .timeLimit(.minutes(20)))
struct PairOfEndsTests {
    /// The edge in YAML, and the tree that is upstream in it.
    enum Pair: String, CaseIterable, Sendable {
        case pullFromFar = "{from: t0, to: build, mode: pull}"
        case pushFromFar = "{from: t0, to: build}"
        case pullToFar = "{from: build, to: t0, mode: pull}"

        var upstreamIsFar: Bool { self != .pullToFar }

        func trees(_ world: World) -> (upstream: String, downstream: String) {
            upstreamIsFar ? (world.target(0), world.source) : (world.source, world.target(0))
        }
    }

    private func world(_ pair: Pair) throws -> World { try World(targets: 1, edges: "  - \(pair.rawValue)\n") }

    private func differences(_ pair: Pair, _ world: World) async throws -> [String] {
        let (upstream, downstream) = pair.trees(world)
        return try await offPoolThrowing { try TreeListing(upstream).differences(from: TreeListing(downstream)) }
    }

    @Test(arguments: Pair.allCases)
    func awkwardTree_standsDownstream_andASecondRunMovesNothing(pair: Pair) async throws {
        let world = try world(pair)
        let upstream = pair.trees(world).upstream
        try FileManager.default.createDirectory(atPath: upstream, withIntermediateDirectories: true)
        try AwkwardTree.build(at: upstream)

        let (outcome, report) = try await world.run()

        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(try await differences(pair, world) == [])
        #expect(report.edges[0]["files"] == (try TreeListing(upstream).files))
        #expect(try await world.run().report.edges[0].movedNothing)
    }

    @Test(arguments: Pair.allCases)
    func changesAndDeletionsFollow_andDriftDownstreamIsRepaired(pair: Pair) async throws {
        let world = try world(pair)
        let (upstream, downstream) = pair.trees(world)
        try makeTree(upstream, files: 60)
        #expect(try await world.run().outcome.exit == 0)
        try write("changed", upstream + "/d0/file0")
        try remove(upstream + "/d1/file1")
        try write("new", upstream + "/e/f/new")
        try write("edited downstream", downstream + "/d2/file2")

        let (outcome, report) = try await world.run()

        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(report.edges[0]["files"] == 3 && report.edges[0]["deleted"] == 1)
        #expect(try await differences(pair, world) == [])
    }

    @Test(arguments: [Pair.pullFromFar, .pushFromFar])
    func missingTargetHere_isCreated_butNotWhereTheSourceIsMissing(pair: Pair) async throws {
        let world = try world(pair)
        let (upstream, downstream) = pair.trees(world)
        try remove(downstream)
        let halted = try await world.headwater("run")
        #expect(halted.exit == 6, "\(halted.stderr)")
        #expect(!exists(downstream))

        try write("one", upstream + "/one")
        #expect(try await world.headwater("run").exit == 0)
        #expect(try read(downstream + "/one") == "one")
    }

    @Test func lostDatabase_isNamedByTheEndThatInitiates() async throws {
        for (mode, wording) in [
            ("pull", "Remote snapshot DB exists but local snapshot DB"),
            ("push", "Local snapshot DB exists but remote snapshot DB"),
        ] {
            let world = try World(targets: 1, edges: "  - {from: t0, to: build, mode: \(mode)}\n")
            try makeTree(world.target(0), files: 3)
            #expect(try await world.headwater("run").exit == 0)
            try remove(world.snapshot(ofSource: world.session("t0", "build")))
            let refused = try await world.headwater("run")
            #expect(refused.exit == 5 && refused.stderr.contains(wording), "\(refused.stderr)")
        }
    }

    @Test func changedMode_refuses() async throws {
        let world = try World(targets: 1)
        try makeTree(world.source, files: 3)
        #expect(try await world.headwater("run").exit == 0)
        try world.writeTopology(edges: "  - {from: build, to: t0, mode: pull}\n")
        let refused = try await world.headwater("run")
        #expect(refused.exit == 5, "\(refused.stderr)")
        #expect(refused.stderr.contains("Synchronization direction changed from push to pull"), "\(refused.stderr)")
    }
}

@Suite("Sub-directories and databases elsewhere", .slots, .timeLimit(.minutes(20)))
struct SubpathTests {
    @Test func onlyTheSubpathTravels_andItsParentsAreMade() async throws {
        let world = try World(targets: 1, edges: "  - {from: build, to: t0, subpath: docs/en, session: s}\n")
        try makeTree(world.source + "/docs/en", files: 20)
        try write("outside", world.source + "/docs/outside")

        #expect(try await world.headwater("run").exit == 0)
        let here = try TreeListing(world.source + "/docs/en")
        #expect(try here.differences(from: TreeListing(world.target(0) + "/docs/en")) == [])
        #expect(!exists(world.target(0) + "/docs/outside"))
        #expect(!exists(world.target(0) + "/docs/en/.headwater"), "what is ours lies beside the tree, not in it")
        #expect(exists(world.target(0) + "/.headwater/s/snap.db"))

        try remove(world.source + "/docs/en/d0/file0")
        try write("changed", world.source + "/docs/en/d1/file1")
        #expect(try await world.headwater("run").exit == 0)
        let after = try TreeListing(world.source + "/docs/en")
        #expect(try after.differences(from: TreeListing(world.target(0) + "/docs/en")) == [])
        #expect(try await world.run().report.edges[0].movedNothing)
    }

    @Test func missingOrEmptiedSubpath_halts() async throws {
        let world = try World(targets: 1, edges: "  - {from: build, to: t0, subpath: docs, session: s}\n")
        try makeTree(world.source + "/docs", files: 20)
        #expect(try await world.headwater("run").exit == 0)
        let before = try TreeListing(world.target(0) + "/docs")

        for break_ in [
            { try remove(world.source + "/docs") },
            {
                try FileManager.default.createDirectory(
                    atPath: world.source + "/docs", withIntermediateDirectories: false)
            },
        ] {
            try break_()
            #expect(try await world.headwater("run").exit == 6)
            #expect(try before.differences(from: TreeListing(world.target(0) + "/docs")) == [])
        }
    }

    @Test func symlinkInTheSubpath_isNotFollowed() async throws {
        let world = try World(targets: 1, edges: "  - {from: build, to: t0, subpath: docs/en, session: s}\n")
        try makeTree(world.source + "/docs/en", files: 5)
        try FileManager.default.createDirectory(
            atPath: world.directory("elsewhere/en"), withIntermediateDirectories: true)
        try FileManager.default.createDirectory(atPath: world.target(0), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: world.target(0) + "/docs", withDestinationPath: world.directory("elsewhere"))
        let outcome = try await world.headwater("run")
        #expect(outcome.exit == 6, "\(outcome.stderr)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: world.directory("elsewhere/en")) == [])
    }

    @Test func twoSubpathsOfOnePair_standBesideEachOther() async throws {
        let world = try World(
            targets: 1,
            edges: "  - {from: build, to: t0, subpath: docs}\n  - {from: t0, to: build, subpath: src, session: back}\n")
        try makeTree(world.source + "/docs", files: 9)
        try makeTree(world.target(0) + "/src", files: 7)
        let (outcome, report) = try await world.run()
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(report.edges.map { $0["files"] } == [9, 7])
        for name in ["/docs", "/src"] {
            let here = try TreeListing(world.source + name)
            #expect(try here.differences(from: TreeListing(world.target(0) + name)) == [])
        }
    }

    @Test func databaseElsewhere_leavesTheSourceUntouched() async throws {
        let world = try World(targets: 1)
        let database = world.directory("databases")
        try FileManager.default.createDirectory(atPath: database, withIntermediateDirectories: false)
        try makeTree(world.source, files: 12)
        let before = try TreeListing(world.source)
        let far = world.remotePeer(world.servers[0], path: world.target(0))
        try world.writeTopology(
            peers:
                "  build: {path: \(world.source), database: \(database)}\n  t0: \(far.dropLast()), database: \(database)}\n",
            edges: "  - {from: build, to: t0, session: s}\n")

        let refused = try await world.headwater("run")
        #expect(refused.exit != 0, "two ends on one machine would share one snap.db")

        let other = world.directory("remote0")
        try world.writeTopology(
            peers:
                "  build: {path: \(world.source), database: \(database)}\n  t0: \(far.dropLast()), database: \(other)}\n",
            edges: "  - {from: build, to: t0, session: s}\n")
        let outcome = try await world.headwater("run")
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(!exists(world.source + "/.headwater"))
        #expect(try TreeListing(world.source).differences(from: before) == [])
        #expect(exists(database + "/.headwater/s/snap.db") && exists(other + "/.headwater/s/snap.db"))
        #expect(try await world.differences(0) == [])
        #expect(try await world.run().report.edges[0].movedNothing)
    }
}
