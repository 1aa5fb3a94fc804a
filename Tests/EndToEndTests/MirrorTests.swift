import Foundation
import TestSupport
import Testing

/// `mirror`: what the target has beyond the source is deleted, too. Guards invariant 5: unreadable, unmounted and emptied is not absent.
@Suite("mirror", .slots, .timeLimit(.minutes(20)))
struct MirrorTests {
    @Test(arguments: ["during", "before", "after"], [false, true])
    func beyondTheSource_isDeleted_inTheFirstCycleToo(delete: String, pull: Bool) async throws {
        let pair = try await PolicyWorld("mirror: true, delete: \(delete)", pull: pull)
        try makeTree(pair.source, files: 20)
        try write("equal", pair.source + "/equal")
        try write("equal", pair.target + "/equal")
        try write("beyond", pair.target + "/d0/beyond")
        try write("beyond", pair.target + "/all/of/this")
        try FileManager.default.createSymbolicLink(atPath: pair.target + "/link", withDestinationPath: "d0")
        let edge = try await pair.run()
        #expect(edge["deleted"] == 5)
        #expect(try pair.differences() == [])
        try await pair.expectNothingFurther()

        try write("later", pair.target + "/d1/later")
        try write("later", pair.target + "/more/of/it")
        try remove(pair.source + "/d2")
        try write("kept from deletion", pair.target + "/d2/own")
        try write("new", pair.source + "/new")
        try await pair.run()
        #expect(try pair.differences() == [])
        try await pair.expectNothingFurther()
    }

    @Test func withAnAttic_nothingIsLost() async throws {
        let pair = try await PolicyWorld("mirror: true, keep_deleted: kept/here")
        try write("one", pair.source + "/one")
        try write("beyond", pair.target + "/some/beyond")
        try await pair.run()
        #expect(try pair.kept(in: pair.target + "/kept/here") == ["some/beyond": "beyond"])
        #expect(try pair.differences(ignoring: ["kept"]) == [])
        try await pair.expectNothingFurther()
        #expect(try pair.kept(in: pair.target + "/kept/here").count == 1)
    }

