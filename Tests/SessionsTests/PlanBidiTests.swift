import Core
import Sessions
import TestSupport
import Testing
import Wire

/// Both directions of a bidirectional session are foreseen by the code that goes them.
@Suite struct PlanBidiTests {
    private func planThenRun(_ ends: TwoEnds, _ comment: Comment) async throws {
        let traces = ends.traces
        let plan = await ends.run(purpose: .plan(readsContent: false))
        #expect(ends.traces == traces, comment)
        let before = (try TreeListing(ends.source), try TreeListing(ends.target))
        let ran = await ends.run()
        #expect(plan.error?.code == ran.error?.code, comment)
        #expect(plan.problems.map(\.code) == ran.problems.map(\.code), comment)
        #expect(plan.outcome?.counts == ran.outcome?.counts, comment)
        let after = (try TreeListing(ends.source), try TreeListing(ends.target))
        #expect(changed(plan, isUpward: true) == paths(before.0, after.0), comment)
        #expect(changed(plan, isUpward: false) == paths(before.1, after.1), comment)
    }

    private func changed(_ plan: TwoEnds.Ran, isUpward: Bool) -> Set<String> {
        Set(
            plan.planned.filter { $0.isUpward == isUpward && !$0.isTimeOfDirectory && $0.action != .conflict }
                .flatMap { [$0.path, $0.from].compactMap { $0?.description } })
    }

    private func paths(_ before: TreeListing, _ after: TreeListing) -> Set<String> {
        Set(
            Set(before.nodes.keys).union(after.nodes.keys).filter { key in
                let (old, new) = (before.nodes[key], after.nodes[key])
                return old != new && !(old?.kind == "d" && new?.kind == "d" && old?.mode == new?.mode)
            }.map { String(decoding: $0, as: UTF8.self) })
    }

    @Test func bothDirections_areForeseen() async throws {
        let ends = TwoEnds(mode: .bidi)
        ends.shell(
            """
            mkdir -p source/d/e target/t; echo 1 > source/d/one; echo 2 > source/d/e/two; echo 3 > target/t/three
            echo same > source/same; echo same > target/same; echo up > source/both; echo down > target/both
            echo m > source/mode; echo r > source/r; echo q > source/q; ln -s x source/link
            """)
        try await planThenRun(ends, "a first cycle")
        #expect(await ends.run(purpose: .plan(readsContent: false)).planned.isEmpty)
        ends.shell(
            """
            echo changed > source/d/one; echo new > target/d/e/new; rm source/same; rm target/r; chmod 600 target/mode
            echo content > source/mode; rm -r source/t; echo up > source/q; echo down > target/q
            """)
        try await planThenRun(ends, "changes on both sides")
        ends.shell(
            "rm -r source/d; echo late > target/d/late; rm target/both; ln -sfn y target/link; echo x > source/x")
        try await planThenRun(ends, "a directory that is needed, a conflict that is settled")
        ends.shell("rm -r source/d; mkfifo target/d/fifo; cp target/x target/y; rm target/x")
        try await planThenRun(ends, "residue and another name")
        ends.shell("echo r > source/fresh; mkdir target/nd; echo a > target/nd/a; echo s > source/s")
        try await planThenRun(ends, "what is renamed next")
        ends.shell(
            "mv source/fresh source/up; mv target/s target/down; mv source/nd/a source/nd/b; echo more >> source/up")
        try await planThenRun(ends, "renames on both sides")
        ends.shell("mv source/up source/left; mv target/up target/right")
        try await planThenRun(ends, "two new names")
        ends.shell("mkdir source/p; echo p > source/p/p; echo f > source/f")
        try await planThenRun(ends, "what is renamed next")
        ends.shell("mv source/f source/p/f; mv target/p target/elsewhere")
        try await planThenRun(ends, "into a directory that has another name there")
        try await planThenRun(ends, "nothing changed")
    }
}
