import Foundation
import TestSupport
import Testing

@Suite("Brakes before deletion", .slots, .timeLimit(.minutes(20)))
struct BrakesTests {
    @Test func missingRoot_haltsAndDeletesNothing_andClearsByItself() async throws {
        let world = try await inStep(files: 30)
        let before = try TreeListing(world.target(0))
        #expect(rename(world.source, world.source + "-away") == 0)

        #expect(try await world.headwater("run").exit == 6)
        #expect(try TreeListing(world.target(0)).differences(from: before) == [])
        #expect(!exists(world.source))

        #expect(rename(world.source + "-away", world.source) == 0)
        #expect(try await world.run().outcome.exit == 0)
    }

    @Test func missingTargetRoot_halts() async throws {
        let world = try await inStep(files: 30)
        try remove(world.target(0))
        #expect(try await world.headwater("run").exit != 0)
        #expect(!exists(world.target(0) + "/d0"))
    }

    @Test func emptiedRoot_haltsUntilReleased() async throws {
        let world = try await inStep(files: 30)
        let before = try TreeListing(world.target(0))
        for name in ["d0", "d1", "d2", "d3"] { try remove(world.source + "/" + name) }

        for _ in 0..<2 {
            let outcome = try await world.headwater("run")
            #expect(outcome.exit == 6, "\(outcome.stderr)")
            #expect((outcome.stdout + outcome.stderr).contains("headwater release"))
            #expect(try TreeListing(world.target(0)).differences(from: before) == [])
        }
        #expect(try await world.headwater("release", ["--edge", "build:t0"]).exit == 0)
        #expect(try await world.headwater("run").exit == 0)
        #expect(try TreeListing(world.target(0)).nodes.isEmpty)
    }

