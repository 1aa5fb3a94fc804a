import Foundation
import TestSupport
import Testing

/// `plan` over SSH: what it says, what it exits with, and that nothing is left of it at either end.
@Suite("Plan", .slots, .timeLimit(.minutes(20)))
struct PlanTests {
    private func everything(_ world: World) throws -> [String] {
        try ["build", "remote0", "state", "runtime"].flatMap { try traces(world.directory($0)) }
    }

    @Test func plan_saysWhatARunDoes_andLeavesNoTrace() async throws {
        let world = try World(targets: 1)
        try makeTree(world.source, files: 50)
        let before = try everything(world)
        let first = try await world.headwater("plan", ["--detailed-exitcode"])
        #expect(first.exit == 2, "\(first.stderr)")
        #expect(first.stdout.hasPrefix("build -> t0 (world-build-t0): 54 to create, "), "\(first.stdout)")
        #expect(first.stdout.contains("  + d0/\n") && first.stdout.contains("  … and 14 more to create\n"))
        #expect(first.stdout.hasSuffix("; nothing was changed\n"))
        #expect(try everything(world) == before)

        let file = world.directory("first.plan")
        #expect(try await world.headwater("plan", ["--out", file]).exit == 0)
        try write("late", world.source + "/d3/late")
        let refused = try await world.headwater("run", ["--plan", file])
        #expect(refused.exit == 1 && refused.stderr.contains("error[plan.moved-on] edge world-build-t0 · d3/late"))
        #expect(!exists(world.target(0)))
        try remove(world.source + "/d3/late")
        let carried = try await world.headwater("run", ["--plan", file])
        #expect(carried.exit == 0 && carried.stdout.contains("50 files, 4 directories"), "\(carried.stderr)")
        let settled = try everything(world)
        let none = try await world.headwater("plan", ["--detailed-exitcode"])
        #expect(none.exit == 0 && none.stdout.hasPrefix("build -> t0 (world-build-t0): in step, nothing to do\n"))

        try write("changed", world.source + "/d0/file0")
        try remove(world.source + "/d1/file1")
        let changes = try await world.headwater("plan", ["--json"])
        #expect(changes.exit == 0)
        let lines = changes.stdout.split(separator: "\n").map(String.init)
        #expect(lines.first?.hasPrefix(#"{"type":"version""#) == true)
        #expect(lines.contains { $0.contains(#""action":"change","peer":"t0","path":"d0/file0""#) })
        #expect(lines.contains { $0.contains(#""action":"delete","peer":"t0","path":"d1/file1""#) })
        #expect(lines.last?.hasPrefix(#"{"type":"summary""#) == true)
        #expect(lines.last?.contains(#""to_change":1,"to_delete":1"#) == true)

        for directory in 0..<4 { try remove(world.source + "/d\(directory)") }
        let halted = try await world.headwater("plan", ["--detailed-exitcode"])
        #expect(halted.exit == 6 && halted.stdout.contains("error[halt.emptied] edge build -> t0, at build"))
        #expect(
            try everything(world).filter { $0.contains(".headwater") } == settled.filter { $0.contains(".headwater") })
    }

    /// Through a far host to another: each tier is planned on what the one above will have done, and done so.
    @Test func renamesThroughTiers_areForeseenAndCarriedOut() async throws {
        let world = try World(targets: 2, edges: "  - build -> t0\n  - {from: t0, to: t1, max_delete: 0}\n")
        try makeTree(world.source, files: 40)
        // What was written in the same tick of the clock as it was looked at is known for certain by the second run.
        for _ in 0..<2 { #expect(try await world.run().outcome.exit == 0) }
        let old = try [0, 1].map { try inode(world.target($0) + "/d1/file1") }
        let rename = {
            try FileManager.default.moveItem(atPath: world.source + "/" + $0, toPath: world.source + "/" + $1)
        }
        try rename("d1", "e1")
        try rename("d2/file2", "e1/moved")
        try write("more", world.source + "/d3/file3")
        let before = try everything(world)

        let plan = try await world.headwater("plan", ["--out", world.directory("renames.plan")])

        #expect(plan.exit == 0, "\(plan.stderr)")
        #expect(plan.stdout.split(separator: "\n").count { $0 == "  > d1 → e1/" } == 2, "\(plan.stdout)")
        #expect(plan.stdout.split(separator: "\n").count { $0 == "  > d2/file2 → e1/moved" } == 2)
        #expect(
            plan.stdout.contains("plan of 2 edges: 2 to change, 4 to rename, 4 directory times to set, 8 B on 2"),
            "\(plan.stdout)")
        #expect(try everything(world) == before)
        let carried = try await world.headwater("run", ["--plan", world.directory("renames.plan"), "--json"])
        #expect(carried.exit == 0, "\(carried.stderr)")
        for index in 0...1 {
            #expect(try inode(world.target(index) + "/e1/file1") == old[index])
            #expect(try TreeListing(world.source).differences(from: TreeListing(world.target(index))) == [])
        }
        #expect(try await world.run().report.edges.allSatisfy(\.movedNothing))
    }
}
