import Core
import Orchestration
import Platform
import Testing

func identity(_ upstream: String, _ downstream: String) -> EdgeIdentity {
    EdgeIdentity(upstream: upstream, downstream: downstream, session: "t-\(upstream)-\(downstream)", mode: .push)
}

final class FakeRunner: EdgeRunner {
    private let body: @Sendable (Int) -> ExitCode

    init(_ body: @escaping @Sendable (Int) -> ExitCode) { self.body = body }

    func run(edgeIndex: Int) -> EdgeSummary {
        var summary = EdgeSummary(edge: identity("fake", "\(edgeIndex)"))
        summary.exit = body(edgeIndex)
        return summary
    }
}

@Suite struct OrchestratorTests {
    private let edges = (0..<4).map { identity("p\($0)", "p\($0 + 1)") }

    private func run(
        _ feeders: [[Int]], atOnceMax: Int = 64, _ interruption: Interruption = Interruption(),
        observe: @escaping @Sendable (Event) -> Void = { _ in }, _ body: @escaping @Sendable (Int) -> ExitCode
    ) -> [EdgeSummary] {
        Orchestrator(
            edges: Array(edges.prefix(feeders.count)), order: RunOrder(feeders: feeders), runner: FakeRunner(body),
            interruption: interruption, atOnceMax: atOnceMax, observe: observe
        ).run()
    }

    @Test func summaries_comeInTheOrderOfTheFile_withTheirOwnEdges() {
        let summaries = run([[1], [], [0]]) { _ in .inStep }
        #expect(summaries.map(\.edge) == Array(edges.prefix(3)))
        #expect(summaries.allSatisfy { $0.exit == .inStep })
    }

    @Test func lowerEdge_beginsAfterTheUpperOneEnded() {
        let order = Monitor([String]())
        _ = run([[], [0], [1]]) { edge in
            order.update { $0.append("begin \(edge)") }
            order.update { $0.append("end \(edge)") }
            return .inStep
        }
        #expect(order.read { $0 } == ["begin 0", "end 0", "begin 1", "end 1", "begin 2", "end 2"])
    }

    /// Each of the two waits for the other: only edges that run at the same time come to an end.
    @Test func independentEdges_runAtTheSameTime() {
        let arrived = Monitor(0)
        let summaries = run([[], []]) { _ in
            arrived.update { $0 += 1 }
            let met: Void? = arrived.wait(until: MonotonicClock.after(seconds: 30)) { $0 == 2 ? () : nil }
            return met == nil ? .edgeFailed : .inStep
        }
        #expect(summaries.allSatisfy { $0.exit == .inStep })
    }

    @Test func noMoreThanTheBound_runAtOnce() {
        let counts = Monitor((now: 0, most: 0))
        _ = run([[], [], [], []], atOnceMax: 2) { _ in
            counts.update {
                $0.now += 1
                $0.most = max($0.most, $0.now)
            }
            counts.update { $0.now -= 1 }
            return .inStep
        }
        #expect(counts.read { $0.most } <= 2)
    }

    /// One at a time in the end; never more than bring anything, with a million descriptors or without a limit.
    @Test(
        arguments: [
            (1024, 1, 41), (1024, 100, 24), (60, 1, 1), (0, 0, 1), (1_048_576, 200, 64), (UInt64.max, 0, 64),
        ] as [(UInt64, Int, Int)])
    func edgesAtOnce_areAsManyAsTheDescriptorsServe(descriptors: UInt64, hosts: Int, edges: Int) {
        #expect(Orchestrator.atOnce(descriptors: descriptors, hosts: hosts) == edges)
    }

    @Test func skipped_takesTheBlockersExit_andNeverRuns() {
        let ran = Monitor([Int]())
        let summaries = run([[], [0], [1], []]) { edge in
            ran.update { $0.append(edge) }
            return edge == 0 ? .unreachable : .inStep
        }
        #expect(ran.read { $0.sorted() } == [0, 3])
        #expect(summaries.map(\.exit) == [.unreachable, .unreachable, .unreachable, .inStep])
        #expect(summaries.map(\.skippedBecauseOf) == [nil, edges[0], edges[0], nil])
    }

