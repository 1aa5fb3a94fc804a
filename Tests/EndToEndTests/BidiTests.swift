import Foundation
import TestSupport
import Testing

/// Sessions in which both ends send and receive.
@Suite("Bidi", .slots, .timeLimit(.minutes(20)))
struct BidiTests {
    static func world(targets: Int = 1, edges: String = "  - build <-> t0\n") throws -> World {
        try World(targets: targets, edges: edges)
    }

    @Test func firstCycle_isTheUnionOfBoth_andASecondRunDoesNothing() async throws {
        let world = try Self.world()
        try AwkwardTree.build(at: world.source)
        try makeTree(world.target(0) + "/there", files: 60)

        let (outcome, report) = try await world.run()

        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(try await world.differences(0) == [])
        #expect(report.edges[0]["files"] == (try TreeListing(world.source).files))
        let rows = try Data(contentsOf: URL(fileURLWithPath: world.snapshot(ofSource: world.session("build", "t0"))))
        let again = try await world.run().report.edges[0]
        #expect(again.movedNothing && again["conflicts"] == 0)
        let after = try Data(contentsOf: URL(fileURLWithPath: world.snapshot(ofSource: world.session("build", "t0"))))
        #expect(rows == after)
    }

    @Test func equalTreesOnBothSides_areAdopted_withoutTransfer() async throws {
        let world = try Self.world()
        for side in [world.source, world.target(0)] { try Sketch.apply("a=one d/ d/b=two l>a", side + "/tree") }
        let (outcome, report) = try await world.run()
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(report.edges[0]["bytes_payload"] == 0 && report.edges[0]["conflicts"] == 0)
        #expect(try await world.run().report.edges[0].movedNothing)
    }

    @Test func largeFiles_goBothWays() async throws {
        let world = try Self.world()
        let big = { (byte: UInt8) in Data(repeating: byte, count: 3_000_000) }
        try big(1).write(to: URL(fileURLWithPath: world.source + "/up"))
        try FileManager.default.createDirectory(atPath: world.target(0), withIntermediateDirectories: true)
        try big(2).write(to: URL(fileURLWithPath: world.target(0) + "/down"))
        let (outcome, report) = try await world.run()
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(report.edges[0]["bytes_payload"] == 6_000_000)
        #expect(try await world.differences(0) == [])
    }

    @Test func withinThisMachine_bothWays() async throws {
        let world = try World(targets: 0, edges: "  - build <-> other\n", localPeers: ["other"])
        try Sketch.apply("a=one d/ d/b=two", world.source)
        try Sketch.apply("c=three", world.directory("other"))
        #expect(try await world.run().outcome.exit == 0)
        let difference = try TreeListing(world.source).differences(from: TreeListing(world.directory("other")))
        #expect(difference == [])
        #expect(try await world.run().report.edges[0].movedNothing)
    }

    @Test func betweenTwoFarPeers_bothWays() async throws {
        let world = try Self.world(targets: 2, edges: "  - t0 <-> t1\n")
        try Sketch.apply("a=one d/ d/b=two", world.target(0))
        try Sketch.apply("c=three", world.target(1))
        #expect(try await world.run().outcome.exit == 0)
        let difference = try TreeListing(world.target(0)).differences(from: TreeListing(world.target(1)))
        #expect(difference == [])
        #expect(try await world.run().report.edges[0].movedNothing)
    }

