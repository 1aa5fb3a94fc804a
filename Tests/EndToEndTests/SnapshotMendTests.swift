import Foundation
import TestSupport
import Testing

/// `snapshot compact|reset|rename`: what they promise to the next run, also when they are killed.
@Suite("Mending snapshot databases", .slots, .timeLimit(.minutes(20)))
struct SnapshotMendTests {
    private func snapshot(_ world: World, _ arguments: [String]) async throws -> RunningProcess.Outcome {
        try await Headwater.run(
            ["snapshot"] + arguments, environment: world.environment, directory: world.directory.path)
    }

    private func rename(_ world: World, _ old: String, _ new: String) async throws -> RunningProcess.Outcome {
        try await snapshot(world, ["rename", old, new, world.topology])
    }

    private func call(_ world: World, _ session: String, edge: String = "from: build, to: t0") throws {
        try world.writeTopology(edges: "  - {\(edge), session: \(session)}\n")
    }

    // MARK: rename

    @Test func renamedSession_goesOn_asIfItHadAlwaysHadThatName() async throws {
        let world = try await inStep(files: 40)
        let old = world.session("build", "t0")
        try call(world, "another")
        let refused = try await world.headwater("run")
        #expect(refused.exit == 5 && refused.stderr.contains("error[snapshot.renamed]"))
        let remedy = "headwater snapshot rename \(old) another \(world.topology)"
        #expect(refused.stderr.contains(remedy), "\(refused.stderr)")
        let before = try TreeListing(world.target(0))

        let done = try await rename(world, old, "another")

        #expect(done.exit == 0, "\(done.stderr)")
        #expect(done.stdout == "build: \(old) is another now\nt0: \(old) is another now\n")
        #expect(try await world.run().report.edges[0].movedNothing)
        #expect(try TreeListing(world.target(0)).differences(from: before) == [])
        for tree in [world.source, world.target(0)] {
            #expect(try FileManager.default.contentsOfDirectory(atPath: tree + "/.headwater") == ["another"])
            #expect(try await snapshot(world, ["check", tree]).exit == 0)
        }
        // It is one session still: what is deleted is deleted, and only what changed moves.
        try remove(world.source + "/d0/file0")
        try write("changed", world.source + "/d1/file1")
        let (outcome, report) = try await world.run()
        #expect(outcome.exit == 0 && report.edges[0]["deleted"] == 1 && report.edges[0]["files"] == 1)
        #expect(try await world.differences(0) == [])
        // Once more it has nothing to do.
        let again = try await rename(world, old, "another")
        #expect(again.exit == 0 && again.stdout == "build: is another already\nt0: is another already\n")
    }

    @Test func databaseElsewhere_bothEndsHere_andBothEndsFar() async throws {
        let world = try World(targets: 2, localPeers: ["near", "db"])
        try makeTree(world.source, files: 20)
        let peers =
            "  build: {path: \(world.source), database: \(world.directory("db"))}\n  near: \(world.directory("near"))\n"
            + (0..<2).map { "  t\($0): \(world.remotePeer(world.servers[$0], path: world.target($0)))\n" }.joined()
        let edges = ["build -> near", "build -> t0", "t0 -> t1"]
        try world.writeTopology(peers: peers, edges: edges.map { "  - \($0)\n" }.joined())
        #expect(try await world.run().outcome.exit == 0)
        let ends = edges.map { $0.split(separator: " ").map(String.init) }.map { ($0[0], $0[2]) }
        for (index, (from, to)) in ends.enumerated() {
            // The file still has the old name.
            let done = try await rename(world, world.session(from, to), "s\(index)")
            #expect(done.exit == 0 && done.stdout.contains("now write `session: s\(index)`"), "\(done.stderr)")
        }
        let named = ends.enumerated().map { "  - {from: \($1.0), to: \($1.1), session: s\($0)}\n" }.joined()
        try world.writeTopology(peers: peers, edges: named)
        let (outcome, report) = try await world.run()
        #expect(outcome.exit == 0 && report.edges.allSatisfy(\.movedNothing), "\(outcome.stderr)")
        #expect(!exists(world.source + "/.headwater"))
    }

