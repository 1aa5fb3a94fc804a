import Foundation
import TestSupport
import Testing

/// `delete`: when deletions are carried out, or never. Guards invariants 5 (brakes before every deletion) and 10.
@Suite("delete: before, during, after, never", .slots, .timeLimit(.minutes(20)))
struct DeletePolicyTests {
    @Test(arguments: ["before", "during", "after"], [false, true])
    func deletionsAndContent_arrive(delete: String, pull: Bool) async throws {
        let pair = try await PolicyWorld("delete: \(delete)", pull: pull, files: 60)
        try remove(pair.source + "/d1")
        try remove(pair.source + "/d0/file0")
        try write("a directory before", pair.source + "/d1")
        try remove(pair.source + "/d2/file2")
        try write("a file before", pair.source + "/d2/file2/inside")
        try write("new", pair.source + "/new/one")
        let edge = try await pair.run()
        #expect(edge["deleted"] == 16 && edge["files"] == 3)
        #expect(try pair.differences() == [])
        try await pair.expectNothingFurther()
    }

    /// Drift in the same cycle is asked about after the last pass, and directories before the first.
    @Test func before_withDriftInTheSameRun_isInStep() async throws {
        let pair = try await PolicyWorld("delete: before", files: 40)
        try remove(pair.target + "/d3")
        try write("drifted", pair.target + "/d2/file2")
        try remove(pair.source + "/d0/file0")
        try write("new", pair.source + "/d3/new")
        try await pair.run()
        #expect(try pair.differences() == [])
        try await pair.expectNothingFurther()
    }

    /// The point of `before`: the room that is freed is there for what comes. During a run that cannot stage, the deletions have happened.
    @Test func before_hasDeletedWhenTheFirstContentIsPublished() async throws {
        for (delete, isGone) in [("before", true), ("after", false)] {
            let pair = try await PolicyWorld("delete: \(delete)", files: 12)
            try remove(pair.source + "/d0/file0")
            for index in 0..<9000 { try write("content \(index)", pair.source + "/new\(index % 9)/f\(index)") }
            let run = try pair.world.startRun()
            let first = await until { exists(pair.target + "/new0/f0") || !run.isRunning }
            run.signal(SIGSTOP)
            let isOver = exists(pair.target + "/new8/f8999")
            let wasThere = exists(pair.target + "/d0/file0")
            run.signal(SIGCONT)
            #expect(await run.outcome().exit == 0)
            #expect(first && (isOver || wasThere == !isGone), "delete: \(delete)")
            #expect(try pair.differences() == [])
            try await pair.expectNothingFurther()
        }
    }

    @Test(arguments: ["before", "after"])
    func maxDelete_haltsWithEverythingDeletedLeft(delete: String) async throws {
        let pair = try await PolicyWorld("delete: \(delete), max_delete: 5", files: 40)
        try remove(pair.source + "/d1")
        try await pair.run(exit: 6)
        #expect(exists(pair.target + "/d1/file1"))
        #expect(try await pair.world.headwater("release", ["--edge", pair.session]).exit == 0)
        try await pair.run()
        #expect(try pair.differences() == [])
        try await pair.expectNothingFurther()
    }