    @Test func interruption_letsRunningEdgesEnd_andStartsNoOthers() {
        let interruption = Interruption()
        let ran = Monitor([Int]())
        let summaries = run([[], [0], []], atOnceMax: 1, interruption) { edge in
            ran.update { $0.append(edge) }
            interruption.request(.terminated)
            return .inStep
        }
        #expect(ran.read { $0 } == [0])
        #expect(summaries.map(\.exit) == [.inStep, .terminated, .terminated])
        #expect(summaries.allSatisfy { $0.skippedBecauseOf == nil })
    }

    @Test func interruptionBeforeTheStart_runsNothing() {
        let interruption = Interruption()
        interruption.request(.interrupted)
        let summaries = run([[], [0]], interruption) { _ in .edgeFailed }
        #expect(summaries.map(\.exit) == [.interrupted, .interrupted])
    }

    @Test func everyEdge_isReportedFinishedOnce_andStartedOnlyIfItRan() {
        let seen = Monitor((started: [String](), finished: [String]()))
        _ = run(
            [[], [0], []],
            observe: { event in
                seen.update {
                    if case .started(let edge) = event { $0.started.append(edge.session) }
                    if case .finished(let summary) = event { $0.finished.append(summary.edge.session) }
                }
            }, { $0 == 0 ? .halted : .inStep })
        #expect(seen.read { $0.started.sorted() } == ["t-p0-p1", "t-p2-p3"])
        #expect(seen.read { $0.finished.sorted() } == ["t-p0-p1", "t-p1-p2", "t-p2-p3"])
    }

    @Test func noEdges_isAnEmptyRun() { #expect(run([]) { _ in .inStep }.isEmpty) }
}

@Suite struct InterruptionTests {
    @Test func firstRequest_decides_andRunsEachBodyOnce() {
        let interruption = Interruption()
        let calls = Monitor(0)
        interruption.onRequest { calls.update { $0 += 1 } }
        #expect(interruption.exit == nil)
        interruption.request(.interrupted)
        interruption.request(.terminated)
        #expect(interruption.exit == .interrupted)
        interruption.onRequest { calls.update { $0 += 10 } }
        #expect(calls.read { $0 } == 11)
    }

    @Test func secondSignal_endsAtOnce() {
        let interruption = Interruption()
        var signals: [Int32] = [15, 2]
        var atOnce: [ExitCode] = []
        SignalWatch.follow({ signals.isEmpty ? nil : signals.removeFirst() }, interruption, { atOnce.append($0) })
        #expect(interruption.exit == .terminated)
        #expect(atOnce == [.interrupted])
    }

    @Test(arguments: [(2, ExitCode.interrupted), (15, .terminated), (1, .terminated)] as [(Int32, ExitCode)])
    func signals_haveTheirExitCodes(_ signal: Int32, _ exit: ExitCode) {
        #expect(SignalWatch.exit(for: signal) == exit)
    }

    @Test func transientFailures_areTriedThreeTimes_othersOnce() {
        let lost = HeadwaterError("ssh.lost", "m", remedy: "r", isTransient: true)
        var retry = Retry()
        #expect(retry.delay(after: lost, elapsed: 1, jitter: 1) == 1)
        #expect(retry.delay(after: lost, elapsed: 3, jitter: 0) == 1)
        #expect(retry.delay(after: lost, elapsed: 5, jitter: 0) == nil)
        var late = Retry()
        #expect(late.delay(after: lost, elapsed: 59.9, jitter: 1) == nil)
        var denied = Retry()
        #expect(denied.delay(after: HeadwaterError("ssh.login", "m", remedy: "r"), elapsed: 0, jitter: 0) == nil)
    }
}
