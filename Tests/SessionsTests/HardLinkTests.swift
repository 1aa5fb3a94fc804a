import Core
import Foundation
import Sessions
import TestSupport
import Testing

/// `preserve: hardlinks` between two trees: names of one file stay names of one file; each case ends with a run that does nothing.
@Suite struct HardLinkTests {
    private func ends(
        _ mode: Mode = .push, _ policy: SessionPolicy = SessionPolicy(preserve: [.mode, .times, .hardlinks])
    )
        -> TwoEnds
    {
        TwoEnds(mode: mode, policy: policy)
    }

    /// The groups of names in a tree, each a line.
    private func groups(_ ends: TwoEnds, _ tree: String) -> String {
        ends.shell(
            """
            (cd \(tree); find . -path ./.headwater -prune -o -type f -printf '%i %p\\n' | sort -k2 \
                | awk '{ g[$1] = g[$1] " " $2 } END { for (i in g) print g[i] }' | sort) > groups
            """)
        return ends.text("groups") ?? ""
    }

    private func expectSame(_ ends: TwoEnds, _ at: SourceLocation = #_sourceLocation) {
        let (source, target) = (groups(ends, "source"), groups(ends, "target"))
        #expect(source == target, sourceLocation: at)
        ends.shell("diff -r -x .headwater source target > difference 2>&1 || :")
        #expect(ends.text("difference") == "", sourceLocation: at)
    }

    private func expectNothingFurther(_ ends: TwoEnds, _ at: SourceLocation = #_sourceLocation) async {
        // What was written a moment ago is looked at once more.
        var rows = ends.rows
        for _ in 0..<4 {
            let again = await ends.run()
            #expect(again.error == nil && again.problems.isEmpty && again.moved == CycleCounts(), sourceLocation: at)
            if ends.rows == rows { break }
            rows = ends.rows
        }
        let again = await ends.run()
        #expect(again.error == nil && again.moved == CycleCounts(), sourceLocation: at)
        let isAsBefore = ends.rows == rows
        #expect(isAsBefore, sourceLocation: at)
        expectSame(ends, at)
    }

    private static let tree = """
        mkdir -p source/d/e source/z; echo one > source/d/a; ln source/d/a source/d/e/b; ln source/d/a source/z/c
        head -c 5000000 /dev/urandom > source/huge; ln source/huge source/d/huge2; echo alone > source/single
        """

    @Test(arguments: [Mode.push, .pull])
    func names_areNamesOfOneFile_andContentIsSentOnce(mode: Mode) async {
        let ends = ends(mode)
        ends.shell(Self.tree)
        let first = await ends.run()
        #expect(first.problems.isEmpty && first.error == nil)
        #expect(first.outcome?.counts.bytesPayload == 5_000_000 + 4 + 6 && first.outcome?.counts.files == 6)
        await expectNothingFurther(ends)
    }

    @Test func namesMadeLater_brokenOff_deleted_andWrittenThrough_follow() async {
        let ends = ends()
        ends.shell(Self.tree)
        #expect(await ends.run().problems.isEmpty)
        await expectNothingFurther(ends)
        // Later: before and behind all others, and of a file that had one name.
        ends.shell("ln source/d/a source/0; ln source/d/a source/zz; ln source/single source/z/s")
        let later = await ends.run()
        #expect(later.problems.isEmpty && later.outcome?.counts.bytesPayload == 0)
        await expectNothingFurther(ends)
        // Written through: one content, however many names.
        ends.shell("echo longer >> source/z/c")
        let written = await ends.run()
        #expect(written.problems.isEmpty && written.outcome?.counts.bytesPayload == 11)
        await expectNothingFurther(ends)
        // One name gets a file of its own: with other content, with the same.
        ends.shell("echo x > n; mv n source/d/e/b; cp -p source/z/c n; mv n source/z/c")
        #expect(await ends.run().problems.isEmpty)
        await expectNothingFurther(ends)
        // The one that stands for all goes; so does another one.
        ends.shell("rm source/d/a source/d/huge2")
        let removed = await ends.run()
        #expect(removed.problems.isEmpty && removed.outcome?.counts.bytesPayload == 0)
        await expectNothingFurther(ends)
        // All but the content: of all names at once.
        ends.shell("chmod 600 source/0; touch -d 2001-01-01 source/zz")
        let mode = await ends.run()
        #expect(mode.problems.isEmpty && mode.outcome?.counts.bytesPayload == 0)
        await expectNothingFurther(ends)
    }

    @Test func renamedAndMovedNames_followWithoutContent() async {
        let ends = ends()
        ends.shell(Self.tree)
        #expect(await ends.run().problems.isEmpty)
        await expectNothingFurther(ends)
        ends.shell("mv source/d/huge2 source/z/moved; mv source/d/e source/d/f")
        let moved = await ends.run()
        #expect(moved.problems.isEmpty && moved.outcome?.counts.bytesPayload == 0)
        await expectNothingFurther(ends)
        ends.shell("mv source/d source/y")
        let directory = await ends.run()
        #expect(directory.problems.isEmpty && directory.outcome?.counts.bytesPayload == 0)
        await expectNothingFurther(ends)
    }

    @Test func drift_isRepaired() async {
        let ends = ends()
        ends.shell(Self.tree)
        #expect(await ends.run().problems.isEmpty)
        await expectNothingFurther(ends)
        // Broken off, linked to a stranger, changed under all names, linked where they are two.
        ends.shell(
            """
            cp -p target/d/a n; mv n target/d/e/b; echo mine > target/own; ln -f target/own target/z/c
            echo drift >> target/huge; ln -f target/d/a target/single
            """)
        #expect(await ends.run().problems.isEmpty)
        ends.shell("rm target/own")
        await expectNothingFurther(ends)
    }

    @Test func equalFilesOfAFirstCycle_becomeOne_andOneBecomesTwo() async {
        let ends = ends()
        ends.shell(
            Self.tree + "; cp -a source/. target/; cp -p target/d/a n; mv n target/z/c; ln -f target/huge target/two")
        ends.shell("cp -p source/huge source/two; cp -p target/huge n; ln -f n target/two; ln -f n target/huge; rm n")
        let first = await ends.run()
        #expect(first.problems.isEmpty && first.error == nil)
        await expectNothingFurther(ends)
    }

    @Test func keyTakenInLater_linksWhatIsThere_andLeftOutBreaksNothing() async {
        let ends = ends(.push, SessionPolicy(preserve: [.mode, .times]))
        ends.shell(Self.tree)
        #expect(await ends.run().problems.isEmpty)
        let links = SessionPolicy(preserve: [.mode, .times, .hardlinks])
        let ran = await ends.run(policy: links)
        #expect(ran.problems.isEmpty && ran.outcome?.counts.bytesPayload == 0)
        expectSame(ends)
        _ = await ends.run(policy: links)
        #expect(await ends.run(policy: links).moved == CycleCounts())
        #expect(await ends.run().moved == CycleCounts())
        expectSame(ends)
    }

    @Test func filteredNames_takeNoPart_andADirectoryGivesWay() async {
        let ends = ends()
        ends.shell(Self.tree + "; mkdir target/z target/z/c; echo 1 > target/d; rm target/d")
        ends.shell("mkdir source/w; ln source/single source/w/hidden.tmp")
        let first = await ends.run(filter: ["- *.tmp"])
        #expect(first.problems.isEmpty)
        #expect(groups(ends, "target").contains("single\n"))
        ends.shell("ls target/w > left")
        #expect(ends.text("left") == "")
    }
}
