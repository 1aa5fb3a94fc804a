import Core
import Foundation
import Platform
import Sessions
import Snapshots
import TestSupport
import Testing
import Wire

/// A plan says what the next run does, and leaves everything as it is: trees, databases, locks, times.
@Suite struct PlanTests {
    private static let tree = """
        mkdir -p source/d/e source/empty; echo one > source/d/one; echo two > source/d/e/two; : > source/zero
        head -c 600000 /dev/urandom > source/large; ln -s nowhere source/link; echo three > source/three
        """

    /// What differs between two moments of a tree: its paths, by kind of step. Times of directories are left out.
    private func differences(_ before: TreeListing, _ after: TreeListing) -> [ForeseenStep.Action: Set<String>] {
        var found: [ForeseenStep.Action: Set<String>] = [:]
        for (key, node) in after.nodes {
            let path = String(decoding: key, as: UTF8.self)
            guard let old = before.nodes[key] else {
                found[.create, default: []].insert(path)
                continue
            }
            let isTime = old.kind == "d" && node.kind == "d" && old.mode == node.mode
            if old != node && !isTime { found[.change, default: []].insert(path) }
        }
        for key in before.nodes.keys where after.nodes[key] == nil {
            found[.delete, default: []].insert(String(decoding: key, as: UTF8.self))
        }
        return found
    }

    private func steps(_ ran: TwoEnds.Ran) -> [ForeseenStep.Action: Set<String>] {
        var found: [ForeseenStep.Action: Set<String>] = [:]
        for step in ran.planned where !step.isTimeOfDirectory {
            found[step.action, default: []].insert(step.path.description)
        }
        return found
    }

    /// Plans, then runs, and holds the one against the other.
    private func planThenRun(_ ends: TwoEnds, _ comment: Comment, maxDelete: DeleteLimit = .percent(50)) async throws {
        let traces = ends.traces
        let plan = await ends.run(purpose: .plan(readsContent: false), maxDelete: maxDelete)
        #expect(ends.traces == traces, comment)
        let before = try TreeListing(ends.target)
        let ran = await ends.run(maxDelete: maxDelete)
        #expect(plan.error?.code == ran.error?.code, comment)
        #expect(plan.problems.map(\.code) == ran.problems.map(\.code), comment)
        #expect(plan.outcome?.counts == ran.outcome?.counts, comment)
        #expect(try steps(plan) == differences(before, TreeListing(ends.target)), comment)
        let bytes = plan.planned.reduce(0) { $0 + $1.bytes }
        #expect(bytes == ran.outcome?.counts.bytesPayload ?? bytes, comment)
    }

    @Test(arguments: [(Mode.push, true), (.pull, false)])
    func plan_foreseesWhatTheNextRunDoes(mode: Mode, opensUpstream: Bool) async throws {
        let ends = TwoEnds(mode: mode, opensUpstream: opensUpstream)
        ends.shell(Self.tree + "\ncp -a source/three target/; echo mine > target/beside; echo other > target/zero")
        try await planThenRun(ends, "a first cycle")
        try await planThenRun(ends, "nothing changed")
        ends.shell(
            """
            echo changed > source/d/one; rm source/link; mkdir source/link; echo x > source/link/x; rm -r source/empty
            chmod 600 source/three; touch source/d/e/two; mkdir source/new; echo n > source/new/n
            """)
        try await planThenRun(ends, "changes")
        ends.shell(
            "echo drift > target/d/one; rm -r target/new; rm target/large; mkdir target/large; chmod 700 target/d/e")
        try await planThenRun(ends, "drift")
        ends.shell(
            "echo mine > target/d/e/mine; rm -r source/d; rm source/zero; mkdir source/zero; echo f > source/new/f")
        try await planThenRun(ends, "a directory that stays for what is in it")
        ends.shell(
            "rm -r source/new; echo file > source/new; mkdir -p target/p; echo m > target/p/m; echo p > source/p")
        try await planThenRun(ends, "a directory that cannot be replaced")
    }

    @Test func missingTarget_isPlannedAsEmpty_andNotMade() async throws {
        let ends = TwoEnds()
        ends.shell(Self.tree + "\nrmdir target")
        let traces = ends.traces
        let plan = await ends.run(purpose: .plan(readsContent: false))
        #expect(plan.error == nil && plan.outcome?.counts.files == 5)
        #expect(plan.planned.count == 9 && plan.planned.allSatisfy { $0.action == .create && $0.before == nil })
        #expect(ends.traces == traces)
        ends.shell("mv source away")
        #expect(await ends.run(purpose: .plan(readsContent: false)).error?.code == "halt.missing")
    }

    @Test func haltsAndRefusals_areThoseOfARun_andStayUnnoted() async throws {
        let ends = TwoEnds()
        ends.shell(Self.tree + "\nfor i in $(seq 150); do echo $i > source/$i; done")
        _ = await ends.run()
        ends.shell("rm source/1??; echo new > source/new")
        try await planThenRun(ends, "too many deletions", maxDelete: .count(10))
        ends.shell("mv source away; mkdir source; cp -a away/.headwater source/")
        let traces = ends.traces
        #expect(await ends.run(purpose: .plan(readsContent: false)).error?.code == "halt.replaced")
        #expect(ends.traces == traces)
        ends.shell("rm -r source; mv away source; mv target/.headwater kept")
        let refused = await ends.run(purpose: .plan(readsContent: false))
        #expect(refused.error?.code == "snapshot.remote-missing" && refused.error?.exit == .databaseRefuses)
    }

    @Test func mirror_isPlannedWithItsSurplus() async throws {
        let ends = TwoEnds(policy: SessionPolicy(mirror: true))
        ends.shell(Self.tree + "\nmkdir -p target/own/deep; echo a > target/own/deep/a; mkfifo target/fifo")
        try await planThenRun(ends, "a first cycle of a mirror")
    }

    /// After a kill the two databases are not level, and a log lies beside one of them: both are read from copies.
    @Test func interruptedCycle_isPlannedFromCopies() async throws {
        let ends = TwoEnds()
        ends.shell(Self.tree)
        _ = await ends.run()
        ends.shell("for i in $(seq 40); do echo $i > source/n$i; done; rm source/three")
        let cut = FrameProxy { way, frame in way == .toNear && frame.kind == .committed ? [] : [frame] }
        var patience = Patience()
        (patience.pingSeconds, patience.silenceSeconds) = (0.05, 0.5)
        _ = await ends.run(patience: patience, between: cut)
        try await planThenRun(ends, "after a cut")
    }

    @Test func planBesideARun_isToldSo() async throws {
        let ends = TwoEnds()
        ends.shell(Self.tree)
        _ = await ends.run()
        let directory = SessionDirectory(database: ends.source, session: ends.session)
        let lock = try SessionLock.acquire(directory: directory, owner: LockOwner.current())
        let traces = ends.traces
        let plan = await ends.run(purpose: .plan(readsContent: false))
        #expect(plan.error?.exit == .alreadyRunning)
        #expect(ends.traces == traces)
        withExtendedLifetime(lock) {}
    }
}