    /// The remedy that comes first needs no second one: nobody permits a deletion that is no longer due.
    @Test func emptiedRoot_goesOnByItself_whenItsContentIsBack() async throws {
        let world = try await inStep(files: 30)
        let kept = world.directory("kept")
        try FileManager.default.createDirectory(atPath: kept, withIntermediateDirectories: true)
        let names = ["d0", "d1", "d2", "d3"]
        for name in names { #expect(rename(world.source + "/" + name, kept + "/" + name) == 0) }
        #expect(try await world.headwater("run").exit == 6)
        let listed = try await world.headwater("release")
        #expect(listed.exit == 6 && listed.stdout.contains("build -> t0: halted [halt.emptied]"), "\(listed.stdout)")
        #expect(
            listed.stdout.contains("headwater release \(world.topology) --edge \(world.session("build", "t0"))"))

        for name in names { #expect(rename(kept + "/" + name, world.source + "/" + name) == 0) }
        let (outcome, report) = try await world.run()
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(report.edges[0]["deleted"] == 0)
        let after = try await world.headwater("release")
        #expect(after.exit == 0 && after.stdout == "no halt stands\n")
    }

    @Test func emptiedTarget_isNamedAsSuch_andFilledAgainOnRelease() async throws {
        let world = try await inStep(files: 30)
        for name in ["d0", "d1", "d2", "d3"] { try remove(world.target(0) + "/" + name) }
        let halted = try await world.headwater("run")
        #expect(halted.exit == 6)
        #expect(halted.stderr.contains("edge build -> t0, at t0 ("), "\(halted.stderr)")
        #expect(halted.stderr.contains("downstream root") && halted.stderr.contains("to fill it again"))
        #expect(try await world.headwater("release", ["--edge", "build:t0"]).exit == 0)
        #expect(try await world.headwater("run").exit == 0)
        #expect(try await world.differences(0) == [])
    }

    @Test func maxDelete_keepsTheListOfWhatItHeldBack_asTheMessageSays() async throws {
        let world = try await inStep(files: 300)
        for name in ["d0", "d1", "d2"] { try remove(world.source + "/" + name) }
        let halted = try await world.headwater("run")
        #expect(halted.exit == 6)
        #expect(halted.stderr.contains("this run would delete 228 of 304 entries, above max_delete 50%"))
        let file = try #require(halted.stderr.firstMatch(of: /they are listed in (\S+)/)).output.1
        let paths = try read(String(file)).split(separator: "\n")
        #expect(paths.count == 228 && paths.contains("d0/file0") && paths.contains("d2"))
        var status = stat()
        #expect(lstat(String(file), &status) == 0 && status.st_mode & 0o777 == 0o600)
        let released = try await world.headwater("release", ["--edge", "build:t0"])
        #expect(released.exit == 0 && released.stdout.contains("delete 228") && released.stdout.contains(file))
        #expect(try await world.headwater("run").exit == 0)
        #expect(!exists(String(file)))
    }

    /// The target, which knows the paths, opens the session itself; or both ends are far.
    @Test(arguments: ["- {from: t0, to: build, mode: pull}", "- t0 -> build", "- t0 -> t1"])
    func maxDelete_listComesHere_whereverTheTargetIs(edge: String) async throws {
        let world = try World(targets: 2, edges: "  \(edge)\n", settings: "defaults: {max_delete: 5}\n")
        try makeTree(world.target(0), files: 40)
        #expect(try await world.headwater("run").exit == 0)
        try remove(world.target(0) + "/d1")
        let (outcome, report) = try await world.run()
        #expect(outcome.exit == 6 && report.edges[0]["problems"] == 0)
        let file = try #require(outcome.stdout.firstMatch(of: /they are listed in ([^\s"]+)/)).output.1
        let paths = try read(String(file)).split(separator: "\n")
        #expect(paths.count == 11 && paths.contains("d1") && paths.contains("d1/file1"))
        #expect(!outcome.stdout.contains("would-delete"))
    }

    @Test func replacedRoot_haltsUntilReleased() async throws {
        let world = try await inStep(files: 30)
        let before = try TreeListing(world.target(0))
        let database = world.source + "/.headwater"
        #expect(rename(world.source, world.source + "-old") == 0)
        try makeTree(world.source, files: 2)
        try FileManager.default.copyItem(
            atPath: database.replacingOccurrences(of: "/build/", with: "/build-old/"), toPath: database)
        #expect(try await world.headwater("run").exit == 6)
        #expect(try TreeListing(world.target(0)).differences(from: before) == [])
    }

    @Test func maxDelete_haltsWithEverythingLeft_andReleasePermitsExactlyThat() async throws {
        let world = try await inStep(files: 300)
        let before = try TreeListing(world.target(0))
        for name in ["d0", "d1", "d2"] { try remove(world.source + "/" + name) }

        #expect(try await world.headwater("run").exit == 6)
        #expect(try TreeListing(world.target(0)).differences(from: before) == [])
        #expect(try await world.headwater("release", ["--edge", world.session("build", "t0")]).exit == 0)
        #expect(try await world.headwater("run").exit == 0)
        #expect(try await world.differences(0) == [])
    }

    @Test(arguments: [("5", 6, 6), ("5", 5, 0), ("1%", 99, 0), ("10%", 100, 6)])
    func maxDelete_countsAsDeclared(limit: String, deletions: Int, exit: Int32) async throws {
        let world = try await inStep(files: 400, settings: "defaults: {max_delete: \(limit)}\n")
        for index in 0..<deletions { try remove(world.source + "/d\(index % 4)/file\(index)") }
        #expect(try await world.headwater("run").exit == exit)
        #expect(exists(world.target(0) + "/d0/file0") == (exit != 0))
    }

    @Test func missingMountFile_halts_andClearsByItself() async throws {
        let world = try World(targets: 1)
        try makeTree(world.source, files: 5)
        try world.writeTopology(
            peers: "  build: {path: \(world.source), mount: .mounted}\n  t0: "
                + world.remotePeer(world.servers[0], path: world.target(0)) + "\n",
            edges: "  - build -> t0\n")
        #expect(try await world.headwater("run").exit == 6)
        #expect(!exists(world.target(0) + "/d0"))
        try write("", world.source + "/.mounted")
        #expect(try await world.headwater("run").exit == 0)
        #expect(exists(world.target(0) + "/d0/file0") && !exists(world.target(0) + "/.mounted"))
    }

    @Test(.enabled(if: getuid() != 0, "root reads everything"))
    func unreadableDirectory_isAProblem_andNothingBelowIsDeleted() async throws {
        let world = try await inStep(files: 30)
        #expect(chmod(world.source + "/d1", 0) == 0)
        defer { chmod(world.source + "/d1", 0o755) }
        let (outcome, report) = try await world.run()
        #expect(outcome.exit == 4, "\(outcome.stderr)")
        #expect(report.edges[0]["problems"] >= 1 && report.edges[0]["deleted"] == 0)
        // The directory's mode has travelled; what is in it has not gone.
        #expect(chmod(world.target(0) + "/d1", 0o755) == 0)
        #expect(exists(world.target(0) + "/d1/file1"))
    }
}
