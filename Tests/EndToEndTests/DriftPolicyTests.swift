import Foundation
import TestSupport
import Testing

/// `drift`: what becomes of a path that only the target changed. Guards invariants 4 and 6 (nothing of the target's is lost silently) and 10.
@Suite("drift: keep, halt", .slots, .timeLimit(.minutes(20)))
struct DriftPolicyTests {
    @Test(arguments: [false, true])
    func keep_leavesChangedAndDeleted_andSaysNothingOfIt(pull: Bool) async throws {
        let pair = try await PolicyWorld("drift: keep", pull: pull, files: 40)
        try write("changed there", pair.target + "/d0/file0")
        try remove(pair.target + "/d1/file1")
        try remove(pair.target + "/d3")
        try write("a directory before", pair.target + "/d3")
        #expect(chmod(pair.target + "/d2/file2", 0o600) == 0)
        let before = try TreeListing(pair.target)
        let edge = try await pair.run()
        #expect(edge.movedNothing && edge["problems"] == 0, "\(edge.moved)")
        #expect(try TreeListing(pair.target).differences(from: before) == [])
        try await pair.expectNothingFurther()
    }

    /// Invariant 6: unless somebody decides so by changing the path upstream, it stays; that is `overwrite`.
    @Test func keep_changedUpstreamLater_isOverwritten() async throws {
        let pair = try await PolicyWorld("drift: keep, keep_deleted: true", files: 40)
        try write("changed there", pair.target + "/d0/file0")
        try remove(pair.target + "/d1/file1")
        try write("stays changed", pair.target + "/d2/file2")
        try await pair.run()
        try write("changed upstream", pair.source + "/d0/file0")
        try write("changed upstream, too", pair.source + "/d1/file1")
        try await pair.run()
        #expect(try read(pair.target + "/d0/file0") == "changed upstream")
        #expect(try read(pair.target + "/d1/file1") == "changed upstream, too")
        #expect(try read(pair.target + "/d2/file2") == "stays changed")
        #expect(try pair.kept() == ["d0/file0": "changed there"])
        try await pair.expectNothingFurther()
    }

