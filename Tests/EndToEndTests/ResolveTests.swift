import Foundation
import TestSupport
import Testing

/// `resolve` and `overwrite`: conflicts that a person or the file decides.
@Suite("Conflicts decided", .slots, .timeLimit(.minutes(20)))
struct ResolveTests {
    private func world(_ settings: String = "") throws -> World {
        try World(targets: 1, edges: "  - build <-> t0\n", settings: settings)
    }

    private func conflicted(_ agreed: String, _ up: String, _ down: String, _ count: Int) async throws -> World {
        let world = try world()
        try Sketch.apply("pad=0 \(agreed)", world.source)
        #expect(try await world.run().outcome.exit == 0)
        try Sketch.apply(up, world.source)
        try Sketch.apply(down, world.target(0))
        #expect(try await world.run().report.edges[0]["conflicts"] == count)
        return world
    }

    private func resolve(_ world: World, _ paths: [String], _ keep: String) async throws -> RunningProcess.Outcome {
        try await world.headwater("resolve", paths + ["--session", world.session("build", "t0"), "--keep", keep])
    }

    private func expect(_ world: World, _ words: String, line: Int = #line) async throws {
        let (outcome, report) = try await world.run()
        #expect(outcome.exit == 0, "line \(line): \(outcome.stderr)")
        #expect(report.edges[0]["conflicts"] == 0, "line \(line)")
        for side in [world.source, world.target(0)] {
            #expect(try Sketch.read(side) == Sketch.sorted("pad=0 \(words)"), "line \(line)")
        }
        let again = try await world.run()
        #expect(again.outcome.exit == 0 && again.report.edges[0].movedNothing, "line \(line)")
    }

    /// The texts of what lies in the attic of one side.
    private func attic(_ tree: String, _ world: World) -> [String] {
        let directory = "\(tree)/.headwater/\(world.session("build", "t0"))/attic"
        let names = FileManager.default.enumerator(atPath: directory)?.compactMap { $0 as? String } ?? []
        return names.compactMap { try? String(contentsOfFile: "\(directory)/\($0)", encoding: .utf8) }.sorted()
    }

    @Test func eachSide_wins_andTheLoserLiesInTheAtticOfItsSide() async throws {
        let world = try await conflicted("a=old b=old", "a=up1 b=up2", "a=down1 b=down2", 2)
        #expect(try await resolve(world, ["a"], "upstream").exit == 0)
        #expect(try await resolve(world, ["b"], "downstream").exit == 0)
        try await expect(world, "a=up1 b=down2")
        #expect(attic(world.target(0), world) == ["down1"])
        #expect(attic(world.source, world) == ["up2"])
    }

    @Test func newer_wins_andOfChangedBesideDeletedTheSurvivor() async throws {
        let world = try await conflicted("a=old b=old c=old", "a=up b=up -c", "a=down -b c=down", 3)
        let past = [FileAttributeKey.modificationDate: Date(timeIntervalSince1970: 1_600_000_000)]
        try FileManager.default.setAttributes(past, ofItemAtPath: world.source + "/a")
        #expect(try await resolve(world, ["**"], "newer").exit == 0)
        try await expect(world, "a=down b=up c=down")
    }

    @Test func deletion_mayWin() async throws {
        let world = try await conflicted("a=old b=old", "a=up -b", "-a b=down", 2)
        #expect(try await resolve(world, ["a"], "downstream").exit == 0)
        #expect(try await resolve(world, ["b"], "upstream").exit == 0)
        try await expect(world, "")
        #expect(attic(world.source, world) == ["up"] && attic(world.target(0), world) == ["down"])
    }

    @Test func survivorInADeletedDirectory_bringsItBack() async throws {
        let world = try await conflicted("d/ d/e/ d/e/x=old d/y=old", "-d", "d/e/x=down", 1)
        #expect(try await resolve(world, ["d/e/x"], "downstream").exit == 0)
        try await expect(world, "d/ d/e/ d/e/x=down")
    }

