import Foundation
import TestSupport
import Testing

@Suite("Changes", .slots, .timeLimit(.minutes(20)))
struct ChangesTests {
    @Test func onlyWhatChanged_moves() async throws {
        let world = try await inStep(files: 200)
        let untouched = try inode(world.target(0) + "/d1/file1")
        try write("changed", world.source + "/d0/file0")
        try write("created", world.source + "/new/one")
        try remove(world.source + "/d2/file2")

        let edge = try await runInStep(world)

        #expect(edge["files"] == 2)
        #expect(edge["directories"] >= 1)
        #expect(edge["deleted"] == 1)
        #expect(edge["bytes_payload"] == 14)
        #expect(try inode(world.target(0) + "/d1/file1") == untouched)
    }

    @Test func changeOfSameSizeWithinTheSameSecond_moves() async throws {
        let world = try await inStep(files: 20)
        let path = world.source + "/d0/file0"
        let size = try Data(contentsOf: URL(fileURLWithPath: path)).count
        try write(String(repeating: "x", count: size), path)
        #expect(try await runInStep(world)["files"] == 1)
    }

    @Test func modeAlone_movesNoContent() async throws {
        let world = try await inStep(files: 20)
        #expect(chmod(world.source + "/d0/file0", 0o600) == 0)
        #expect(try await runInStep(world)["bytes_payload"] == 0)
    }

    @Test func timeAlone_movesNoContent() async throws {
        let world = try await inStep(files: 20)
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1_600_000_000)], ofItemAtPath: world.source + "/d0/file0")
        #expect(try await runInStep(world)["bytes_payload"] == 0)
    }

    @Test func everyChangeOfType_arrives() async throws {
        let world = try World(targets: 1)
        let kinds = ["file", "directory", "full", "link"]
        for from in kinds { for to in kinds { try make(from, world.source + "/\(from)-\(to)") } }
        #expect(try await world.run().outcome.exit == 0)
        for from in kinds {
            for to in kinds {
                try remove(world.source + "/\(from)-\(to)")
                try make(to, world.source + "/\(from)-\(to)")
            }
        }
        _ = try await runInStep(world)
    }

    @Test func deletedDirectory_goesWithAllBelow() async throws {
        let world = try await inStep(files: 60)
        try remove(world.source + "/d3")
        #expect(try await runInStep(world)["deleted"] == 16)
    }

    @Test func deletedDirectory_staysWhileItHoldsWhatIsNotSynced() async throws {
        let world = try await inStep(files: 40)
        #expect(mkfifo(world.target(0) + "/d3/pipe", 0o600) == 0)
        try remove(world.source + "/d3")
        #expect([0, 4].contains(try await world.run().outcome.exit))
        #expect(exists(world.target(0) + "/d3/pipe"))
        #expect(!exists(world.target(0) + "/d3/file3"))
        #expect(try await world.run().report.edges[0].movedNothing)
    }

    @Test func driftAtTheTarget_isRepaired() async throws {
        let world = try await inStep(files: 20)
        try write("drifted", world.target(0) + "/d0/file0")
        try remove(world.target(0) + "/d1/file1")
        _ = try await runInStep(world)
    }

    /// The README says so in bold.
    @Test func editedAtTheTarget_deletedAtTheSource_isDeleted() async throws {
        let world = try await inStep(files: 40)
        try write("edited there", world.target(0) + "/d0/file0")
        try write("only there", world.target(0) + "/d0/own")
        try remove(world.source + "/d0/file0")
        #expect(try await world.run().report.edges[0]["deleted"] == 1)
        #expect(!exists(world.target(0) + "/d0/file0") && exists(world.target(0) + "/d0/own"))
    }

    @Test func directoryTimes_surviveChangesBelow() async throws {
        let world = try await inStep(files: 20)
        try write("x", world.source + "/d0/added")
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1_500_000_000)], ofItemAtPath: world.source + "/d0")
        _ = try await runInStep(world)
    }

    /// Runs, and expects both trees equal and the edge in step.
    private func runInStep(_ world: World) async throws -> RunReport.Edge {
        let (outcome, report) = try await world.run()
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(try await world.differences(0) == [])
        return try report.edge(world.session("build", "t0"))
    }

    private func make(_ kind: String, _ path: String) throws {
        switch kind {
        case "file": try write("a file", path)
        case "directory": try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        case "full": try write("inside", path + "/below/it")
        default: try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "some/where")
        }
    }
}

/// A world with one target that a first run has brought in step.
func inStep(files: Int, targets: Int = 1, settings: String = "") async throws -> World {
    let world = try World(targets: targets, settings: settings)
    try makeTree(world.source, files: files)
    let (outcome, _) = try await world.run()
    #expect(outcome.exit == 0, "\(outcome.stderr)")
    return world
}