    /// A change below a directory that is gone there makes that directory again, and nothing else of it.
    @Test(arguments: ["gone", "a file", "a link"])
    func keep_changeBelowADirectoryThatIsAway_makesIt(instead: String) async throws {
        let pair = try await PolicyWorld("drift: keep", files: 8)
        try write("inner", pair.source + "/a/b/c/one")
        try write("other", pair.source + "/a/b/two")
        try await pair.run()
        try remove(pair.target + "/a/b")
        if instead == "a file" { try write("a file", pair.target + "/a/b") }
        if instead == "a link" {
            try FileManager.default.createSymbolicLink(atPath: pair.target + "/a/b", withDestinationPath: "/tmp")
        }
        try await pair.run()
        #expect(!exists(pair.target + "/a/b/c/one"))
        // In place: the directory's time upstream stays what it was.
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: pair.source + "/a/b/c/one"))
        try handle.write(contentsOf: Data("inner, changed".utf8))
        try handle.close()
        try await pair.run()
        #expect(try read(pair.target + "/a/b/c/one") == "inner, changed")
        #expect(!exists(pair.target + "/a/b/two"))
        try await pair.expectNothingFurther()
        try pair.change("drift: repair")
        try await pair.run()
        #expect(try pair.differences() == [])
        try await pair.expectNothingFurther()
    }

    @Test func keep_deletedUpstream_isKept_andAProblemEachTime() async throws {
        let pair = try await PolicyWorld("drift: keep", files: 40)
        try write("changed there", pair.target + "/d1/file1")
        // Mode and time alone do not hold up a deletion.
        #expect(chmod(pair.target + "/d1/file5", 0o600) == 0)
        try remove(pair.source + "/d1")
        try remove(pair.source + "/d0/file0")
        let outcome = try await pair.world.headwater("run")
        #expect(outcome.exit == 4 && outcome.stderr.contains("path.kept-changed"), "\(outcome.stderr)")
        #expect(try read(pair.target + "/d1/file1") == "changed there")
        #expect(!exists(pair.target + "/d1/file5") && !exists(pair.target + "/d0/file0"))
        try await pair.expectNothingFurther(exit: 4)
        // It settles by its removal, and the directory above goes with it.
        try remove(pair.target + "/d1/file1")
        try await pair.run()
        #expect(try pair.differences() == [])
        try await pair.expectNothingFurther()
    }

    @Test func repairAfterKeep_restoresEverything() async throws {
        let pair = try await PolicyWorld("drift: keep", files: 20)
        try write("changed there", pair.target + "/d0/file0")
        try remove(pair.target + "/d1")
        try await pair.run()
        try pair.change("drift: repair")
        try await pair.run()
        #expect(try pair.differences() == [])
        try await pair.expectNothingFurther()
    }

    // MARK: halt

    @Test(arguments: [false, true])
    func halt_changesNothing_andReleasePermitsExactlyWhatItListed(pull: Bool) async throws {
        let pair = try await PolicyWorld("drift: halt", pull: pull, files: 40)
        try write("changed there", pair.target + "/d0/file0")
        try remove(pair.target + "/d1/file1")
        try remove(pair.target + "/d3")
        // Neither is drift: changed at both ends, and put beside what is agreed.
        try write("changed there", pair.target + "/d2/file2")
        try write("changed here", pair.source + "/d2/file2")
        try write("beside", pair.target + "/d2/own")
        try write("new", pair.source + "/new")
        let before = try TreeListing(pair.target)
        for _ in 0..<2 {
            let (outcome, report) = try await pair.world.run()
            #expect(outcome.exit == 6 && outcome.stdout.contains("halt.drift"), "\(outcome.stdout)")
            #expect(report.edges[0].movedNothing)
            let file = try #require(outcome.stdout.firstMatch(of: /they are listed in ([^\s"]+)/)).output.1
            let listed = Set(try read(String(file)).split(separator: "\n").map(String.init))
            let below = (0..<40).filter { $0 % 4 == 3 }.map { "d3/file\($0)" }
            #expect(listed == Set(["d0/file0", "d1/file1", "d3"] + below), "\(listed.sorted())")
            #expect(try TreeListing(pair.target).differences(from: before) == [])
        }
        #expect(try await pair.world.headwater("release", ["--edge", pair.session]).exit == 0)
        // One more is not what was released.
        try remove(pair.target + "/d1/file5")
        try await pair.run(exit: 6)
        #expect(try await pair.world.headwater("release", ["--edge", pair.session]).exit == 0)
        try await pair.run()
        #expect(try pair.differences().map { $0.prefix(8) } == ["\"d2/own\""])
        try await pair.expectNothingFurther()
    }

    @Test func halt_clearsByItself_whenTheDriftIsUndone() async throws {
        let pair = try await PolicyWorld("drift: halt", files: 20)
        #expect(rename(pair.target + "/d0/file0", pair.world.directory("away")) == 0)
        try await pair.run(exit: 6)
        #expect(rename(pair.world.directory("away"), pair.target + "/d0/file0") == 0)
        try await pair.run()
        #expect(try pair.differences() == [])
        try await pair.expectNothingFurther()
    }

    @Test func halt_isSilentWhereOnlyTheSourceChanged() async throws {
        let pair = try await PolicyWorld("drift: halt", files: 20)
        try write("changed", pair.source + "/d0/file0")
        try remove(pair.source + "/d1")
        try await pair.run()
        #expect(try pair.differences() == [])
        // What both deleted is no drift either.
        try remove(pair.source + "/d2/file2")
        try remove(pair.target + "/d2/file2")
        try await pair.run()
        try await pair.expectNothingFurther()
    }
}
