import TestSupport
import Testing

@Suite("First push", .slots, .timeLimit(.minutes(20)))
struct FirstPushTests {
    @Test(arguments: [1, 4])
    func awkwardTree_standsOnEveryTarget(targets: Int) async throws {
        let world = try World(targets: targets, sharesAgents: false)
        try AwkwardTree.build(at: world.source)
        let expected = try TreeListing(world.source)

        let (outcome, report) = try await world.run()

        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(report.edges.count == targets)
        for index in 0..<targets {
            #expect(try await world.differences(index) == [])
            let edge = try report.edge(world.session("build", "t\(index)"))
            #expect(edge["files"] == expected.files)
            #expect(edge["directories"] == expected.directories)
            #expect(edge["symlinks"] == expected.symlinks)
            #expect(edge["bytes_payload"] == expected.bytes)
            #expect(edge["deleted"] == 0 && edge["problems"] == 0 && edge["conflicts"] == 0)
        }
    }

    @Test func sourceIsLeftAsItWas() async throws {
        let world = try World(targets: 1)
        try AwkwardTree.build(at: world.source)
        let before = try TreeListing(world.source)
        #expect(try await world.run().outcome.exit == 0)
        #expect(try TreeListing(world.source).differences(from: before) == [])
    }

    @Test func equalFilesAtTheTarget_areAdoptedWithoutTransfer_andTheRestIsKept() async throws {
        let world = try World(targets: 1)
        try makeTree(world.source, files: 40)
        try makeTree(world.target(0), files: 40)
        try write("only here", world.target(0) + "/beyond")

        let (outcome, report) = try await world.run()

        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(report.edges[0]["bytes_payload"] == 0)
        #expect(try await world.differences(0).count == 1)
        #expect(try read(world.target(0) + "/beyond") == "only here")
    }

    @Test func targetDirectory_isCreated_butNotItsParent() async throws {
        let world = try World(targets: 1)
        try makeTree(world.source, files: 3)
        try world.writeTopology(
            peers: "  build: \(world.source)\n  t0: "
                + world.remotePeer(world.servers[0], path: "'" + world.directory("remote0/no/par ent") + "'") + "\n",
            edges: "  - build -> t0\n")
        let outcome = try await world.headwater("run")
        #expect(outcome.exit == 1)
        #expect(outcome.stderr.contains("error[root.no-parent]") && outcome.stderr.contains("/no/par ent'\n"))
        #expect(!exists(world.directory("remote0/no")))
        // The source's end is as it was, too.
        #expect(!exists(world.source + "/.headwater"))
    }

    @Test func emptySource_makesAnEmptyTarget() async throws {
        let world = try World(targets: 1)
        let (outcome, report) = try await world.run()
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(report.edges[0].movedNothing)
        #expect(try TreeListing(world.target(0)).nodes.isEmpty)
    }
}
