import Foundation
import TestSupport
import Testing

/// Two names for one machine, symlinks and bind mounts hide no loop: it is refused before a byte moves.
@Suite("Hidden places", .slots, .timeLimit(.minutes(20)))
struct HiddenPlacesTests {
    /// Peers build (here), t0 and t1 (two hosts by name, one machine in truth), the latter two at these paths.
    private func world(_ paths: [String], edges: String) throws -> World {
        let world = try World(targets: 2, edges: edges)
        try makeTree(world.source, files: 8)
        var peers = "  build: \(world.source)\n"
        for index in 0..<2 {
            let path = paths[index].hasPrefix("/") ? paths[index] : world.directory(paths[index])
            peers += "  t\(index): " + world.remotePeer(world.servers[index], path: path) + "\n"
        }
        try world.writeTopology(peers: peers, edges: edges)
        return world
    }

    /// Validation finds nothing, the run refuses by `rule`, and nothing at all is changed anywhere.
    private func expectRefusal(_ world: World, _ rule: String, _ words: String) async throws {
        #expect(try await world.headwater("validate").exit == 0)
        let before = try TreeListing(world.directory.path)
        let outcome = try await world.headwater("run")
        #expect(outcome.exit == 2, "\(outcome.stderr)")
        #expect(outcome.stderr.contains(rule) && outcome.stderr.contains(words), "\(outcome.stderr)")
        for tree in ["build", "remote0", "remote1", "real"] where exists(world.directory(tree)) {
            #expect(!exists(world.directory(tree) + "/.headwater"), "\(tree)")
            #expect(!exists(world.directory(tree) + "/tree/.headwater"), "\(tree)")
        }
        let after = try TreeListing(world.directory.path)
        #expect(after["remote0/tree"]?.kind == before["remote0/tree"]?.kind)
        #expect(after["remote0/tree/d0/file0"] == nil)
    }

    @Test func symlinkedPath_hidesNoLoop() async throws {
        let world = try world(["real/tree", "link/tree"], edges: "  - build -> t0\n  - t1 -> build\n")
        try FileManager.default.createDirectory(
            atPath: world.directory("real/tree"), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: world.directory("link"), withDestinationPath: world.directory("real"))
        try await expectRefusal(world, "HW101", "t0 is the same place as t1")
    }

    @Test func twoNamesOfOneMachine_hideNoLoop_evenWhereNothingExistsYet() async throws {
        let world = try world(["remote0/tree", "remote0/tree"], edges: "  - build -> t0\n  - t1 -> build\n")
        try await expectRefusal(world, "HW101", "t0 is the same place as t1")
    }

    @Test func peerOnThisVeryMachine_isRecognised() async throws {
        let world = try world(["build", "remote1/tree"], edges: "  - build -> t0\n")
        try await expectRefusal(world, "HW101", "t0 is the same place as build")
    }

    @Test func twoWritersOfOnePlace_areRefused() async throws {
        let world = try world(["remote0/tree", "remote0/tree"], edges: "  - build -> t0\n  - build -> t1\n")
        try await expectRefusal(world, "HW102", "write overlapping places")
    }

    @Test(.enabled(if: geteuid() == 0, "mounting needs root"))
    func bindMount_hidesNoLoop() async throws {
        let world = try world(["real/tree", "remote1/bound/inner"], edges: "  - build -> t0\n  - t1 -> build\n")
        for path in ["real/tree/inner", "remote1/bound"] {
            try FileManager.default.createDirectory(atPath: world.directory(path), withIntermediateDirectories: true)
        }
        try mount(world.directory("real/tree"), on: world.directory("remote1/bound"))
        defer { unmount(world.directory("remote1/bound")) }
        try await expectRefusal(world, "HW101", "t1 lies in t0")
    }

    @Test func placesThatOnlyLookAlike_run() async throws {
        let world = try world(["remote0/tree", "remote1/tree"], edges: "  - build -> t0\n  - t0 -> t1\n")
        #expect(try await world.headwater("run").exit == 0)
        #expect(try await world.differences(1) == [])
    }

    @Test func deadHost_doesNotKeepTheOthersWaiting_andItsLoopIsFoundWhenItIsBack() async throws {
        let world = try world(["remote0/tree", "remote0/tree"], edges: "  - build -> t0\n  - t1 -> build\n")
        world.servers[1].stop()
        let (outcome, report) = try await world.run()
        #expect(outcome.exit == 7, "\(outcome.stderr)")
        #expect(report.edges.map { $0["exit"] }.sorted() == [0, 7] || report.edges.map { $0["exit"] } == [7, 7])
    }

    private func mount(_ source: String, on target: String) throws {
        guard Glibc.mount(source, target, nil, UInt(4096), nil) == 0 else { throw POSIXError(.EPERM) }
    }

    private func unmount(_ target: String) { umount2(target, 2) }
}
