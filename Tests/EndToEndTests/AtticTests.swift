import Foundation
import TestSupport
import Testing

/// `keep_deleted`: what is deleted or replaced at the target is kept (invariant 6), and nothing of a path is ever nowhere (invariant 1).
@Suite("keep_deleted: the attic", .slots, .timeLimit(.minutes(20)))
struct AtticTests {
    @Test(arguments: [false, true])
    func deletedAndReplaced_areKeptUnderTheirPath_withTheMoment(pull: Bool) async throws {
        let pair = try await PolicyWorld("keep_deleted: true", pull: pull)
        try write("one", pair.source + "/d/deep/one")
        try write("two", pair.source + "/two")
        try write("was a file", pair.source + "/type")
        try FileManager.default.createSymbolicLink(atPath: pair.source + "/link", withDestinationPath: "some/where")
        try write("stays", pair.source + "/stays")
        try await pair.run()
        #expect(try pair.kept() == [:])

        try remove(pair.source + "/d")
        try write("two, newer", pair.source + "/two")
        try remove(pair.source + "/type")
        try write("in a directory", pair.source + "/type/now")
        try remove(pair.source + "/link")
        try await pair.run()

        #expect(try pair.differences() == [])
        #expect(
            try pair.kept() == ["d/deep/one": "one", "two": "two", "type": "was a file", "link": "some/where"])
        try await pair.expectNothingFurther()
        #expect(try pair.kept().count == 4)
    }

    /// Drift that is repaired replaces what somebody wrote: that is kept, too.
    @Test func whatARepairReplaces_isKept() async throws {
        let pair = try await PolicyWorld("keep_deleted: true", files: 8)
        try write("an edit there", pair.target + "/d0/file0")
        try await pair.run()
        #expect(try pair.differences() == [])
        #expect(try pair.kept() == ["d0/file0": "an edit there"])
        try await pair.expectNothingFurther()
    }

    @Test func sameNameAgain_overwritesNothingInTheAttic() async throws {
        let pair = try await PolicyWorld("keep_deleted: true", files: 4)
        for round in 0..<3 {
            try write("version \(round)", pair.source + "/again")
            try await pair.run()
        }
        try remove(pair.source + "/again")
        try await pair.run()
        let files = try TreeListing(pair.attic).nodes.values.filter { $0.kind == "f" }
        #expect(
            Set(files.map { String(decoding: $0.content, as: UTF8.self) }) == ["version 0", "version 1", "version 2"])
        try await pair.expectNothingFurther()
    }

    @Test func longNames_areCutToFit_betweenCharacters() async throws {
        let pair = try await PolicyWorld("keep_deleted: true", files: 2)
        let names = [String(repeating: "x", count: 255), String(repeating: "ä", count: 127)]
        for name in names { try write(name, pair.source + "/" + name) }
        try await pair.run()
        for name in names { try remove(pair.source + "/" + name) }
        try await pair.run()
        let kept = try FileManager.default.contentsOfDirectory(atPath: pair.attic)
        #expect(kept.count == 2 && kept.allSatisfy { $0.utf8.count <= 255 && $0.utf8.count >= 254 })
        #expect(kept.contains { $0.hasPrefix("ääää") && !$0.contains("\u{FFFD}") })
        try await pair.expectNothingFurther()
    }

    @Test(arguments: [false, true])
    func atticInTheTree_isNoPartOfTheSession_atEitherEnd(pull: Bool) async throws {
        let pair = try await PolicyWorld("keep_deleted: old/attic", pull: pull)
        try write("one", pair.source + "/one")
        try write("beside", pair.source + "/old/beside")
        try write("the source's own", pair.source + "/old/attic/own")
        try await pair.run()
        #expect(!exists(pair.target + "/old/attic"))
        try write("newer", pair.source + "/one")
        try remove(pair.source + "/old/beside")
        try await pair.run()
        let attic = pair.target + "/old/attic"
        #expect(try pair.kept(in: attic) == ["one": "one", "old/beside": "beside"])
        #expect(try pair.differences(ignoring: ["old/attic"]) == [])
        #expect(!exists(pair.source + "/old/attic/one"))
        try await pair.expectNothingFurther()
        // What is done to the attic is nobody's drift.
        for name in try FileManager.default.contentsOfDirectory(atPath: attic) { try remove("\(attic)/\(name)") }
        try write("put there", attic + "/by/hand")
        try await pair.expectNothingFurther()
    }

    /// The next tier reads the tree as it is after the edge above has written, its attic included.
    @Test func atticInTheTree_isThereForTheNextTier_inTheSameRun() async throws {
        let world = try World(
            targets: 2, edges: "  - {from: build, to: t0, keep_deleted: old}\n  - t0 -> t1\n")
        try makeTree(world.source, files: 8)
        #expect(try await world.run().outcome.exit == 0)
        try remove(world.source + "/d0/file0")
        #expect(try await world.run().outcome.exit == 0)
        #expect(try TreeListing(world.target(0)).differences(from: TreeListing(world.target(1))) == [])
        #expect(exists(world.target(1) + "/old/d0"))
        #expect(try await world.run().report.edges.allSatisfy(\.movedNothing))
    }

    /// Otherwise a target with nothing but its attic would not count as emptied (invariant 5).
    @Test func emptiedTarget_haltsThoughTheAtticIsStillThere() async throws {
        let pair = try await PolicyWorld("keep_deleted: attic", files: 12)
        try remove(pair.source + "/d0/file0")
        try await pair.run()
        #expect(exists(pair.target + "/attic"))
        for name in ["d0", "d1", "d2", "d3"] { try remove(pair.target + "/" + name) }
        try await pair.run(exit: 6)
        #expect(!exists(pair.target + "/d0"))
    }

    /// A symlink there must not lead anything out of the root (invariant 7).
    @Test func atticThatCannotServe_endsTheRun_beforeAnythingIsDeleted() async throws {
        let pair = try await PolicyWorld("keep_deleted: attic", files: 8)
        let outside = pair.world.directory("outside")
        try FileManager.default.createDirectory(atPath: outside, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: pair.target + "/attic", withDestinationPath: outside)
        try remove(pair.source + "/d0/file0")
        let outcome = try await pair.world.headwater("run")
        #expect(outcome.exit == 1 && outcome.stderr.contains("[attic.unusable]"), "\(outcome.stderr)")
        #expect(exists(pair.target + "/d0/file0"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: outside) == [])
        try remove(pair.target + "/attic")
        try await pair.run()
        #expect(try pair.kept(in: pair.target + "/attic").keys.sorted() == ["d0/file0"])
        try await pair.expectNothingFurther()
    }

    /// Invariant 1 with an attic: after a kill at any moment each old version is in its place or in the attic, whole.
    @Test func killedAtRandomMoments_everyOldVersionIsInItsPlaceOrKept() async throws {
        let pair = try await PolicyWorld("keep_deleted: true, max_delete: 100%")
        var random = SeededRandom(seed: KillTests.seed)
        let count = 400
        func content(_ index: Int, _ round: Int) -> String {
            "\(index) in \(round) " + String(repeating: "x", count: index * 7)
        }
        for index in 0..<count { try write(content(index, 0), pair.source + "/d\(index % 5)/f\(index)") }
        try write("", pair.source + "/stays")
        try await pair.run()
        for round in 1...6 {
            for index in 0..<count where (index + round) % 2 == 0 {
                let path = pair.source + "/d\(index % 5)/f\(index)"
                if index % 3 == 0 && exists(path) {
                    try remove(path)
                } else {
                    try write(content(index, round), path)
                }
            }
            let before = try TreeListing(pair.target)
            let run = try pair.world.startRun()
            await letPass(microseconds: Int.random(in: 20_000...500_000, using: &random))
            run.signal(SIGKILL)
            for agent in pair.world.agents() { kill(agent, SIGKILL) }
            _ = await run.outcome()
            #expect(await until { pair.world.agents().isEmpty })
            try await pair.run()
            #expect(try pair.differences() == [], "round \(round), seed \(KillTests.seed)")
            let now = Set(try TreeListing(pair.target).nodes.values.map(\.content))
            let kept = Set(try TreeListing(pair.attic).nodes.values.filter { $0.kind == "f" }.map(\.content))
            let lost = before.nodes.filter { $0.value.kind == "f" }.filter {
                !now.contains($0.value.content) && !kept.contains($0.value.content)
            }
            #expect(lost.isEmpty, "round \(round), seed \(KillTests.seed): \(lost.count) versions are nowhere")
        }
        try await pair.expectNothingFurther()
    }
}
