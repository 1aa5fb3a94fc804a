import Foundation
import TestSupport
import Testing

@Suite("Brakes before deletion", .slots, .timeLimit(.minutes(3)))
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
