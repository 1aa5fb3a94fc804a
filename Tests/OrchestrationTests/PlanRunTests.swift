import Core
import Foundation
import Orchestration
import Platform
import TestSupport
import Testing
import Topologies

/// Plans of whole topologies within this machine, held against the runs that follow them.
@Suite struct PlanRunTests {
    private let directory = TemporaryDirectory("plan-run")

    init() { signal(SIGPIPE, SIG_IGN) }

    private func topology(_ edges: String) throws -> Topology {
        let peers = ["a", "b", "c", "d", "s1", "s2", "hub"].map { "\($0): \(directory($0))" }.joined(separator: ", ")
        let text = "headwater: 1\nname: t\npeers: {\(peers)}\nedges: [\(edges)]\n"
        return try #require(TopologyFile.load(bytes: Array(text.utf8), name: "t.yaml").topology)
    }

    private func perform(
        _ topology: Topology, plan gathering: PlanGathering?, permits: [String: [ForeseenStep]]? = nil
    ) -> [EdgeSummary] {
        let edges = Array(topology.edges.indices)
        let runner = SessionRunner(
            topology, edges: edges, isReset: false, halts: HaltStore(directory: directory("halts")), plan: gathering,
            permits: permits,
            agent: directory("no-agent"), interruption: Interruption(), observe: { _ in })
        defer { runner.close() }
        return Orchestrator(
            edges: edges.map(topology.identity), order: RunOrder(topology, edges: edges), runner: runner,
            interruption: Interruption(), observe: { _ in }
        ).run()
    }

    /// Plans, then runs: each edge must end as planned, having moved what was planned.
    private func planThenRun(_ topology: Topology, _ comment: Comment) throws -> [EdgePlan] {
        let before = try traces()
        let gathering = PlanGathering(keepsAll: true)
        let plans = gathering.plans(perform(topology, plan: gathering))
        #expect(try traces() == before, comment)
        let ran = perform(topology, plan: nil)
        for (plan, summary) in zip(plans, ran) {
            #expect(plan.summary.exit == summary.exit, "\(comment): \(summary.edge.label)")
            #expect(plan.summary.error?.code == summary.error?.code, "\(comment): \(summary.edge.label)")
            #expect(plan.summary.counts == summary.counts, "\(comment): \(summary.edge.label)")
            #expect(plan.counts.deleted == summary.counts.deleted, "\(comment): \(summary.edge.label)")
        }
        #expect(plans.count == ran.count)
        return plans
    }

