import Foundation
import TestSupport
import Testing

@Suite("Locks and signals", .slots, .timeLimit(.minutes(20)))
struct LifecycleTests {
    @Test func runningSession_refusesASecondOwner_andNamesTheFirst() async throws {
        let (world, first) = try await firstRunStoppedMidway()
        let outcome = try await world.headwater("run")
        #expect(outcome.exit == 8, "\(outcome.stderr)")
        let wording = "Failed. Session \(world.session("build", "t0")) is already running (pid \(first.pid) on "
        #expect((outcome.stdout + outcome.stderr).contains(wording), "\(outcome.stderr)")
        first.signal(SIGCONT)
        #expect(await first.outcome().exit == 0)
        #expect(try await world.differences(0) == [])
    }

    @Test(arguments: [(SIGINT, 130), (SIGTERM, 143), (SIGHUP, 143)] as [(Int32, Int32)])
    func signal_endsTheRunCleanly_andTheNextGoesOn(signal: Int32, exit: Int32) async throws {
        let (world, first) = try await firstRunStoppedMidway()
        first.signal(signal)
        first.signal(SIGCONT)
        let outcome = await first.outcome()
        // A run that had nothing left to do when the signal came may end with 0.
        #expect(outcome.exit == exit || outcome.exit == 0, "\(outcome.stderr)")
        #expect(outcome.exit == 0 || outcome.stderr.contains("press Ctrl-C once more to end at once"))
        #expect(await until { world.agents().isEmpty }, "an agent outlived its orchestrator")
        let again = try await world.headwater("run")
        #expect(again.exit == 0, "\(again.stderr)")
        #expect(try await world.differences(0) == [])
    }

    /// Frozen in the middle (SIGSTOP, a cgroup's freezer): the first signal ends the run, and the next one goes on.
    @Test func frozenAgent_doesNotKeepASignalWaiting() async throws {
        let (world, run) = try await firstRunStoppedMidway()
        let agents = world.agents()
        for agent in agents { kill(agent, SIGSTOP) }
        defer { for agent in agents { kill(agent, SIGCONT) } }
        run.signal(SIGCONT)
        run.signal(SIGTERM)
        let outcome = await run.outcome()
        #expect(outcome.exit == 143, "\(outcome.stderr)")
        for agent in agents { kill(agent, SIGCONT) }
        #expect(await until { world.agents().isEmpty }, "an agent outlived its orchestrator")
        #expect(try await world.headwater("run").exit == 0)
        #expect(try await world.differences(0) == [])
    }

    @Test func endedRun_leavesNoAgent() async throws {
        let world = try await inStep(files: 10)
        #expect(await until { world.agents().isEmpty })
    }

    @Test func closedOutput_endsTheRunWithoutATrap() async throws {
        let world = try await inStep(files: 10)
        let shell = try RunningProcess(
            [
                "/bin/sh", "-c", "\"$1\" run --json \"$2\" | :", "sh", Headwater.binaries() + "/headwater",
                world.topology,
            ],
            environment: world.environment)
        #expect(await shell.outcome().exit == 0)
        #expect(try await world.run().outcome.exit == 0)
    }

    /// As some supervisors start programs. What is said must not land in the first file that is opened in their place.
    @Test(arguments: [">&-", "2>&-", "<&- >&- 2>&-"])
    func startedWithoutStandardDescriptors_itRunsAsEver(closing: String) async throws {
        let world = try World(targets: 1)
        try makeTree(world.source, files: 20)
        let shell = try RunningProcess(
            [
                "/bin/sh", "-c", "\"$1\" run --verbose \"$2\" \(closing)", "sh", Headwater.binaries() + "/headwater",
                world.topology,
            ],
            environment: world.environment)
        let outcome = await shell.outcome()
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(try await world.differences(0) == [])
        #expect(try await world.run().report.edges.allSatisfy(\.movedNothing))
    }

    /// A first run, stopped when its content is on its way.
    private func firstRunStoppedMidway() async throws -> (World, RunningProcess) {
        try await stoppedMidway([12_000, 36_000, 108_000]) { count in
            let world = try World(targets: 1)
            try makeTree(world.source, files: count, bytes: 6000)
            return (world, try world.startRun())
        } hasBegun: { world in
            exists(world.target(0) + "/.headwater/" + world.session("build", "t0") + "/stage")
        } isMidway: { world, count in
            try TreeListing(world.target(0)).files < count
        }
    }
}