    /// Of what is in a directory nothing is deleted by the way, whoever was to win.
    @Test func directoryThatLosesToAFile_isNotTakenApart() async throws {
        let agreed = "d/ d/x=old d/y=old"
        for (up, down, keep) in [
            ("-d d=file", "d/own=mine", "upstream"), ("-d d=file", "d/x=newer", "both"),
            ("d/own=mine", "-d d=file", "downstream"),
        ] {
            let world = try await conflicted(agreed, up, down, 1)
            let before = [try Sketch.read(world.source), try Sketch.read(world.target(0))]
            #expect(try await resolve(world, ["d"], keep).exit == 0)
            let (outcome, report) = try await world.run()
            #expect(outcome.exit == 4 && outcome.stderr.contains("path.directory-loses"), "\(keep): \(outcome.stderr)")
            #expect(report.edges[0]["conflicts"] == 1 && report.edges[0].movedNothing)
            #expect([try Sketch.read(world.source), try Sketch.read(world.target(0))] == before)
            #expect(try await world.run().outcome.exit == 3)
        }
    }

    @Test func both_stand_onBothSides() async throws {
        let world = try await conflicted("d/ d/a.txt=old", "d/a.txt=up", "d/a.txt=down", 1)
        #expect(try await resolve(world, ["d/*.txt"], "both").exit == 0)
        let (outcome, _) = try await world.run()
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(try await world.differences(0) == [])
        let words = try Sketch.read(world.source + "/d")
        #expect(words.count == 2 && words.contains("a.txt=up"))
        #expect(words.contains { $0.hasPrefix("a.txt~t0~") && $0.hasSuffix("Z=down") }, "\(words)")
        #expect(try await world.run().report.edges[0].movedNothing)
    }

    @Test func pathBeatsPattern_whateverTheOrder() async throws {
        let world = try await conflicted("a=old b=old", "a=up b=up", "a=down b=down", 2)
        #expect(try await resolve(world, ["a"], "downstream").exit == 0)
        #expect(try await resolve(world, ["*"], "upstream").exit == 0)
        try await expect(world, "a=down b=up")
    }

    /// What was decided counts once: a later conflict at the same path waits for a decision of its own.
    @Test func decision_isUsedUp() async throws {
        let world = try await conflicted("a=old", "a=up", "a=down", 1)
        #expect(try await resolve(world, ["a"], "upstream").exit == 0)
        try await expect(world, "a=up")
        try Sketch.apply("a=up2", world.source)
        try Sketch.apply("a=down2", world.target(0))
        #expect(try await world.run().outcome.exit == 3)
        #expect(try Sketch.read(world.target(0)).contains("a=down2"))
    }

    @Test func mistakes_decideNothing() async throws {
        let world = try await conflicted("a=old", "a=up", "a=down", 1)
        let none = try await resolve(world, ["b"], "upstream")
        #expect(none.exit == 2 && none.stderr.contains("resolve.no-conflict"))
        let bad = try await resolve(world, ["[x"], "upstream")
        #expect(bad.exit == 2 && bad.stderr.contains("resolve.pattern"))
        #expect(try await resolve(world, ["a"], "left").exit == 2)
        #expect(try await resolve(world, [], "upstream").exit == 2)
        #expect(try await world.run().report.edges[0]["conflicts"] == 1)
    }

    @Test func overwriteAlways_upstreamWins_deletionsIncluded() async throws {
        let world = try world("defaults: {overwrite: always}\n")
        try Sketch.apply("pad=0 a=old b=old c=old", world.source)
        #expect(try await world.run().outcome.exit == 0)
        try Sketch.apply("a=up -b c=up", world.source)
        try Sketch.apply("a=down b=down -c", world.target(0))
        try await expect(world, "a=up c=up")
    }

    @Test func overwriteOlder_theNewerOneWins_changedBesideDeletedStands() async throws {
        let world = try world("defaults: {overwrite: older}\n")
        try Sketch.apply("pad=0 a=old b=old c=old", world.source)
        #expect(try await world.run().outcome.exit == 0)
        try Sketch.apply("a=up b=up -c", world.source)
        try Sketch.apply("a=down b=down c=down", world.target(0))
        let past = [FileAttributeKey.modificationDate: Date(timeIntervalSince1970: 1_600_000_000)]
        try FileManager.default.setAttributes(past, ofItemAtPath: world.source + "/a")
        try FileManager.default.setAttributes(past, ofItemAtPath: world.target(0) + "/b")
        let (outcome, report) = try await world.run()
        #expect(outcome.exit == 3 && report.edges[0]["conflicts"] == 1, "\(outcome.stderr)")
        #expect(try Sketch.read(world.source) == ["a=down", "b=up", "pad=0"])
        #expect(try Sketch.read(world.target(0)) == ["a=down", "b=up", "c=down", "pad=0"])
        #expect(try await world.run().report.edges[0].movedNothing)
    }
}