    /// Everything below the directory: names, inodes, sizes and times, `.headwater` and directories included.
    private func traces() throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: directory.path).sorted().map { path in
            var status = stat()
            lstat(directory(path), &status)
            return "\(path) \(status.st_ino) \(status.st_mode) \(status.st_size) \(status.st_mtim) \(status.st_ctim)"
        }
    }

    private func write(_ text: String, _ path: String) throws {
        let file = URL(fileURLWithPath: directory(path))
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }

    private func remove(_ path: String) throws { try FileManager.default.removeItem(atPath: directory(path)) }

    private func paths(_ plan: EdgePlan) -> Set<String> {
        Set(plan.steps.filter { !$0.isTimeOfDirectory }.map { "\($0.action) \($0.path)" })
    }

    @Test func lowerTier_isPlannedOnWhatTheUpperOneWillHaveDone() throws {
        for index in 0..<5 { try write("\(index)", "a/x/\(index)") }
        let chain = try topology("b -> c, a -> b, c -> d")
        let first = try planThenRun(chain, "nothing is there yet")
        #expect(first.allSatisfy { $0.counts.created == 6 && $0.counts.bytes == 5 })

        try write("changed", "a/x/0")
        try remove("a/x/1")
        try write("new", "a/y/new")
        let second = try planThenRun(chain, "changes above")
        let expected: Set<String> = ["change x/0", "delete x/1", "create y", "create y/new"]
        for plan in second { #expect(paths(plan) == expected, "\(plan.edge.label)") }

        try write("drift", "b/x/2")
        try remove("c/x/3")
        let third = try planThenRun(chain, "drift in the middle")
        #expect(third.map(paths) == [["create x/3"], ["change x/2"], []])
        #expect(try planThenRun(chain, "nothing changed").allSatisfy { !$0.counts.hasSteps })
    }

    private func kept(_ topology: Topology) throws -> PlanFile {
        let gathering = PlanGathering(keepsAll: true)
        let plans = gathering.plans(perform(topology, plan: gathering))
        let file = directory("kept.plan")
        try PlanFile(plans, of: topology, resolutions: [:]).write(file)
        return try PlanFile.read(file)
    }

    @Test func keptPlan_isCarriedOut_orRefusesWhereSomethingHasMovedOn() throws {
        for index in 0..<3 { try write("\(index)", "a/x/\(index)") }
        let chain = try topology("a -> b, b -> c")
        let first = try kept(chain)
        #expect(try PlanCheck.edges(first, in: chain, resolutions: [:]) == [0, 1])
        #expect(PlanCheck.movedOn(first, try kept(chain)) == nil)
        #expect(perform(chain, plan: nil, permits: first.permits).map(\.exit) == [.inStep, .inStep])
        #expect(content("c/x/2") == "2")
        #expect(PlanCheck.movedOn(first, try kept(chain))?.code == "plan.moved-on")

        try write("changed", "a/x/0")
        try remove("a/x/1")
        let second = try kept(chain)
        try write("drift", "b/x/0")
        let drifted = PlanCheck.movedOn(second, try kept(chain))
        #expect(drifted?.edge == "t-a-b" && drifted?.path?.description == "x/0")
        try write("2 and more", "c/x/2")
        try remove("b/x/0")
        let late = perform(chain, plan: nil, permits: second.permits)
        #expect(late[0].error?.code == "plan.moved-on" && late[0].exit == .edgeFailed)
        #expect(late[1].skippedBecauseOf != nil && content("c/x/1") == "1")

        let fresh = try kept(chain)
        #expect(perform(chain, plan: nil, permits: fresh.permits).map(\.exit) == [.inStep, .inStep])
        #expect(content("c/x/0") == "changed" && content("c/x/1") == nil && content("c/x/2") == "2")
        #expect(throws: HeadwaterError.self) {
            try PlanCheck.edges(fresh, in: topology("a -> b, {from: b, to: c, delete: never}"), resolutions: [:])
        }
    }

    /// A directory that stays for what is in it is a problem of the plan and of the run, and no step of either.
    @Test func directoryThatIsNotEmpty_isLeftByPlanAndRun() throws {
        try write("1", "a/x")
        try write("theirs", "b/x/theirs")
        let push = try topology("a -> b")
        let plan = try kept(push)
        #expect(perform(push, plan: nil, permits: plan.permits)[0].exit == .problems)
        #expect(content("b/x/theirs") == "theirs")
        let mirror = try topology("{from: a, to: b, mirror: true}")
        #expect(try planThenRun(mirror, "all of it goes")[0].counts.deleted == 1)
    }

    @Test func conflictOfAPush_isPlanned() throws {
        let push = try topology("{from: a, to: b, overwrite: conflict}")
        try write("agreed", "a/x")
        _ = try planThenRun(push, "agreed on")
        try write("above", "a/x")
        try write("here", "b/x")
        let plan = try planThenRun(push, "changed by both")[0]
        #expect(plan.summary.exit == .conflicts && paths(plan) == ["conflict x"])
        try remove("b/x")
        #expect(paths(try planThenRun(push, "settled")[0]) == ["create x"])
    }

    /// What came since the plan was made is not done with it, however late it comes.
    @Test func whatWasNotPlanned_isNotDone() throws {
        try write("1", "a/1")
        let push = try topology("a -> b")
        let plan = try kept(push)
        try write("2", "a/2")
        let summary = perform(push, plan: nil, permits: plan.permits)[0]
        #expect(summary.error?.code == "plan.moved-on" && summary.error?.path?.description == "2")
        #expect(content("b/2") == nil)
        try remove("a/2")
        #expect(perform(push, plan: nil, permits: try kept(push).permits)[0].exit == .inStep)
    }

    private func content(_ path: String) -> String? { try? String(contentsOfFile: directory(path), encoding: .utf8) }

    /// Other roots of one tree: what is brought into a sub-directory is what the whole hands on.
    @Test func collectionIntoSubdirectories_isHandedOnByThePlan() throws {
        try write("1", "a/docs/1")
        try write("2", "d/src/2")
        let collection = try topology("{from: a, to: b, subpath: docs}, {from: d, to: b, subpath: src}, b -> c")
        let plans = try planThenRun(collection, "a first cycle")
        #expect(paths(plans[2]) == ["create docs", "create docs/1", "create src", "create src/2"])
        try write("3", "a/docs/3")
        #expect(paths(try planThenRun(collection, "one more")[2]) == ["create docs/3"])
    }

    @Test func groupOfTwoWayEdges_isPlannedBothWays() throws {
        let group = try topology("s1 <-> hub, s2 <-> hub")
        try write("one", "s1/one")
        try write("two", "s2/two")
        // No path comes to the hub from both spokes at once: which of the two is there first, no plan can tell.
        try write("mine", "hub/both")
        try write("yours", "s2/both")
        let first = try planThenRun(group, "a first cycle")
        #expect(first.map(\.summary.exit).contains(.conflicts))

        try write("changed", "s1/one")
        try remove("s2/two")
        try write("new", "hub/d/new")
        _ = try planThenRun(group, "changes at all three")
        try remove("s2/both")
        _ = try planThenRun(group, "a conflict is settled")
        #expect(try planThenRun(group, "nothing changed").allSatisfy { !$0.counts.hasSteps })
    }
}
