import Foundation
import TestSupport
import Testing

@Suite("Damaged, missing and foreign databases", .slots, .timeLimit(.minutes(20)))
struct SnapshotFaultTests {
    private static let missingRemote = "Failed. Peer error: Local snapshot DB exists but remote snapshot DB"
    private static let missingLocal = "Failed. Remote snapshot DB exists but local snapshot DB"

    @Test func missingAtTheTarget_refuses() async throws {
        try await refuses(Self.missingRemote, code: nil) { world in
            try remove(world.target(0) + "/.headwater/" + world.session("build", "t0"))
        }
    }

    /// The root may only be unmounted: that is asked first, and nothing is left there that would say otherwise.
    @Test func missingDatabase_asksWhetherTheRightDirectoryIsThere_andLeavesNothing() async throws {
        let world = try await inStep(files: 20)
        let session = world.session("build", "t0")
        try remove(world.target(0) + "/.headwater")
        let outcome = try await world.headwater("run")
        #expect(outcome.exit == 5)
        #expect(!exists(world.target(0) + "/.headwater"))
        let target = String(cString: realpath(world.target(0), nil))
        #expect(outcome.stderr.contains("remedy: see that \(target) is mounted and the right directory"))
        #expect(outcome.stderr.contains("headwater run \(world.topology) --edge \(session) --reset"))
        #expect(outcome.stderr.contains("error[snapshot.remote-missing] edge build -> t0, at t0 ("))
    }

    @Test func missingAtTheSource_refuses() async throws {
        try await refuses(Self.missingLocal, code: nil) { world in
            try remove(world.source + "/.headwater/" + world.session("build", "t0"))
        }
    }

    @Test(arguments: [true, false])
    func notADatabase_refuses(atTheSource: Bool) async throws {
        let wording = "Failed. \(atTheSource ? "" : "Peer error: ")file is encrypted or is not a database"
        try await refuses(wording, code: nil) { world in
            try replace(database(world, atTheSource), with: Data("this is no database at all, but long enough".utf8))
        }
    }

    @Test(arguments: [true, false])
    func emptyFile_refuses(atTheSource: Bool) async throws {
        let wording = "Failed. \(atTheSource ? "" : "Peer error: ")Corrupt database"
        try await refuses(wording, code: nil) { world in try replace(database(world, atTheSource), with: Data()) }
    }

    @Test(arguments: [true, false])
    func truncated_refuses(atTheSource: Bool) async throws {
        let wording = "Failed. \(atTheSource ? "" : "Peer error: ")Corrupt database"
        try await refuses(wording, code: nil) { world in
            let path = database(world, atTheSource)
            let whole = try Data(contentsOf: URL(fileURLWithPath: path))
            try replace(path, with: whole.prefix(whole.count / 2))
        }
    }

    @Test func restoredFromABackup_refuses() async throws {
        let world = try await inStep(files: 20)
        let path = database(world, true)
        let backup = try Data(contentsOf: URL(fileURLWithPath: path))
        try write("newer", world.source + "/d0/file0")
        #expect(try await world.run().outcome.exit == 0)
        try replace(path, with: backup)
        try await expectRefusal(world, "restored from a backup")
    }

    @Test func databaseOfAnotherSession_refuses() async throws {
        let world = try await inStep(files: 20, targets: 2)
        try replace(
            world.snapshot(ofTarget: 0, world.session("build", "t0")),
            with: Data(
                contentsOf: URL(fileURLWithPath: world.snapshot(ofTarget: 1, world.session("build", "t1")))))
        try await expectRefusal(world, "was recorded for other directories")
    }

    @Test func renamedSession_refusesAndNamesTheOldOne() async throws {
        let world = try await inStep(files: 20)
        try remove(world.source + "/d0/file0")
        try world.writeTopology(edges: "  - {from: build, to: t0, session: another}\n")
        let outcome = try await world.headwater("run")
        #expect(outcome.exit == 5)
        #expect((outcome.stdout + outcome.stderr).contains("`session: \(world.session("build", "t0"))`"))
        #expect(exists(world.target(0) + "/d0/file0"))
    }

    @Test func refusal_isTheSameTheSecondTime_andResetMendsIt() async throws {
        let world = try await inStep(files: 20)
        let path = database(world, false)
        try replace(path, with: Data("damaged".utf8))
        for _ in 0..<2 {
            #expect(try await world.headwater("run").exit == 5)
            #expect(try read(path) == "damaged")
        }
        let (outcome, report) = try await world.run(["--reset"])
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(report.edges[0]["bytes_payload"] == 0 && report.edges[0]["deleted"] == 0)
        #expect(try await world.run().report.edges[0].movedNothing)
    }

    @Test func reset_deletesNothingAtTheTarget() async throws {
        let world = try await inStep(files: 20)
        try remove(world.source + "/d0/file0")
        #expect(try await world.run(["--reset"]).outcome.exit == 0)
        #expect(exists(world.target(0) + "/d0/file0"))
    }

    /// Damages a world in step and expects the refusal with everything else left as it was.
    private func refuses(_ wording: String, code: String?, _ damage: (World) throws -> Void) async throws {
        let world = try await inStep(files: 20)
        try remove(world.source + "/d0/file0")
        try write("added", world.source + "/d0/added")
        try damage(world)
        try await expectRefusal(world, wording)
    }

    private func expectRefusal(_ world: World, _ wording: String) async throws {
        let before = try [world.source, world.target(0)].map { try TreeListing($0) }
        let outcome = try await world.headwater("run")
        #expect(outcome.exit == 5, "\(outcome.stderr)")
        let text = outcome.stdout + outcome.stderr
        #expect(text.contains(wording) && text.contains("remedy:"), "\(text)")
        #expect(try TreeListing(world.source).differences(from: before[0]) == [])
        #expect(try TreeListing(world.target(0)).differences(from: before[1]) == [])
    }

    private func database(_ world: World, _ atTheSource: Bool) -> String {
        let session = world.session("build", "t0")
        return atTheSource ? world.snapshot(ofSource: session) : world.snapshot(ofTarget: 0, session)
    }

    /// Puts other bytes in place of a database, without what SQLite keeps beside it.
    private func replace(_ path: String, with bytes: Data) throws {
        for suffix in ["-wal", "-shm"] where exists(path + suffix) { try remove(path + suffix) }
        try bytes.write(to: URL(fileURLWithPath: path))
    }
}
