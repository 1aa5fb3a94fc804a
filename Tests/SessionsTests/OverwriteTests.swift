import Core
import Foundation
import Platform
import Testing

/// `overwrite: older` and `conflict` of a push: nothing of either side is lost, both ends record the same, and a further cycle does
/// nothing (invariants 3, 6 and 10).
@Suite(.timeLimit(.minutes(20))) struct OverwriteTests {
    private static func ends(_ overwrite: SessionPolicy.Overwrite, drift: SessionPolicy.Drift = .repair) -> TwoEnds {
        TwoEnds(policy: SessionPolicy(drift: drift, overwrite: overwrite))
    }

    /// Expects that a further cycle moves nothing and changes no row, with as many conflicts.
    private func expectStanding(_ ends: TwoEnds, _ count: UInt64, _ where: Comment? = nil) async {
        let (rows, trees) = (ends.rows, ends.listing(ends.source) + ends.listing(ends.target))
        let next = await ends.run()
        #expect(next.error == nil && next.problems.isEmpty && next.moved == CycleCounts(), `where`)
        #expect(next.outcome?.counts.conflicts == count, `where`)
        #expect(ends.rows == rows && ends.listing(ends.source) + ends.listing(ends.target) == trees, `where`)
    }

    @Test func conflict_leavesBothSides_andListsThem() async {
        let ends = Self.ends(.conflict)
        ends.shell("mkdir source/d; for f in a b c e d/g; do echo $f > source/$f; done; echo mine > target/first")
        ends.shell("echo yours > source/first; echo same > source/same; cp -p source/same target/same")
        let first = await ends.run()
        #expect(first.error == nil && first.outcome?.counts.conflicts == 1, "a first cycle, too")
        ends.shell("echo up-a > source/a; echo do-a > target/a; echo equal > source/b; cp source/b target/b")
        ends.shell("rm source/c; echo do-c > target/c; echo up-e > source/e; rm target/e; rm -r source/d")
        ends.shell("echo do-g > target/d/g; echo drift > target/same")
        let ran = await ends.run()
        #expect(ran.error == nil && ran.problems.isEmpty, "\(ran.problems)")
        #expect(ran.outcome?.counts.conflicts == 4)
        #expect(ends.text("source/a") == "up-a\n" && ends.text("target/a") == "do-a\n")
        #expect(ends.text("target/b") == "equal\n" && ends.text("target/e") == "up-e\n")
        #expect(ends.text("target/c") == "do-c\n" && ends.text("target/d/g") == "do-g\n")
        #expect(ends.text("target/first") == "mine\n" && ends.text("target/same") == "same\n")
        await expectStanding(ends, 4)
        await expectStanding(ends, 4)
    }

    @Test func older_newerWins_andANewerTargetStandsAsAConflictUntilItIsNewerNoMore() async {
        let ends = Self.ends(.older)
        ends.shell("for f in a b c; do echo $f > source/$f; done")
        #expect(await ends.run().error == nil)
        ends.shell("echo up > source/a; echo do > target/a; touch -d @1000000000 target/a")
        ends.shell("echo up > source/b; echo do > target/b; touch -d @1000000000 source/b")
        ends.shell("echo up > source/c; echo do > target/c; touch -d @1000000000 source/c target/c")
        let ran = await ends.run()
        #expect(ran.error == nil && ran.outcome?.counts.conflicts == 2)
        #expect(ends.text("target/a") == "up\n" && ends.text("target/b") == "do\n" && ends.text("target/c") == "do\n")
        await expectStanding(ends, 2)
        ends.shell("echo newer > source/b; touch -d @1000000001 source/c")
        let again = await ends.run()
        #expect(again.error == nil && again.outcome?.counts.conflicts == 0)
        #expect(ends.text("target/b") == "newer\n" && ends.text("target/c") == "up\n")
        await expectStanding(ends, 0)
    }

    @Test func always_afterConflict_settlesWhatStands() async {
        let ends = Self.ends(.conflict)
        ends.shell("for f in a b; do echo $f > source/$f; done")
        #expect(await ends.run().error == nil)
        ends.shell("echo up > source/a; echo do > target/a; rm source/b; echo do > target/b")
        #expect(await ends.run().outcome?.counts.conflicts == 2)
        let ran = await ends.run(policy: SessionPolicy(attic: .session))
        #expect(ran.error == nil && ran.outcome?.counts.conflicts == 0)
        #expect(ends.text("target/a") == "up\n" && ends.text("target/b") == nil)
        ends.shell("cd target/.headwater/*/attic; test $(cat a~*) = do; test $(cat b~*) = do")
        #expect(await ends.run(policy: SessionPolicy(attic: .session)).moved == CycleCounts())
    }

    @Test func resolve_everySide() async {
        let ends = Self.ends(.conflict)
        ends.shell("for f in u d b n gone stay; do echo old > source/$f; done")
        #expect(await ends.run().error == nil)
        ends.shell("for f in u d b n; do echo up > source/$f; done; rm source/gone source/stay")
        ends.shell("for f in u d b n gone stay; do echo down > target/$f; done; touch -d @2000000000 target/n")
        #expect(await ends.run().outcome?.counts.conflicts == 6)
        let ran = await ends.run(decided: [
            "u": .upstream, "d": .downstream, "b": .both, "n": .newer, "gone": .upstream, "stay": .downstream,
        ])
        #expect(ran.error == nil && ran.problems.isEmpty && ran.outcome?.counts.conflicts == 0)
        #expect(ends.text("target/u") == "up\n" && ends.text("target/d") == "down\n" && ends.text("source/d") == "up\n")
        #expect(ends.text("target/b") == "up\n" && ends.text("target/n") == "down\n")
        #expect(ends.text("target/gone") == nil && ends.text("target/stay") == "down\n")
        ends.shell("test $(cat target/b~b~*) = down; test $(cat target/.headwater/*/attic/u~*) = down")
        ends.shell("test $(cat target/.headwater/*/attic/gone~*) = down; test ! -e source/stay")
        await expectStanding(ends, 0, "what is kept is no drift")
        ends.shell("echo later > target/d")
        await expectStanding(ends, 0, "nor is what becomes of it")
        ends.shell("echo again > source/d; rm source/n")
        #expect(await ends.run().outcome?.counts.conflicts == 2, "the source changed what was kept")
        #expect(ends.text("target/d") == "later\n" && ends.text("target/n") == "down\n")
        await expectStanding(ends, 2)
    }

    /// What was kept is not what the row says: a source that only touches its own must not pass for having brought that.
    @Test func kept_staysSoWhereTheSourceIsOnlyTouched_andEndsWithItsNextContent() async {
        let ends = Self.ends(.conflict)
        ends.shell("echo old > source/x; echo old > source/y")
        #expect(await ends.run().error == nil)
        ends.shell("for f in x y; do echo up > source/$f; echo do > target/$f; done")
        #expect(await ends.run().outcome?.counts.conflicts == 2)
        #expect(await ends.run(decided: ["x": .downstream, "y": .downstream]).outcome?.counts.conflicts == 0)
        ends.shell("touch -d @1500000000 source/x; chmod 600 source/y")
        let touched = await ends.run()
        #expect(touched.error == nil && touched.moved == CycleCounts() && touched.outcome?.counts.conflicts == 0)
        await expectStanding(ends, 0, "touched")
        #expect(ends.text("target/x") == "do\n" && ends.text("target/y") == "do\n")
        ends.shell("echo UP > source/x; echo up > target/y; touch -r source/y target/y; chmod 600 target/y")
        #expect(await ends.run().outcome?.counts.conflicts == 1)
        #expect(ends.text("target/x") == "do\n" && ends.text("target/y") == "up\n")
        await expectStanding(ends, 1)
        ends.shell("echo over > source/y")
        #expect(await ends.run().outcome?.counts.conflicts == 1)
        #expect(ends.text("target/y") == "over\n", "equal again, and so agreed on")
    }

    /// Of content only the target has changed anything: no conflict, but drift.
    @Test(arguments: [SessionPolicy.Drift.repair, .keep]) func sourceOfAnotherModeAlone_leavesItToDrift(
        drift: SessionPolicy.Drift
    ) async {
        let ends = Self.ends(.conflict, drift: drift)
        ends.shell("mkdir source/d; for f in x d/y; do echo old > source/$f; done; echo pad > source/pad")
        #expect(await ends.run().error == nil)
        ends.shell(
            "chmod 600 source/x; touch -d @1500000000 source/d/y; echo mine > target/x; rm target/d/y; mkdir target/d/y"
        )
        let ran = await ends.run()
        #expect(ran.error == nil && ran.outcome?.counts.conflicts == 0 && ran.problems.isEmpty, "\(ran)")
        #expect(ends.text("target/x") == (drift == .repair ? "old\n" : "mine\n"))
        ends.shell(
            drift == .repair ? "cmp source/d/y target/d/y; test $(stat -c %a target/x) = 600" : "test -d target/d/y")
        await expectStanding(ends, 0)
    }

    @Test func conflict_isSettledByHand() async {
        let ends = Self.ends(.conflict)
        ends.shell("for f in equal tdel sdel both tback sback; do echo old > source/$f; done")
        #expect(await ends.run().error == nil)
        ends.shell("for f in equal tdel sdel both tback sback; do echo up > source/$f; echo down > target/$f; done")
        #expect(await ends.run().outcome?.counts.conflicts == 6)
        ends.shell("echo up > target/equal; rm target/tdel source/sdel source/both target/both")
        ends.shell("echo old > target/tback; echo old > source/sback")
        let ran = await ends.run()
        #expect(ran.error == nil && ran.problems.isEmpty && ran.outcome?.counts.conflicts == 0, "\(ran.problems)")
        for path in ["equal", "tdel", "tback"] { #expect(ends.text("target/\(path)") == "up\n", "\(path)") }
        #expect(ends.text("target/sback") == "old\n", "what only the target changed is drift, and repaired")
        #expect(ends.text("target/sdel") == "down\n" && ends.text("target/both") == nil)
        await expectStanding(ends, 0)
    }

    @Test func kinds_conflict_andWhatLiesBelowWaits() async {
        let ends = Self.ends(.conflict)
        ends.shell("mkdir source/d; echo 1 > source/d/a; echo 1 > source/f; echo 1 > source/g")
        #expect(await ends.run().error == nil)
        ends.shell("rm -r target/d; echo file > target/d; echo new > source/d/a")
        ends.shell("rm source/f; mkdir source/f; echo in > source/f/in; echo down > target/f")
        ends.shell("echo up > source/g; rm target/g; mkdir target/g; echo own > target/g/own")
        let kept = await ends.run(policy: SessionPolicy(drift: .keep, overwrite: .conflict))
        #expect(kept.error == nil && kept.problems.isEmpty && kept.outcome?.counts.conflicts == 3, "\(kept.problems)")
        #expect(ends.text("target/d") == "file\n" && ends.text("target/f") == "down\n")
        #expect(ends.text("target/g/own") == "own\n")
        let mirror = SessionPolicy(drift: .keep, mirror: true, overwrite: .conflict)
        let again = await ends.run(policy: mirror)
        #expect(again.error == nil && again.outcome?.counts.conflicts == 3 && again.moved == CycleCounts())
        #expect(ends.text("target/g/own") == "own\n", "a mirror deletes nothing that is in conflict")
        let ran = await ends.run(
            policy: SessionPolicy(drift: .keep, overwrite: .conflict), decided: ["d": .upstream, "f": .upstream])
        #expect(ran.error == nil && ran.outcome?.counts.conflicts == 1, "\(ran.problems)")
        let last = await ends.run(policy: SessionPolicy(drift: .keep, overwrite: .conflict))
        #expect(last.error == nil && last.outcome?.counts.conflicts == 1)
        #expect(ends.text("target/f/in") == "in\n" && ends.text("target/d/a") == "new\n")
    }

    @Test func directoryThatBecameAFile_waitsForTheConflictInIt_withoutBeingSent() async {
        let ends = Self.ends(.conflict)
        ends.shell("mkdir source/d; echo 1 > source/d/a; echo 1 > source/d/b")
        #expect(await ends.run().error == nil)
        ends.shell("rm -r source/d; echo file > source/d; echo down > target/d/a")
        #expect(await ends.run().outcome?.counts.conflicts == 1)
        #expect(ends.text("target/d/a") == "down\n" && ends.text("target/d/b") == nil)
        await expectStanding(ends, 1)
        let ran = await ends.run(decided: ["d/a": .upstream])
        #expect(ran.error == nil)
        #expect(await ends.run().error == nil)
        #expect(ends.text("target/d") == "file\n")
        await expectStanding(ends, 0)
    }

    /// Whichever frame the link is cut behind, both ends come to the same rows.
    @Test func cutBehindAnyFrame_bothEndsAgree() async {
        for count in 4...14 {
            let ends = Self.ends(.conflict)
            ends.shell("for f in a b c; do echo $f > source/$f; done")
            #expect(await ends.run().error == nil)
            ends.shell("for f in a b c; do echo up > source/$f; echo down > target/$f; done; rm source/c")
            _ = await ends.run(between: Self.cut(behind: count))
            let ran = await ends.run()
            #expect(ran.error == nil && ran.outcome?.counts.conflicts == 3, "\(count): \(ran.error?.message ?? "")")
            _ = await ends.run(decided: ["a": .downstream, "b": .upstream], between: Self.cut(behind: count))
            let again = await ends.run(decided: ["a": .downstream, "b": .upstream])
            #expect(again.error == nil && again.outcome?.counts.conflicts == 1, "\(count)")
            #expect(ends.text("target/a") == "down\n" && ends.text("target/b") == "up\n", "\(count)")
            await expectStanding(ends, 1, "\(count)")
        }
    }

    private static func cut(behind count: Int) -> FrameProxy {
        let state = Monitor((frames: 0, proxy: FrameProxy?.none))
        let proxy = FrameProxy { _, frame in
            let isCut = state.read {
                $0.frames += 1
                return $0.frames > count ? $0.proxy : nil
            }
            isCut?.end()
            return isCut == nil ? [frame] : []
        }
        state.update { $0.proxy = proxy }
        return proxy
    }
}
