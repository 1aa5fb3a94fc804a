import Core
import Foundation
import Glibc
import Platform
import Snapshots
import TestSupport
import Testing
import Topologies

@testable import Orchestration

/// How edges within this machine stand, by real runs and real databases.
@Suite struct StatusTests {
    private let directory = TemporaryDirectory("status")

    init() { signal(SIGPIPE, SIG_IGN) }

    private var state: TopologyState {
        TopologyState(name: "t", file: "t.yaml", workingDirectory: "/", stateDirectory: directory("state"))
    }
    private var halts: HaltStore { state.halts }

    private func topology(_ edge: String = "a -> b") throws -> Topology {
        let text = "headwater: 1\nname: t\npeers: {a: \(directory("a")), b: \(directory("b"))}\nedges: [\(edge)]\n"
        return try #require(TopologyFile.load(bytes: Array(text.utf8), name: "t.yaml").topology)
    }

    private func run(_ topology: Topology) throws {
        let interruption = Interruption()
        let runner = SessionRunner(
            topology, edges: [0], isReset: false, halts: halts, agent: "/none", interruption: interruption,
            observe: { _ in })
        defer { runner.close() }
        _ = Orchestrator(
            edges: [topology.identity(of: 0)], order: RunOrder(feeders: [[]]), runner: runner,
            interruption: interruption,
            observe: { _ in }
        ).run()
    }

    private func status(_ topology: Topology) -> EdgeStatus {
        let status = StatusReader(topology, state).statuses([0])[0]
        #expect(status.state == .elsewhere || status.looked == ["a", "b"])
        return status
    }

    private func inStep() throws -> Topology {
        for name in ["a/x", "b"] {
            try FileManager.default.createDirectory(atPath: directory(name), withIntermediateDirectories: true)
        }
        try Data("one".utf8).write(to: URL(fileURLWithPath: directory("a/x/f")))
        let topology = try topology()
        try run(topology)
        return topology
    }

    private var database: SessionDirectory { SessionDirectory(database: directory("b"), session: "t-a-b") }

    @Test func neverRun_isNothingToReport() throws {
        let status = try status(topology())
        #expect(status.state == .neverRun && status.exit == .inStep && status.commit == nil)
    }

    @Test func inStep_saysWhatWasAgreedOn() throws {
        let status = status(try inStep())
        #expect(status.state == .inStep && status.exit == .inStep)
        #expect(status.files == 1 && status.directories == 1 && status.commit ?? 0 > 0)
        #expect(abs(status.recordedAt!.seconds(since: WallClock.now)) < 3600)
    }

    @Test func lostDatabase_refuses_asTheNextRunDoes() throws {
        let topology = try inStep()
        try FileManager.default.removeItem(atPath: database.databaseFile)
        let status = status(topology)
        #expect(status.state == .refused && status.error?.code == "snapshot.remote-missing")
        #expect(status.exit == .databaseRefuses)
    }

    @Test func damagedDatabase_refuses() throws {
        let topology = try inStep()
        try Data("garbage".utf8).write(to: URL(fileURLWithPath: database.databaseFile))
        #expect(status(topology).exit == .databaseRefuses)
    }

    @Test func otherDirection_refuses() throws {
        _ = try inStep()
        let turned = try topology("{from: a, to: b, mode: pull}")
        #expect(status(turned).error?.code == "snapshot.direction-changed")
    }

    @Test func movedRoot_refuses() throws {
        let topology = try inStep()
        try FileManager.default.moveItem(atPath: directory("a"), toPath: directory("real"))
        try FileManager.default.createSymbolicLink(atPath: directory("a"), withDestinationPath: directory("real"))
        #expect(status(topology).error?.code == "snapshot.other-places")
    }

    @Test func ownedSession_isRunning() throws {
        let topology = try inStep()
        guard case .acquired(let lock) = try SessionLock.acquire(directory: database, owner: .current()) else {
            Issue.record("the lock is held")
            return
        }
        let running = withExtendedLifetime(lock) { status(topology) }
        #expect(running.state == .running && running.exit == .inStep)
        #expect(running.owner?.hasPrefix("pid \(getpid()) on ") == true)
    }

    /// A commit that only one end has, and a log beside its database, are what a kill leaves.
    @Test func killedRun_isInterrupted() throws {
        let topology = try inStep()
        let snapshot = try Snapshot.open(directory: database)
        try snapshot.setRunning(true)
        #expect(status(topology).state == .interrupted)
        #expect(status(topology).exit == .edgeFailed)
    }

    @Test func halt_stands_untilItIsReleased() throws {
        let topology = try inStep()
        var error = HeadwaterError(
            "halt.max-delete", "too many", remedy: "permit it: headwater release FILE --edge SESSION", exit: .halted)
        error.facts = "x"
        try halts.record(StandingHalt(error, of: topology.identity(of: 0), at: WallClock.now))
        let halted = status(topology)
        #expect(halted.state == .halted && halted.exit == .halted)
        #expect(halted.error?.remedy.contains("headwater release t.yaml --edge t-a-b") == true)
        _ = try halts.release("t-a-b")
        #expect(status(topology).state == .inStep && status(topology).isReleased)
    }

    @Test func lastRun_isToldWhereItDidNotEndWell_untilSomethingIsRecorded() throws {
        let topology = try inStep()
        var summary = EdgeSummary(edge: topology.identity(of: 0))
        state.lastRuns.record(summary, at: WallClock.now)
        let success = try #require(status(topology).lastSuccessAt)
        summary.exit = .unreachable
        summary.error = HeadwaterError("ssh.connect", "no\n100%", remedy: "look", exit: .unreachable)
        state.lastRuns.record(summary, at: WallClock.now)
        let away = status(topology)
        #expect(away.state == .unreachable && away.exit == .unreachable && away.lastSuccessAt == success)
        #expect(away.error?.message == "no\n100%" && away.error?.code == "ssh.connect")
        summary.exit = .terminated
        summary.error = nil
        state.lastRuns.record(summary, at: WallClock.now)
        #expect(status(topology).state == .interrupted)
        summary.exit = .problems
        state.lastRuns.record(summary, at: Timestamp(seconds: 1, nanoseconds: 0))
        #expect(status(topology).state == .inStep, "something was recorded since")
    }

    @Test func damagedRecord_isNotKnown() throws {
        let topology = try inStep()
        state.lastRuns.record(EdgeSummary(edge: topology.identity(of: 0)), at: WallClock.now)
        let file = state.directory + "/last/t-a-b.last"
        let whole = try Data(contentsOf: URL(fileURLWithPath: file))
        for count in 0..<whole.count - 1 {
            try whole.prefix(count).write(to: URL(fileURLWithPath: file))
            #expect(state.lastRuns.lastRun(of: "t-a-b") == nil)
        }
    }

    @Test func edgeBetweenFarMachines_isKnownElsewhere() throws {
        let text = "headwater: 1\nname: t\npeers: {a: 'h1:/a', b: 'h2:/b'}\nedges: [a -> b]\n"
        let far = try #require(TopologyFile.load(bytes: Array(text.utf8), name: "t.yaml").topology)
        let status = status(far)
        #expect(status.state == .elsewhere && status.notLooked == ["a", "b"] && status.exit == .inStep)
    }
}
