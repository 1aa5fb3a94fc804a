import Foundation
import TestSupport
import Testing

@Suite("Nothing changed", .slots, .timeLimit(.minutes(20)))
struct NothingChangedTests {
    @Test func secondRun_movesNothingAndWritesNothing() async throws {
        let world = try World(targets: 2)
        try AwkwardTree.build(at: world.source)
        #expect(try await world.run().outcome.exit == 0)
        let databases = (0..<2).flatMap { index in
            let session = world.session("build", "t\(index)")
            return [world.snapshot(ofSource: session), world.snapshot(ofTarget: index, session)]
        }
        var before: [String] = []
        for database in databases { before.append(try await dump(database, in: world)) }
        let marksBefore = try databases.map { try fileTimes($0) }
        let treesBefore = try (0..<2).map { try TreeListing(world.target($0)) }

        let (outcome, report) = try await world.run()

        #expect(outcome.exit == 0, "\(outcome.stderr)")
        for edge in report.edges { #expect(edge.movedNothing, "\(edge.moved)") }
        for (index, database) in databases.enumerated() {
            #expect(try await dump(database, in: world) == before[index], "rows of \(database)")
            #expect(try fileTimes(database) == marksBefore[index], "times of \(database)")
        }
        for index in 0..<2 {
            #expect(try TreeListing(world.target(index)).differences(from: treesBefore[index]) == [])
        }
    }

    @Test func topDirectoriesKeepTheirTimes() async throws {
        let world = try World(targets: 1)
        try makeTree(world.source, files: 10)
        #expect(try await world.run().outcome.exit == 0)
        let before = try [world.source, world.target(0)].map { try fileTimes($0) }
        #expect(try await world.run().outcome.exit == 0)
        #expect(try [world.source, world.target(0)].map { try fileTimes($0) } == before)
    }

    @Test func plainOutput_saysThatNothingIsToDo() async throws {
        let world = try World(targets: 1)
        try makeTree(world.source, files: 10)
        #expect(try await world.headwater("run").exit == 0)
        let outcome = try await world.headwater("run")
        #expect(outcome.exit == 0)
        #expect(outcome.stdout.contains("in step"), "\(outcome.stdout)")
    }

    private func fileTimes(_ path: String) throws -> [Int] {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw TreeListing.Failed(description: "lstat \(path)") }
        return [Int(status.st_ino), status.st_mtim.tv_sec, status.st_mtim.tv_nsec, Int(status.st_size)]
    }
}
