import Core
import Platform
import Snapshots
import Testing
import Wire

/// A link that is cut behind any frame of a cycle: the next run goes on from there, and the one after it has nothing to do (invariants 3 and 10).
@Suite(.timeLimit(.minutes(20))) struct CutPolicyTests {
    static let policies: [SessionPolicy] = [
        SessionPolicy(delete: .never), SessionPolicy(delete: .before, attic: .session, mirror: true),
        SessionPolicy(attic: .session, mirror: true), SessionPolicy(drift: .keep),
    ]

    @Test(arguments: policies)
    func cutBehindEachFrame_goesOn(policy: SessionPolicy) async throws {
        for kind in [Frame.Kind.held, .changes, .want, .content, .committed, .recorded, .done] {
            let ends = TwoEnds(policy: policy)
            ends.shell(
                "mkdir -p source/d target/d; for i in 1 2 3 4; do echo $i > source/d/f$i; done; echo x > source/top")
            #expect(await ends.run().error == nil)
            ends.shell(
                "rm source/d/f1 source/d/f2; echo new > source/d/new; echo 33 > source/d/f3; echo beside > target/own")
            let proxy = Monitor<FrameProxy?>(nil)
            proxy.update {
                $0 = FrameProxy { _, frame in
                    if frame.kind != kind { return [frame] }
                    proxy.read { $0 }?.end()
                    return []
                }
            }
            _ = await ends.run(between: proxy.read { $0 })
            let again = await ends.run()
            #expect(again.error == nil && again.problems.isEmpty, "\(kind): \(again.error?.message ?? "")")
            expectOutcome(policy, ends, kind)
            let rows = ends.rows
            let last = await ends.run()
            #expect(last.error == nil && last.moved == CycleCounts(), "\(kind)")
            #expect(ends.rows == rows, "\(kind)")
        }
    }

    private func expectOutcome(_ policy: SessionPolicy, _ ends: TwoEnds, _ kind: Frame.Kind) {
        let withheld = policy.delete == .never ? ["d/f1", "d/f2"] : []
        #expect(self.withheld(ends.source, ends) == withheld, "\(kind)")
        #expect(self.withheld(ends.target, ends) == withheld, "\(kind)")
        if policy.delete == .never {
            ends.shell("test $(cat target/d/f3) = 33; test -e target/d/f1; test -e target/d/f2; test -e target/own")
        } else if policy.mirror {
            #expect(ends.listing(ends.source) == ends.listing(ends.target), "\(kind)")
            ends.shell("cd target/.headwater/*/attic; grep -qx beside own~*; grep -qx 1 d/f1~*; grep -qx 3 d/f3~*")
        } else {
            ends.shell("rm target/own; touch -r source target")
            #expect(ends.listing(ends.source) == ends.listing(ends.target), "\(kind)")
        }
    }

    private func withheld(_ tree: String, _ ends: TwoEnds) -> [String] {
        let directory = SessionDirectory(database: tree, session: ends.session)
        var paths: [String] = []
        _ = try? SnapshotMoment.read(directory) { moment in
            paths = []
            let rows = try moment.rows(in: .withheld)
            while let row = try rows.next() { paths.append(row.path.description) }
        }
        return paths
    }
}
