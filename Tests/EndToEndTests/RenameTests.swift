import Foundation
import TestSupport
import Testing

/// Renames over sshd: what the command reports, and what kills make of them.
@Suite("Renames", .slots, .timeLimit(.minutes(20)))
struct RenameTests {
    private func move(_ from: String, _ to: String, in tree: String) throws {
        let path = tree + "/" + to
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try #require(rename(tree + "/" + from, path) == 0, "\(from) → \(to)")
    }

    @Test(arguments: [false, true])
    func namesTravel_withoutContent_andCountAsNoDeletions(pull: Bool) async throws {
        let pair = try await PolicyWorld("max_delete: 0, keep_deleted: true", pull: pull, files: 40)
        let (file, directory) = (try inode(pair.target + "/d0/file0"), try inode(pair.target + "/d1"))
        try move("d0/file0", "new/er/file", in: pair.source)
        try move("d1", "D1", in: pair.source)
        try move("d2/file2", "t", in: pair.source)
        try move("d2/file6", "d2/file2", in: pair.source)
        try move("t", "d2/file6", in: pair.source)
        let edge = try await pair.run()
        #expect(edge["renamed"] == 4 && edge["directories"] == 2, "\(edge.moved)")
        #expect(edge["bytes_payload"] == 0 && edge["files"] == 0 && edge["deleted"] == 0, "\(edge.moved)")
        #expect(try pair.differences() == [])
        #expect(try inode(pair.target + "/new/er/file") == file && inode(pair.target + "/D1") == directory)
        #expect(!exists(pair.attic))
        try await pair.expectNothingFurther()
    }

    /// Between a rename and its record, at one end or both: the next run finds done what is done, sends nothing and refuses nothing.
    @Test func killedAtRandomMoments_theNextRunEndsInTheRightTree() async throws {
        var random = SeededRandom(seed: KillTests.seed)
        let world = try World(targets: 1)
        let count = 300
        for index in 0..<count { try write("file \(index)", world.source + "/d\(index % 5)/f\(index)-0") }
        #expect(try await world.run().outcome.exit == 0)
        for round in 1...4 {
            for directory in 0..<5 {
                for name in try FileManager.default.contentsOfDirectory(atPath: "\(world.source)/d\(directory)") {
                    try move("d\(directory)/\(name)", "d\(directory)/\(name.dropLast())\(round)", in: world.source)
                }
            }
            try move("d\(round % 5)", "tmp", in: world.source)
            try move("d\((round + 1) % 5)", "d\(round % 5)", in: world.source)
            try move("tmp", "d\((round + 1) % 5)", in: world.source)
            let run = try world.startRun()
            await letPass(microseconds: Int.random(in: 20_000...400_000, using: &random))
            if round % 2 == 0 { run.signal(SIGKILL) }
            for agent in world.agents() { kill(agent, SIGKILL) }
            _ = await run.outcome()
            #expect(await until { world.agents().isEmpty })
            let (again, report) = try await world.run()
            #expect(again.exit == 0, "round \(round), seed \(KillTests.seed): \(again.stderr)")
            #expect(report.edges[0]["bytes_payload"] == 0, "round \(round), seed \(KillTests.seed)")
            #expect(try await world.differences(0) == [], "round \(round), seed \(KillTests.seed)")
        }
        #expect(try await world.run().report.edges[0].movedNothing)
    }
}
