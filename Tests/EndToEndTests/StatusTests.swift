import Foundation
import TestSupport
import Testing

/// `status` between runs, beside a run and after a kill: it tells how things stand and leaves them so.
@Suite("Status", .slots, .timeLimit(.minutes(20)))
struct StatusTests {
    private func status(_ world: World) async throws -> (exit: Int32, edges: [RunReport.Edge]) {
        let outcome = try await world.headwater("status", ["--json"])
        return (outcome.exit, try RunReport(outcome.stdout).edges)
    }

    @Test func edges_goFromNeverRun_toInStep_withoutATrace() async throws {
        let world = try World(targets: 2)
        try makeTree(world.source, files: 20)
        let fresh = try await status(world)
        #expect(fresh.exit == 0 && fresh.edges.map { $0.text("state") } == ["never-run", "never-run"])
        #expect(!exists(world.source + "/.headwater"))
        world.servers[1].stop()
        #expect(try await world.headwater("run").exit == 7)

        let before = try traces(world.source) + traces(world.directory("state"))
        let after = try await status(world)
        #expect(try traces(world.source) + traces(world.directory("state")) == before)

        #expect(after.exit == 7 && after.edges.map { $0.text("state") } == ["in-step", "unreachable"])
        #expect(after.edges[1].text("code") == "ssh.connect" && after.edges[1].text("last_success_at") == "")
        #expect(after.edges[0]["files"] == 20 && after.edges[0]["directories"] == 4 && after.edges[0]["commit"] > 0)
        let text = try await world.headwater("status", ["--edge", "build:t0"])
        #expect(text.stdout.hasPrefix("build -> t0: in step; commit ") && text.stdout.hasSuffix("1 edge: 1 in step\n"))
        #expect(text.stdout.contains("t0 not asked"))
    }

    @Test func haltedEdge_isTold_withTheWayOut() async throws {
        let world = try World(targets: 1)
        try makeTree(world.source, files: 20)
        #expect(try await world.headwater("run").exit == 0)
        for directory in 0..<4 { try remove(world.source + "/d\(directory)") }
        #expect(try await world.headwater("run").exit == 6)
        let text = try await world.headwater("status")
        #expect(text.exit == 6 && text.stdout.contains("halted [halt.emptied]"), "\(text.stdout)")
        let quiet = try await world.headwater("status", ["--quiet"])
        #expect(quiet.exit == 6 && quiet.stdout == "" && quiet.stderr.hasPrefix("error[halt.emptied]"))
        #expect(text.stdout.contains("headwater release \(world.topology) --edge \(world.session("build", "t0"))"))
    }

    @Test func runThatIsUnderWay_isSeen_andNotDisturbed() async throws {
        let world = try World(targets: 1)
        try makeTree(world.source, files: 5000)
        let run = try world.startRun()
        let directory = world.source + "/.headwater"
        await signal(run, SIGSTOP, when: "-e \(directory)/\(world.session("build", "t0"))/snap.db")
        let isMidway = run.isRunning
        let before = try traces(directory)
        let seen = try await status(world)
        #expect(try traces(directory) == before)
        run.signal(SIGCONT)
        #expect(isMidway && seen.exit == 0 && seen.edges[0].text("state") == "running")
        #expect(seen.edges[0].text("owner").hasPrefix("pid \(run.pid) on "), "\(seen.edges[0].text("owner"))")
        for _ in 0..<10 where run.isRunning { _ = try await status(world) }

        #expect(await run.outcome().exit == 0)
        #expect(try await world.differences(0) == [])
        #expect(try await status(world).edges[0].text("state") == "in-step")
        let left = try FileManager.default.contentsOfDirectory(atPath: directory + "/" + world.session("build", "t0"))
        #expect(left.sorted() == ["lock", "snap.db"], "a look kept the log of the session")
        let copies = try FileManager.default.contentsOfDirectory(atPath: world.directory("runtime"))
        #expect(copies.filter { $0.hasPrefix("headwater-look") } == [])
    }

    @Test func killedRun_isInterrupted_andFoundAsItWasLeft() async throws {
        let world = try World(targets: 1)
        try makeTree(world.source, files: 5000)
        let log = world.source + "/.headwater/" + world.session("build", "t0") + "/snap.db-wal"
        let run = try world.startRun()
        await signal(run, SIGKILL, when: "-s \(log)")
        _ = await run.outcome()
        #expect(exists(log), "the run ended before it was killed")
        #expect(await until { world.agents().isEmpty })
        let before = try traces(world.source)

        let killed = try await status(world)

        #expect(killed.exit == 1 && killed.edges[0].text("state") == "interrupted", "\(killed.edges)")
        #expect(try traces(world.source) == before)
        #expect(try await world.headwater("run").exit == 0)
        #expect(try await status(world).exit == 0)
    }

    /// From a process of its own, which no other test keeps waiting; also ends when the run does.
    private func signal(_ run: RunningProcess, _ number: Int32, when condition: String) async {
        let script = "until [ \(condition) ] || [ ! -e /proc/\(run.pid)/exe ]; do :; done; kill -\(number) \(run.pid)"
        _ = await (try? RunningProcess(["/bin/sh", "-c", script], environment: ["PATH": "/usr/bin:/bin"]))?.outcome()
    }
}
