import Core
import Foundation
import Testing

/// `symlinks: follow` and `skip`. Guards invariants 5 and 7: what cannot be followed deletes nothing, and nothing from outside the root
/// is ever read.
@Suite(.timeLimit(.minutes(20))) struct SymlinkTests {
    private func expectNothingFurther(_ ends: TwoEnds, _ codes: [String] = []) async {
        let (rows, tree) = (ends.rows, ends.listing(ends.target))
        let next = await ends.run()
        #expect(next.error == nil && next.moved == CycleCounts() && next.problems.map(\.code).sorted() == codes)
        #expect(ends.rows == rows && ends.listing(ends.target) == tree)
    }

    @Test func follow_putsWhatALinkLeadsTo_inItsPlace() async {
        let ends = TwoEnds(policy: SessionPolicy(symlinks: .follow))
        ends.shell("mkdir -p source/d/e out; echo one > source/f; echo two > source/d/e/g; chmod 640 source/f")
        ends.shell("cd source; ln -s f l; ln -s ../f d/up; ln -s d dl; ln -s dl/e/g far; ln -s $PWD/f abs; ln -s l ll")
        ends.shell("ln -s nowhere target/l; ln -s out target/dl; echo 9 > out/e")
        let ran = await ends.run()
        #expect(ran.error == nil && ran.problems.isEmpty, "\(ran.error?.message ?? "") \(ran.problems)")
        ends.shell("rm -rf copy; cp -aL source copy; rm -rf copy/.headwater")
        ends.shell(
            "test -z \"$(find target -type l)\"; diff -r --exclude .headwater source target; test $(cat out/e) = 9")
        ends.shell(
            "for f in l d/up dl/e/g far abs ll dl/up; do test source/$f -ot target/$f -o source/$f -nt target/$f && exit 1; done; :"
        )
        ends.shell("test $(stat -c %a target/l) = 640")
        await expectNothingFurther(ends)
        ends.shell("echo changed > source/f; ln -sfn d/e source/dl; ln -sfn dl/g source/far; echo new > source/d/e/new")
        #expect(await ends.run().error == nil)
        ends.shell("diff -r --exclude .headwater source target; test -e target/dl/new; test ! -e target/dl/e")
        await expectNothingFurther(ends)
        ends.shell("rm source/dl source/l source/far source/ll")
        #expect(await ends.run().error == nil)
        ends.shell("test ! -e target/dl; test ! -e target/l; test -e target/d/e/g")
        await expectNothingFurther(ends)
    }

    @Test func follow_neverLeavesTheRoot_norGoesRound_andDeletesNothing() async {
        let ends = TwoEnds(policy: SessionPolicy(symlinks: .follow))
        ends.shell(
            "mkdir -p source/a/b out/in; echo secret > out/in/s; for p in o1 o2 o3 loop self none; do echo kept > source/$p; done"
        )
        ends.shell("echo x > source/a/b/x; mkdir source/od; echo below > source/od/f")
        #expect(await ends.run().error == nil)
        ends.shell(
            "cd source; rm -r o1 o2 o3 loop self none od; ln -s ../out/in/s o1; ln -s $PWD/../out/in/s o2; ln -s /etc/passwd o3"
        )
        ends.shell(
            "cd source; ln -s .. a/b/loop; ln -s a/b/loop loop; ln -s self self; ln -s gone none; ln -s ../out/in od")
        let ran = await ends.run()
        #expect(ran.error == nil)
        let codes =
            ["path.link-dangling"] + Array(repeating: "path.link-loop", count: 3)
            + Array(repeating: "path.link-outside", count: 4)
        #expect(ran.problems.map(\.code).sorted() == codes.sorted())
        ends.shell(
            "! grep -rqs secret target; test $(cat target/od/f) = below; for p in o1 o2 o3 none; do test $(cat target/$p) = kept; done"
        )
        ends.shell("test $(find target -name .headwater -prune -o -type f -print | wc -l) = 8")
        await expectNothingFurther(ends, codes.sorted())
    }

    @Test func skip_countsSymlinks_andTouchesNone() async {
        let ends = TwoEnds(policy: SessionPolicy(symlinks: .skip))
        ends.shell(
            "echo 1 > source/f; ln -s f source/l; ln -s here target/own; echo 2 > source/taken; ln -s x target/taken")
        let ran = await ends.run()
        #expect(ran.error == nil && ran.problems.map(\.code) == ["path.blocked"])
        #expect(ran.outcome?.counts.untracked == 1)
        ends.shell("test ! -L target/l; test $(readlink target/own) = here; test $(readlink target/taken) = x")
        await expectNothingFurther(ends, ["path.blocked"])
    }

    /// As a change of the filter: what was synced stays where it is, at both ends.
    @Test func skip_later_leavesWhatWasSynced() async {
        let ends = TwoEnds()
        ends.shell("echo 1 > source/f; ln -s f source/l; ln -s f source/m")
        #expect(await ends.run().error == nil)
        let skip = SessionPolicy(symlinks: .skip)
        #expect(await ends.run(policy: skip).error == nil)
        ends.shell("rm source/l")
        let ran = await ends.run(policy: skip)
        #expect(ran.error == nil && ran.moved == CycleCounts())
        ends.shell("test -L target/l; test -L target/m")
        let back = await ends.run()
        #expect(back.error == nil && back.moved.deleted == 0)
        ends.shell("test -L target/l; test $(readlink target/m) = f")
    }
}
