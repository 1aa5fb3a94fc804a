import Foundation
import TestSupport
import Testing

/// `symlinks` and `--verify`, by the real programs.
@Suite("symlinks and --verify", .slots, .timeLimit(.minutes(20)))
struct SymlinkTests {
    private func link(_ path: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
    }

    @Test(arguments: [false, true])
    func follow_thenCopy(pull: Bool) async throws {
        let pair = try await PolicyWorld("symlinks: follow", pull: pull, files: 4)
        try write("inside", pair.source + "/real/file")
        try write("outside", pair.world.directory("outside"))
        try link(pair.source + "/link", to: "real")
        try link(pair.source + "/out", to: pair.world.directory("outside"))
        try link(pair.target + "/link", to: "/etc")
        let edge = try await pair.run(exit: 4)
        #expect(edge["problems"] == 1 && !exists(pair.target + "/out"))
        #expect(try read(pair.target + "/link/file") == "inside" && read(pair.target + "/real/file") == "inside")
        #expect(try TreeListing(pair.target).nodes.values.allSatisfy { $0.kind != "l" })
        try remove(pair.source + "/out")
        try await pair.run()
        try await pair.expectNothingFurther()
        try pair.change("symlinks: copy")
        try await pair.run()
        #expect(try pair.differences() == [])
        try await pair.expectNothingFurther()
    }

    @Test func skip_touchesNone() async throws {
        let pair = try await PolicyWorld("symlinks: skip", files: 4)
        try link(pair.source + "/link", to: "d0")
        try link(pair.target + "/own", to: "d0")
        #expect(try await pair.run().movedNothing)
        #expect(try pair.differences(ignoring: ["link", "own"]) == [])
        try await pair.expectNothingFurther()
    }

    /// What no scan can see is in the tests of sessions; here the whole way of the flag, and that it changes nothing by itself.
    @Test func verify_readsAll_andRepairsWhatItFinds() async throws {
        let pair = try await PolicyWorld("drift: repair", files: 4)
        let content = try read(pair.source + "/d0/file0")
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: pair.target + "/d0/file0"))
        try handle.write(contentsOf: Data("#".utf8))
        try handle.close()
        #expect(try await pair.world.headwater("run", ["--verify"]).exit == 0)
        #expect(try read(pair.target + "/d0/file0") == content)
        #expect(try await pair.world.headwater("run", ["--verify", "--json"]).exit == 0)
        try await pair.expectNothingFurther()
    }
}