    @Test(arguments: [false, true])
    func never_keepsWhatIsDeleted_andItIsNobodysDriftAfterwards(pull: Bool) async throws {
        let pair = try await PolicyWorld("delete: never", pull: pull, files: 40)
        try remove(pair.source + "/d0/file0")
        try remove(pair.source + "/d1")
        let edge = try await pair.run()
        #expect(edge["deleted"] == 0 && edge["problems"] == 0)
        #expect(exists(pair.target + "/d0/file0") && exists(pair.target + "/d1/file1"))
        #expect(!exists(pair.source + "/d0/file0"))
        for path in ["d0/file0", "d1", "d1/file1"] { #expect(try await pair.rowStates(path) == [3, 3], "\(path)") }
        try await pair.expectNothingFurther()

        // Neither restored nor drift: whatever becomes of it there.
        try write("changed there", pair.target + "/d1/file1")
        try remove(pair.target + "/d0/file0")
        #expect(try await pair.run()["files"] == 0)
        #expect(try read(pair.target + "/d1/file1") == "changed there" && !exists(pair.target + "/d0/file0"))
        try await pair.expectNothingFurther()
    }

    @Test func never_createdAgain_isANormalChange() async throws {
        let pair = try await PolicyWorld("delete: never", files: 40)
        try remove(pair.source + "/d0/file0")
        try remove(pair.source + "/d1")
        try await pair.run()
        try write("again", pair.source + "/d0/file0")
        try write("again", pair.source + "/d1/file1")
        try await pair.run()
        #expect(try read(pair.target + "/d0/file0") == "again" && read(pair.target + "/d1/file1") == "again")
        #expect(try await pair.rowStates("d1/file1") == [1, 1])
        #expect(try await pair.rowStates("d1/file5") == [3, 3])
        try await pair.expectNothingFurther()
    }

    /// What is in the directory is not deleted, so the directory cannot give way: a problem until somebody moves it.
    @Test func never_directoryThatBecameAFile_staysWithWhatIsInIt_andIsAProblem() async throws {
        let pair = try await PolicyWorld("delete: never", files: 40)
        try remove(pair.source + "/d1")
        try write("a file now", pair.source + "/d1")
        let outcome = try await pair.world.headwater("run")
        #expect(outcome.exit == 4 && outcome.stderr.contains("path.not-empty"), "\(outcome.stderr)")
        #expect(exists(pair.target + "/d1/file1"))
        try await pair.expectNothingFurther(exit: 4)
        #expect(rename(pair.target + "/d1", pair.target + "/d1-before") == 0)
        try await pair.run()
        #expect(try read(pair.target + "/d1") == "a file now" && exists(pair.target + "/d1-before/file1"))
        try await pair.expectNothingFurther()
    }

    /// All that was at the top is withheld: the source is not emptied anew by each run (invariant 5 must not cry wolf).
    @Test func never_allDeleted_haltsOnceAsEmptied_andThenNoMore() async throws {
        let pair = try await PolicyWorld("delete: never", files: 12)
        for name in ["d0", "d1", "d2", "d3"] { try remove(pair.source + "/" + name) }
        try await pair.run(exit: 6)
        #expect(try await pair.world.headwater("release", ["--edge", pair.session]).exit == 0)
        try await pair.run()
        #expect(try TreeListing(pair.target).files == 12)
        try await pair.expectNothingFurther()
    }

    /// Nothing is deleted later for having been withheld.
    @Test func never_givenUpLater_leavesWhatWasWithheld() async throws {
        let pair = try await PolicyWorld("delete: never", files: 12)
        try remove(pair.source + "/d0/file0")
        try await pair.run()
        try pair.change("delete: during")
        try remove(pair.source + "/d1/file1")
        try await pair.run()
        #expect(exists(pair.target + "/d0/file0") && !exists(pair.target + "/d1/file1"))
        try await pair.expectNothingFurther()
    }

    @Test func never_aKilledRun_goesOn_andBothEndsWithholdTheSame() async throws {
        let pair = try await PolicyWorld("delete: never", files: 400)
        var random = SeededRandom(seed: KillTests.seed)
        for round in 0..<4 {
            try remove(pair.source + "/d\(round)")
            try write("round \(round)", pair.source + "/stays")
            let run = try pair.world.startRun()
            await letPass(microseconds: Int.random(in: 20_000...300_000, using: &random))
            run.signal(SIGKILL)
            for agent in pair.world.agents() { kill(agent, SIGKILL) }
            _ = await run.outcome()
            #expect(await until { pair.world.agents().isEmpty })
            try await pair.run()
            #expect(try await pair.rowStates("d\(round)") == [3, 3], "round \(round), seed \(KillTests.seed)")
        }
        #expect(try TreeListing(pair.target).files == 401)
        try await pair.expectNothingFurther()
    }
}
