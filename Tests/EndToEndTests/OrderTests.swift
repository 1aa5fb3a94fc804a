import Foundation
import TestSupport
import Testing

@Suite("Order of the edges", .slots, .timeLimit(.minutes(20)))
struct OrderTests {
    @Test func lowerEdge_seesWhatTheUpperBrought_inOneRun() async throws {
        let world = try World(
            targets: 2, edges: "  - middle -> t0\n  - middle -> t1\n  - build -> middle\n", localPeers: ["middle"])
        try AwkwardTree.build(at: world.source)

        let (outcome, report) = try await world.run()

        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(report.edges.count == 3)
        for index in 0..<2 { #expect(try await world.differences(index) == []) }
        #expect(try await world.run().report.edges.allSatisfy(\.movedNothing))
    }

    @Test func belowAFailedEdge_isSkippedWithItsCode_andNothingElse() async throws {
        let world = try World(
            targets: 2, edges: "  - build -> middle\n  - middle -> t0\n  - other -> t1\n",
            localPeers: ["middle", "other"])
        try makeTree(world.directory("other"), files: 5)
        try makeTree(world.directory("middle"), files: 5)
        try remove(world.source)

        let (outcome, report) = try await world.run()

        #expect(outcome.exit == 6, "\(outcome.stderr)")
        let skipped = try report.edge(world.session("middle", "t0"))
        #expect(skipped["exit"] == 6 && skipped.text("state").contains("skipped"))
        #expect(!exists(world.target(0)))
        #expect(try report.edge(world.session("other", "t1"))["exit"] == 0)
        #expect(exists(world.target(1) + "/d0/file0"))
    }

    @Test func chosenEdge_runsAlone() async throws {
        let world = try World(targets: 2)
        try makeTree(world.source, files: 5)
        #expect(try await world.headwater("run", ["--edge", "build:t1"]).exit == 0)
        #expect(!exists(world.target(0)) && exists(world.target(1) + "/d0/file0"))
    }

    @Test func unknownEdge_isAUsageErrorThatListsWhatThereIs() async throws {
        let world = try World(targets: 1)
        let outcome = try await world.headwater("run", ["--edge", "build:nobody"])
        #expect(outcome.exit == 2)
        #expect(outcome.stderr.contains(world.session("build", "t0")))
    }
}
