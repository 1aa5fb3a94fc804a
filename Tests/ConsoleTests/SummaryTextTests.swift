import Console
import Core
import Testing

@Suite struct SummaryTextTests {
    /// Numbers of other machines never end this process.
    @Test func greatestCounts_ofManyEdges_areAdded() {
        var summary = EdgeSummary(edge: EdgeIdentity(upstream: "a", downstream: "b", session: "s", mode: .push))
        summary.counts.bytesPayload = .max
        summary.counts.files = .max
        let text = SummaryText.total([summary, summary, summary], seconds: 1).rendered(colour: false)
        #expect(text.contains("3 edges"))
    }

    private func text(_ summary: EdgeSummary) -> String { SummaryText.line(summary).rendered(colour: false) }

    @Test func moved_isSaidInWords() {
        let edge = summary(identity("build", "eu")) {
            $0.counts.files = 1204
            $0.counts.directories = 12
            $0.counts.deleted = 3
            $0.counts.bytesPayload = 118_000_000
            $0.seconds = 2.3
        }
        #expect(text(edge) == "build -> eu: 1 204 files, 12 directories, 3 deleted, 118 MB in 2.3 s (51 MB/s)")
    }

    @Test func nothing_isSaidToo() { #expect(text(summary(identity("a", "b"))) == "a -> b: in step, nothing to do") }

    @Test func one_isSingular() {
        let edge = summary(identity("a", "b")) {
            $0.counts.files = 1
            $0.counts.directories = 1
            $0.counts.symlinks = 1
            $0.counts.untracked = 1
            $0.seconds = 0.01
        }
        #expect(text(edge) == "a -> b: 1 file, 1 directory, 1 symlink in 0.0 s; 1 special file not synced")
    }

    @Test func problemsAndConflicts_areAppended() {
        let edge = summary(identity("a", "b", .bidi), .problems) {
            $0.counts.problems = 2
            $0.counts.conflicts = 1
        }
        #expect(text(edge) == "a <-> b: nothing to do; 1 conflict, 2 problems")
    }

    @Test func failure_namesCodeAndMessage_withControlCharactersEscaped() {
        let edge = summary(identity("a", "b"), .unreachable) {
            $0.error = HeadwaterError("ssh.refused", "b said \u{1B}[2J", remedy: "r")
            $0.counts.files = 2
        }
        #expect(text(edge) == #"a -> b: unreachable after 2 files [ssh.refused]: b said \x1b[2J"#)
    }

    @Test func skipped_namesTheBlocker_andHasNoErrorBlock() {
        let edge = summary(identity("b", "c"), .unreachable) {
            $0.skippedBecauseOf = identity("a", "b")
            $0.error = HeadwaterError("x.y", "m", remedy: "r")
        }
        #expect(text(edge) == "b -> c: skipped because of a -> b")
        #expect(SummaryText.errorBlock(edge).isEmpty)
    }

    @Test func errorBlock_isTheErrorsOwnForm_withTheEdge() {
        let error = HeadwaterError("stage.no-space", "full", remedy: "free space", cause: "ENOSPC")
        let lines = SummaryText.errorBlock(summary(identity("a", "b"), .edgeFailed) { $0.error = error })
        #expect(
            lines.map { $0.rendered(colour: false) } == [
                "error[stage.no-space] edge a -> b", "  full", "  remedy: free space", "  cause:  ENOSPC",
            ])
    }

    @Test func problems_areCutAtTheGivenOnes_andCounted() {
        let errors = (0..<2).map { HeadwaterError("p.q", "m\($0)", remedy: "r", path: TreePath(trusted: [0x61])) }
        let lines = SummaryText.problems(errors, count: 1202, of: identity("a", "b")).map { $0.rendered(colour: false) }
        #expect(
            lines == [
                "a -> b: problem[p.q] a: m0", "a -> b: problem[p.q] a: m1",
                "a -> b: 1 200 more problems; --log-file keeps every one",
            ])
    }

    @Test func total_countsStatesAndSums() {
        let edges = [
            summary(identity("a", "b")) {
                $0.counts.files = 2
                $0.counts.bytesPayload = 1000
            },
            summary(identity("a", "c"), .edgeFailed),
            summary(identity("c", "d"), .edgeFailed) { $0.skippedBecauseOf = identity("a", "c") },
        ]
        let text = SummaryText.total(edges, seconds: 12.3).rendered(colour: false)
        #expect(text == "3 edges: 1 in step, 1 failed, 1 skipped; 2 files, 1.0 kB; 12.3 s")
        #expect(SummaryText.total([], seconds: 0).rendered(colour: false) == "0 edges: nothing to do; 0.0 s")
    }
}