    @Test(arguments: ["during", "before"])
    func maxDelete_countsIt_inTheFirstCycleToo(delete: String) async throws {
        let pair = try await PolicyWorld("mirror: true, delete: \(delete), max_delete: 3")
        try write("one", pair.source + "/one")
        for index in 0..<4 { try write("beyond", pair.target + "/beyond\(index)") }
        let halted = try await pair.world.headwater("run")
        #expect(halted.exit == 6 && halted.stderr.contains("[halt.max-delete]"), "\(halted.stderr)")
        for index in 0..<4 { #expect(exists(pair.target + "/beyond\(index)")) }
        #expect(try await pair.world.headwater("release", ["--edge", pair.session]).exit == 0)
        try await pair.run()
        #expect(try pair.differences() == [])
        try await pair.expectNothingFurther()
    }

    @Test func aThirdOfALargeTarget_isWithinTheDefaultLimit() async throws {
        let pair = try await PolicyWorld("mirror: true")
        try makeTree(pair.source, files: 260)
        try makeTree(pair.target, files: 390)
        try await pair.run()
        #expect(try pair.differences() == [])
        try await pair.expectNothingFurther()
    }

    @Test(arguments: ["during", "before"])
    func emptySource_halts_alsoWithOneEntry_untilReleased(delete: String) async throws {
        let pair = try await PolicyWorld("mirror: true, delete: \(delete)")
        try write("one", pair.target + "/beyond")
        for _ in 0..<2 {
            let halted = try await pair.world.headwater("run")
            #expect(halted.exit == 6 && halted.stderr.contains("[halt.empty-source]"), "\(halted.stderr)")
            #expect(exists(pair.target + "/beyond"))
        }
        #expect(try await pair.world.headwater("release", ["--edge", pair.session]).exit == 0)
        try await pair.run()
        #expect(!exists(pair.target + "/beyond"))
        try await pair.expectNothingFurther()

        // Where there was one entry only, the brake for emptied roots says nothing.
        try write("one", pair.source + "/one")
        try await pair.run()
        try remove(pair.source + "/one")
        try await pair.run(exit: 6)
        #expect(exists(pair.target + "/one"))
        try write("one", pair.source + "/one")
        try await pair.run()
        try await pair.expectNothingFurther()
    }

    @Test func emptySourceAndEmptyTarget_areInStep() async throws {
        let pair = try await PolicyWorld("mirror: true")
        try await pair.run()
        try await pair.expectNothingFurther()
    }

    /// What the filter excludes is not beyond the source, whatever the source has there.
    @Test(arguments: ["during", "before"])
    func whatTheFilterExcludes_stays(delete: String) async throws {
        let pair = try await PolicyWorld("mirror: true, delete: \(delete), exclude: [\"*.log\", \"/cache/\"]")
        try write("one", pair.source + "/one")
        try write("there", pair.source + "/cache/there")
        try write("own", pair.target + "/logs/own.log")
        try write("beyond", pair.target + "/logs/beyond")
        try write("a file of that name is not excluded", pair.target + "/cache")
        try write("beyond", pair.target + "/beyond")
        try await pair.run()
        #expect(exists(pair.target + "/logs/own.log") && exists(pair.target + "/cache"))
        #expect(!exists(pair.target + "/logs/beyond") && !exists(pair.target + "/beyond"))
        try await pair.expectNothingFurther()
    }

    /// Neither end's fifo, nor a directory that holds one, nor `.headwater`, nor the other end's mark.
    @Test(arguments: ["during", "before"])
    func whatIsNotSynced_staysAtEitherEnd(delete: String) async throws {
        let pair = try await PolicyWorld("mirror: true, delete: \(delete)")
        try write("one", pair.source + "/one")
        #expect(mkfifo(pair.source + "/pipe", 0o600) == 0)
        try write("a file where the source has a fifo", pair.target + "/pipe")
        try write("beyond", pair.target + "/holds/beyond")
        #expect(mkfifo(pair.target + "/holds/pipe", 0o600) == 0)
        try write("nested", pair.target + "/nested/.headwater/own")
        try await pair.run()
        #expect(exists(pair.target + "/pipe") && exists(pair.target + "/holds/pipe"))
        #expect(!exists(pair.target + "/holds/beyond"))
        #expect(exists(pair.target + "/nested/.headwater/own") && exists("\(pair.target)/.headwater"))
        try await pair.expectNothingFurther()
    }

    @Test func markOfEitherEnd_stays() async throws {
        let pair = try await PolicyWorld("mirror: true")
        let world = pair.world
        let marked = world.remotePeer(world.servers[0], path: world.target(0)).dropLast() + ", mount: disk/.mounted}"
        try world.writeTopology(
            peers: "  build: {path: \(world.source), mount: .here}\n  t0: \(marked)\n", edges: "  - build -> t0\n",
            settings: "defaults: {mirror: true}\n")
        try write("", world.source + "/.here")
        try write("one", world.source + "/one")
        try write("", world.target(0) + "/disk/.mounted")
        try write("beyond", world.target(0) + "/disk/beyond")
        try write("named as the source's mark", world.target(0) + "/.here")
        try await pair.run()
        #expect(exists(world.target(0) + "/disk/.mounted") && !exists(world.target(0) + "/disk/beyond"))
        #expect(exists(world.target(0) + "/.here"))
        try await pair.expectNothingFurther()
    }

    @Test func withheldBefore_goesWithTheMirror() async throws {
        let pair = try await PolicyWorld("delete: never", files: 12)
        try remove(pair.source + "/d0/file0")
        try await pair.run()
        try pair.change("mirror: true")
        try await pair.run()
        #expect(try pair.differences() == [])
        try await pair.expectNothingFurther()
    }
}