    /// What is new at any spoke is at all of them after one run.
    @Test func hubAndSpokes_areInStepAfterOneRun() async throws {
        let world = try World(
            targets: 2, edges: "  - build <-> t0\n  - t1 <-> build\n  - build <-> here\n", localPeers: ["here"])
        let trees = [world.source, world.target(0), world.target(1), world.directory("here")]
        for (number, tree) in trees.enumerated() { try Sketch.apply("own\(number)=\(number)", tree + "/d") }
        let (outcome, _) = try await world.run()
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        for tree in trees { #expect(try Sketch.read(tree + "/d") == (0..<4).map { "own\($0)=\($0)" }) }
        #expect(try await world.run().report.edges.allSatisfy(\.movedNothing))

        try Sketch.apply("-d/own0 d/own1=changed", world.target(0))
        #expect(try await world.run().outcome.exit == 0)
        for tree in trees { #expect(try Sketch.read(tree + "/d") == ["own1=changed", "own2=2", "own3=3"]) }
    }

    @Test func unreachableSpoke_keepsNoOtherFromBeingInStep() async throws {
        let world = try World(
            targets: 2, edges: "  - build <-> t0\n  - build <-> t1\n  - build <-> here\n", localPeers: ["here"])
        world.servers[0].stop()
        try Sketch.apply("a=1", world.directory("here"))
        let (outcome, report) = try await world.run()
        #expect(outcome.exit == 7)
        #expect(try report.edge(world.session("build", "t0"))["exit"] == 7)
        #expect(try Sketch.read(world.target(1)).contains("a=1"))
    }

    @Test func emptiedRoot_halts_onEitherSide_andNothingIsDeleted() async throws {
        for isUpstream in [true, false] {
            let world = try Self.world()
            try Sketch.apply("a=1 b=2 d/ d/c=3", world.source)
            #expect(try await world.run().outcome.exit == 0)
            let (emptied, other) =
                isUpstream ? (world.source, world.target(0)) : (world.target(0), world.source)
            try Sketch.apply("-a -b -d", emptied)
            #expect(try await world.run().outcome.exit == 6)
            #expect(try Sketch.read(other) == ["a=1", "b=2", "d/", "d/c=3"])
        }
    }

    @Test func changeOfMode_isRefused() async throws {
        let world = try Self.world()
        try Sketch.apply("a=1", world.source)
        #expect(try await world.run().outcome.exit == 0)
        try world.writeTopology(edges: "  - build -> t0\n")
        let outcome = try await world.headwater("run")
        #expect(outcome.exit == 5)
        #expect(outcome.stderr.contains("Synchronization direction changed from bidi to push"))
    }
}

/// How a conflict ends, as a person ends it by hand.
@Suite("Conflicts of bidi", .slots, .timeLimit(.minutes(20)))
struct ConflictTests {
    /// One conflict of each kind at `a`, `b`, …, in a world of its own.
    private func conflicted(_ agreed: String, _ up: String, _ down: String) async throws -> World {
        let world = try BidiTests.world()
        try Sketch.apply("pad=0 \(agreed)", world.source)
        #expect(try await world.run().outcome.exit == 0)
        try Sketch.apply(up, world.source)
        try Sketch.apply(down, world.target(0))
        let (outcome, report) = try await world.run()
        #expect(outcome.exit == 3, "\(outcome.stderr)")
        #expect(report.edges[0]["conflicts"] == 1 && report.edges[0].movedNothing)
        return world
    }

    private func settles(_ world: World, _ expected: String, line: Int = #line) async throws {
        let (outcome, report) = try await world.run()
        #expect(outcome.exit == 0, "line \(line): \(outcome.stderr)")
        #expect(report.edges[0]["conflicts"] == 0, "line \(line)")
        for side in [world.source, world.target(0)] {
            let found = try Sketch.read(side)
            #expect(found == Sketch.sorted("pad=0 \(expected)"), "line \(line)")
        }
        let again = try await world.run().report.edges[0]
        #expect(again.movedNothing && again["conflicts"] == 0, "line \(line)")
        #expect(try await world.headwater("conflicts").exit == 0)
    }

    @Test func bothMadeEqual() async throws {
        let world = try await conflicted("x=old", "x=up", "x=down")
        try Sketch.apply("x=same", world.source)
        try Sketch.apply("x=same", world.target(0))
        try await settles(world, "x=same")
    }

    @Test func oneDeleted_theSurvivorSpreads() async throws {
        var world = try await conflicted("x=old", "x=up", "x=down")
        try Sketch.apply("-x", world.source)
        try await settles(world, "x=down")
        world = try await conflicted("x=old", "x=up", "x=down")
        try Sketch.apply("-x", world.target(0))
        try await settles(world, "x=up")
    }

    @Test func oneRenamed_bothNamesStandOnBothSides() async throws {
        var world = try await conflicted("", "x=up", "x=down")
        try Sketch.apply("-x y=up", world.source)
        try await settles(world, "x=down y=up")
        world = try await conflicted("", "x=up", "x=down")
        try Sketch.apply("-x y=down", world.target(0))
        try await settles(world, "x=up y=down")
    }

    @Test func oneSetBack_theOtherSpreads() async throws {
        var world = try await conflicted("x=old", "x=up", "x=down")
        try Sketch.apply("x=old", world.target(0))
        try await settles(world, "x=up")
        world = try await conflicted("x=old", "x=up", "x=down")
        try Sketch.apply("x=old", world.source)
        try await settles(world, "x=down")
    }

    @Test func changedBesideDeleted_standsUntilTheSurvivorGoes() async throws {
        var world = try await conflicted("x=old", "x=up", "-x")
        #expect(try await world.run().report.edges[0]["conflicts"] == 1)
        try Sketch.apply("-x", world.source)
        try await settles(world, "")
        world = try await conflicted("x=old", "-x", "x=down")
        try Sketch.apply("-x", world.target(0))
        try await settles(world, "")
    }

    @Test func changedBesideDeleted_madeEqual() async throws {
        let world = try await conflicted("x=old", "x=up", "-x")
        try Sketch.apply("x=up", world.target(0))
        try await settles(world, "x=up")
    }

    @Test func changedAgain_standsAsItIsNow() async throws {
        let world = try await conflicted("x=old", "x=up", "x=down")
        try Sketch.apply("x=upagain", world.source)
        let (outcome, report) = try await world.run()
        #expect(outcome.exit == 3 && report.edges[0]["conflicts"] == 1)
        let listed = try await world.headwater("conflicts", ["--json"])
        #expect(listed.exit == 3 && listed.stdout.contains("\"size\":7"))
        #expect(try Sketch.read(world.target(0)).contains("x=down"))
        try Sketch.apply("-x", world.target(0))
        try await settles(world, "x=upagain")
    }

    @Test func directoryBesideFile_settledByDeletingOne() async throws {
        var world = try await conflicted("", "x/ x/y=up", "x=down")
        try Sketch.apply("-x", world.target(0))
        try await settles(world, "x/ x/y=up")
        world = try await conflicted("", "x=up", "x/ x/y=down")
        try Sketch.apply("-x", world.source)
        try await settles(world, "x/ x/y=down")
        world = try await conflicted("", "x=up", "x/ x/y=down")
        try Sketch.apply("-x", world.target(0))
        try await settles(world, "x=up")
    }

    /// The directory that is left spreads with all that was agreed on in it, not only with what changed.
    @Test func directoryThatBecameAFile_settledByDeletingTheFile() async throws {
        let agreed = "d/ d/x=old d/y=old d/e/ d/e/z=old"
        let settled = "d/ d/x=newer d/y=old d/e/ d/e/z=old"
        var world = try await conflicted(agreed, "d/x=newer", "-d d=file")
        try Sketch.apply("-d", world.target(0))
        try await settles(world, settled)
        world = try await conflicted(agreed, "-d d=file", "d/x=newer")
        try Sketch.apply("-d", world.source)
        try await settles(world, settled)
    }

    @Test func parentsKeptOnlyForAConflict_goWithIt() async throws {
        let world = try await conflictedBelow()
        try Sketch.apply("-d/x", world.target(0))
        try await settles(world, "")
    }

    @Test func survivorInADeletedDirectory_spreadsWithItsParents() async throws {
        let world = try await conflictedBelow()
        try Sketch.apply("-d/x d/n=renamed", world.target(0))
        try await settles(world, "d/ d/n=renamed")
    }

    /// What was kept for its content, or for a conflict, is not what the other side has to get back.
    @Test func residueOrConflict_inADeletedDirectory_bringsNothingBack() async throws {
        for down in ["d/e/p|", "d/e/x=down"] {
            let world = try BidiTests.world()
            try Sketch.apply("pad=0 d/ d/e/ d/e/x=old d/y=old", world.source)
            #expect(try await world.run().outcome.exit == 0)
            try Sketch.apply("-d/e", world.source)
            try Sketch.apply(down, world.target(0))
            let exit = try await world.run().outcome.exit
            try Sketch.apply("-d", world.source)
            #expect(try await world.run().outcome.exit == exit)
            #expect(try Sketch.read(world.source) == ["pad=0"])
            #expect(try Sketch.read(world.target(0)) == ["d/", "d/e/", down, "pad=0"].sorted())
            #expect(try await world.run().report.edges[0].movedNothing)
        }
    }

    private func conflictedBelow() async throws -> World {
        let world = try BidiTests.world()
        try Sketch.apply("pad=0 d/ d/x=old d/y=old", world.source)
        #expect(try await world.run().outcome.exit == 0)
        try Sketch.apply("-d", world.source)
        try Sketch.apply("d/x=down", world.target(0))
        let (outcome, report) = try await world.run()
        #expect(outcome.exit == 3 && report.edges[0]["conflicts"] == 1, "\(outcome.stderr)")
        return world
    }
}
