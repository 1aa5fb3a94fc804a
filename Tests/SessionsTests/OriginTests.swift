import Core
import Snapshots
import Testing

/// How paths came to be as they are: told alike at both ends, and of no weight in anything else.
@Suite(.timeLimit(.minutes(10))) struct OriginTests {
    /// What the rows of these paths say of it, which must be the same at both ends.
    private func origins(_ ends: TwoEnds, _ paths: String...) throws -> [RowOrigin?] {
        var both: [[RowOrigin?]] = []
        for tree in [ends.source, ends.target] {
            _ = try SnapshotMoment.read(SessionDirectory(database: tree, session: ends.session)) { moment in
                both.append(try paths.map { try moment.row(at: TreePath(slashed: $0))?.origin })
            }
        }
        #expect(both[0] == both[1])
        return both[1]
    }

    private static let ways: [(mode: Mode, opensUpstream: Bool)] = [(.push, true), (.pull, false), (.bidi, true)]

    @Test(arguments: ways) func origin_isToldAlikeAtBothEnds(mode: Mode, opensUpstream: Bool) async throws {
        let ends = TwoEnds(mode: mode, opensUpstream: opensUpstream)
        ends.shell(
            """
            mkdir source/d target/d; echo 1 > source/d/new; echo same > source/same; cp -p source/same target/same
            echo same > source/dressed; cp source/dressed target/dressed; chmod 600 target/dressed
            head -c 700000 /dev/urandom > source/large; cp source/large target/large
            """)
        #expect(await ends.run().error == nil)
        #expect(
            try origins(ends, "d", "d/new", "same", "dressed", "large")
                == [.sent, .sent, .existed, .existed, .existed])
        // Once more, so that the inodes are known on file systems whose clocks are coarse.
        #expect(await ends.run().error == nil)
        ends.shell("mv source/d source/e; mv source/same source/other")
        ends.shell("chmod 640 source/dressed; echo x >> source/large")
        #expect(await ends.run().error == nil)
        #expect(
            try origins(ends, "e", "e/new", "other", "dressed", "large", "d", "same").prefix(5)
                == [.moved, .sent, .moved, .existed, .sent])
        ends.shell("echo more >> source/other")
        #expect(await ends.run().error == nil)
        #expect(try origins(ends, "other") == [.sent])
        #expect(await ends.run().moved == CycleCounts())
    }

    @Test func backDirection_isToldAlike() async throws {
        let ends = TwoEnds(mode: .bidi)
        ends.shell("echo 1 > target/new; echo same > source/same; cp source/same target/same")
        #expect(await ends.run().error == nil)
        #expect(await ends.run().error == nil)
        #expect(try origins(ends, "new", "same") == [.sent, .existed])
        ends.shell("mv target/new target/moved; echo both > source/two; cp -p source/two target/two")
        #expect(await ends.run().error == nil)
        #expect(try origins(ends, "moved", "two") == [.moved, .existed])
    }

    @Test func copyAndOtherName_areOfWhatWasThere() async throws {
        let kept = TwoEnds(policy: SessionPolicy(delete: .never))
        kept.shell("echo 1 > source/a")
        for _ in 0..<2 { #expect(await kept.run().error == nil) }
        kept.shell("mv source/a source/b")
        #expect(await kept.run().error == nil)
        #expect(try origins(kept, "b") == [.copied])
        let linked = TwoEnds(policy: SessionPolicy(preserve: [.mode, .times, .hardlinks]))
        linked.shell("echo 1 > source/a; ln source/a source/b")
        #expect(await linked.run().error == nil)
        #expect(try origins(linked, "a", "b") == [.sent, .copied])
    }

    /// Only the target knows what has become of it.
    @Test func rowThatTheSourceIsTold_isToldAlike() async throws {
        let ends = TwoEnds(policy: SessionPolicy(drift: .keep, overwrite: .conflict))
        ends.shell("echo 1 > source/a; cp -p source/a old")
        #expect(await ends.run().error == nil)
        ends.shell("echo two > source/a; echo three > target/a")
        #expect(await ends.run().outcome?.counts.conflicts == 1)
        ends.shell("cp -p old source/a")
        for _ in 0..<2 { #expect(await ends.run().error == nil) }
        #expect(try origins(ends, "a") == [.sent] && ends.text("target/a") == "three\n")
    }

    /// Its digest was asked for first, since both ends had changed it.
    @Test func otherNameOfAFile_afterAComparison_isToldAlike() async throws {
        let ends = TwoEnds(
            policy: SessionPolicy(overwrite: .conflict, preserve: [.mode, .times, .hardlinks]))
        ends.shell("echo 1 > source/a; echo 2 > source/b")
        #expect(await ends.run().error == nil)
        ends.shell("echo 1 > target/b; ln -f source/a source/b")
        let ran = await ends.run()
        #expect(ran.error == nil && ran.outcome?.counts.conflicts == 0 && ran.moved.bytesPayload == 0, "\(ran)")
        #expect(try origins(ends, "a", "b") == [.sent, .copied])
    }
}