    @Test func sessionOfSync_isRenamedByItsFile() async throws {
        let world = try World(targets: 1)
        try makeTree(world.source, files: 5)
        let server = world.servers[0]
        func sync(_ name: String) async throws -> RunningProcess.Outcome {
            try await Headwater.run(
                [
                    "sync", "-N", name, "-d", world.source, "-r", "\(server.user)@127.0.0.1:\(world.target(0))", "-K",
                    "push",
                    "-i", server.userKeyPath, "-P", "\(server.port)", "--known-hosts", server.knownHostsPath,
                ], environment: world.environment)
        }
        #expect(try await sync("one").exit == 0)
        let refused = try await sync("two")
        #expect(refused.exit == 5)
        let command = try #require(refused.stderr.firstMatch(of: /headwater (snapshot rename one two [^ ,]+\.yaml)/))
        let words = command.output.1.split(separator: " ").map(String.init)
        let done = try await Headwater.run(words, environment: world.environment)
        #expect(done.exit == 0, "\(done.stderr)")
        let last = try await sync("two")
        #expect(last.exit == 0 && last.stdout.contains("in step, nothing to do"), "\(last.stdout)\(last.stderr)")
    }

    /// Killed at each of its system calls that change something, one after the other. A run in between, of either name, refuses and moves
    /// nothing; the command, repeated, finishes.
    @Test(
        arguments: Soak.isOn
            ? ["unlinkat", "renameat2", "fsync", "fdatasync", "ftruncate", "pwrite64"]
            : ["renameat2", "fsync", "pwrite64"])
    func killedRename_isFinishedByTheNext(call name: String) async throws {
        let world = try World(targets: 0, localPeers: ["near"])
        try makeTree(world.source, files: 10)
        let peers = "  build: \(world.source)\n  near: \(world.directory("near"))\n"
        func write(_ session: String) throws {
            try world.writeTopology(peers: peers, edges: "  - {from: build, to: near, session: \(session)}\n")
        }
        try write("n0")
        #expect(try await world.run().outcome.exit == 0)
        let before = try TreeListing(world.directory("near"))
        var kills = 0
        for round in 0..<60 {
            let (old, new) = ("n\(round)", "n\(round + 1)")
            try write(new)
            let killed = try await killedAt(name, kills + 1, world, ["rename", old, new, world.topology])
            if killed != 0 {
                #expect(killed == 128 + SIGKILL)
                kills += 1
                for session in [old, new] {
                    try write(session)
                    let run = try await world.headwater("run")
                    let isWhole = run.exit == 0 && run.stdout.contains("nothing to do")
                    #expect(run.exit == 5 || isWhole, "\(name) \(kills), \(session): \(run.stdout)\(run.stderr)")
                }
                try write(new)
                let again = try await rename(world, old, new)
                #expect(again.exit == 0, "\(name) \(kills): \(again.stderr)")
            }
            let (outcome, report) = try await world.run()
            #expect(outcome.exit == 0 && report.edges[0].movedNothing, "\(name) \(kills): \(outcome.stderr)")
            for tree in [world.source, world.directory("near")] {
                #expect(
                    try FileManager.default.contentsOfDirectory(atPath: tree + "/.headwater") == [new],
                    "\(name) \(kills)")
                #expect(try await snapshot(world, ["check", tree, new]).exit == 0)
            }
            if killed == 0 { break }
        }
        #expect(kills > 1, "nothing was killed at \(name): this proves nothing")
        #expect(try TreeListing(world.directory("near")).differences(from: before) == [])
    }

    @Test func farEndAlone_isFinished_whenTheLinkWasLostBetweenTheTwo() async throws {
        let world = try await inStep(files: 10)
        let old = world.session("build", "t0")
        try call(world, "another")
        // As a kill leaves it: the far end is done, this one is not.
        let saved = world.directory("saved")
        try FileManager.default.copyItem(atPath: world.source + "/.headwater", toPath: saved)
        #expect(try await rename(world, old, "another").exit == 0)
        try remove(world.source + "/.headwater")
        try FileManager.default.moveItem(atPath: saved, toPath: world.source + "/.headwater")
        for session in [old, "another"] {
            try call(world, session)
            let run = try await world.headwater("run")
            #expect(run.exit == 5 && run.stderr.contains("snapshot rename"), "\(session): \(run.stderr)")
        }
        let done = try await rename(world, old, "another")
        #expect(
            done.exit == 0 && done.stdout == "build: \(old) is another now\nt0: is another already\n", "\(done.stderr)")
        #expect(try await world.run().report.edges[0].movedNothing)
    }

    @Test func renameThatCannotBe_changesNothing() async throws {
        let world = try await inStep(files: 10, targets: 2)
        let (first, second) = (world.session("build", "t0"), world.session("build", "t1"))
        func tried(_ old: String, _ new: String) async throws -> RunningProcess.Outcome {
            let before = try [world.source, world.target(0), world.target(1)].map { try traces($0) }
            let outcome = try await rename(world, old, new)
            #expect(
                try [world.source, world.target(0), world.target(1)].map { try traces($0) } == before, "\(old) \(new)")
            return outcome
        }
        let both = try await tried(first, second)
        #expect(both.exit == 2 && both.stderr.contains("error[snapshot.name-taken]"), "\(both.stderr)")
        let neither = try await tried("nobody", "nowhere")
        #expect(neither.exit == 2 && neither.stderr.contains("error[edge.unknown]"))
        let empty = try await tried("nobody", "other")
        #expect(empty.exit == 2)
        for name in ["", "a/b", "..", String(repeating: "x", count: 65), first] {
            #expect(try await tried(first, name).exit == 2)
        }
        // The new name has a database of its own at one end.
        try world.writeTopology(edges: "  - build -> t0\n")
        let taken = try await tried(first, second)
        #expect(
            taken.exit == 5 && taken.stderr.contains("error[snapshot.name-taken]") && taken.stderr.contains("at build"))
        // The far end has none.
        try remove(world.target(0) + "/.headwater/" + first)
        let missing = try await tried(first, "other")
        #expect(missing.exit == 5 && missing.stderr.contains("error[snapshot.remote-missing]"), "\(missing.stderr)")
        world.servers[0].stop()
        #expect(try await tried(first, "other").exit == 7)
    }

    @Test func databasesOfTwoSessions_areNotRenamedAsOne() async throws {
        let world = try await inStep(files: 10)
        let old = world.session("build", "t0")
        let saved = world.directory("saved")
        try FileManager.default.copyItem(atPath: world.source + "/.headwater", toPath: saved)
        #expect(try await world.run(["--reset"]).outcome.exit == 0)
        try remove(world.source + "/.headwater")
        try FileManager.default.moveItem(atPath: saved, toPath: world.source + "/.headwater")
        try call(world, "another")
        let outcome = try await rename(world, old, "another")
        #expect(outcome.exit == 5 && outcome.stderr.contains("error[snapshot.other-session]"), "\(outcome.stderr)")
        #expect(exists(world.snapshot(ofSource: old)) && exists(world.snapshot(ofTarget: 0, old)))
    }

    // MARK: compact

    @Test func compactedDatabase_isSmaller_andTheNextRunMovesNothing() async throws {
        let world = try World(targets: 1, settings: "defaults: {max_delete: 100%}\n")
        try makeTree(world.source, files: 4000, bytes: 10)
        #expect(try await world.run().outcome.exit == 0)
        for directory in 0..<3 { try remove(world.source + "/d\(directory)") }
        #expect(try await world.run().outcome.exit == 0)
        try write("one more cycle lets the tombstones go", world.source + "/d3/file3")
        #expect(try await world.run().outcome.exit == 0)
        let session = world.session("build", "t0")
        for (tree, file) in [
            (world.source, world.snapshot(ofSource: session)), (world.target(0), world.snapshot(ofTarget: 0, session)),
        ] {
            let before = try Data(contentsOf: URL(fileURLWithPath: file)).count
            let outcome = try await snapshot(world, ["compact", tree, session])
            #expect(outcome.exit == 0 && outcome.stdout.hasPrefix("\(session): compacted, "), "\(outcome.stderr)")
            let after = try Data(contentsOf: URL(fileURLWithPath: file)).count
            #expect(after < before / 2, "\(before) bytes before, \(after) now")
            #expect(try await snapshot(world, ["check", tree]).exit == 0)
        }
        #expect(try await world.run().report.edges[0].movedNothing)
    }

    @Test(arguments: ["pwrite64", "fdatasync", "ftruncate", "fsync"])
    func killedCompaction_leavesTheDatabaseWhole(call name: String) async throws {
        let world = try World(targets: 0, localPeers: ["near"])
        try makeTree(world.source, files: 300, bytes: 5)
        try world.writeTopology(
            peers: "  build: \(world.source)\n  near: \(world.directory("near"))\n",
            edges: "  - {from: build, to: near, session: s}\n")
        #expect(try await world.run().outcome.exit == 0)
        let rows = try await snapshot(world, ["files", world.source, "s"]).stdout
        var kills = 0
        // Its writes are many: every one of the first, then ever fewer.
        var when = 1
        while try await killedAt(name, when, world, ["compact", world.source, "s"]) != 0 {
            kills += 1
            let check = try await snapshot(world, ["check", world.source, "s"])
            #expect(check.exit == 0, "\(name) \(when): \(check.stdout)")
            #expect(try await snapshot(world, ["files", world.source, "s"]).stdout == rows, "\(name) \(when)")
            when += 1 + when / 8
        }
        if kills == 0 && name == "fsync" { return }
        #expect(kills > 0 || name == "ftruncate", "nothing was killed at \(name): this proves nothing")
        #expect(try await world.run().report.edges[0].movedNothing)
        #expect(try await snapshot(world, ["compact", world.source, "s"]).exit == 0)
        let left = try FileManager.default.contentsOfDirectory(atPath: world.source + "/.headwater/s")
        #expect(left.sorted() == ["lock", "snap.db", "unchanged"])
    }

    // MARK: reset

    @Test func resetEnd_isForgotten_andOnlyAResetOfBothGoesOn() async throws {
        let world = try await inStep(files: 20)
        let session = world.session("build", "t0")
        let before = try traces(world.source)
        let asked = try await snapshot(world, ["reset", world.source, session])
        #expect(asked.exit == 2 && asked.stderr.contains("error[snapshot.unconfirmed]"), "\(asked.stderr)")
        #expect(try traces(world.source) == before)

        // Also a damaged one: that is what it is for.
        try write("damaged, and long enough to be looked at as a database", world.snapshot(ofSource: session))
        let done = try await snapshot(world, ["reset", world.source, session, "--yes"])
        #expect(
            done.exit == 0 && done.stdout.contains("headwater run FILE --edge \(session) --reset"), "\(done.stderr)")
        #expect(!exists(world.snapshot(ofSource: session)))
        try remove(world.source + "/d0/file0")
        let refused = try await world.headwater("run")
        #expect(refused.exit == 5 && refused.stderr.contains("error[snapshot.local-missing]"), "\(refused.stderr)")
        let (outcome, report) = try await world.run(["--reset"])
        #expect(outcome.exit == 0 && report.edges[0]["deleted"] == 0 && report.edges[0]["bytes_payload"] == 0)
        #expect(exists(world.target(0) + "/d0/file0"))
        #expect(try await world.run().report.edges[0].movedNothing)
    }

    /// Runs `headwater snapshot …` and kills it right before its `when`th call of this name; its exit code.
    private func killedAt(_ call: String, _ when: Int, _ world: World, _ arguments: [String]) async throws -> Int32 {
        let run = try RunningProcess(
            [
                "/usr/bin/strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=\(call)", "-e",
                "inject=\(call):signal=KILL:when=\(when)", Headwater.binaries() + "/headwater", "snapshot",
            ] + arguments, environment: world.environment)
        return await run.outcome().exit
    }
}
