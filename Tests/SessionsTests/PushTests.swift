import Core
import Foundation
import Sessions
import Testing
import Wire

@Suite struct PushTests {
    private static let awkward = """
        mkdir -p source/d/e/f 'source/with space' source/empty
        echo one > source/d/one; echo two > source/d/e/two; : > source/zero
        head -c 524288 /dev/urandom > source/segment; head -c 524289 /dev/urandom > source/segment+1; head -c 3000000 /dev/urandom > source/large
        printf 'x' > source/$'new\\nline'; printf 'y' > source/$'\\xff\\xfe'
        ln -s nowhere source/dangling; ln -s /etc/passwd source/absolute; ln -s .. source/d/up
        chmod 0400 source/d/one; chmod 0751 source/d/e; touch -d '1965-03-04 05:06:07.123456789' source/zero
        touch -h -d '2001-02-03 04:05:06.000000001' source/dangling
        touch -d '2011-01-01 00:00:00.987654321' source/d/e source/d source/empty
        """

    @Test(arguments: [(Mode.push, true), (.push, false), (.pull, true), (.pull, false)])
    func awkwardTreeStandsAtTheOtherEnd(mode: Mode, opensUpstream: Bool) async {
        let ends = TwoEnds(mode: mode, opensUpstream: opensUpstream)
        ends.shell(Self.awkward)
        let ran = await ends.run()
        #expect(ran.error == nil)
        #expect(ran.problems.isEmpty)
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
        #expect(ran.outcome?.counts.files == 8)
        #expect(ran.outcome?.counts.directories == 5)
        #expect(ran.outcome?.counts.symlinks == 3)
    }

    @Test func secondCycleTransfersAndWritesNothing() async {
        let ends = TwoEnds()
        ends.shell(Self.awkward)
        _ = await ends.run()
        let (rows, trees) = (ends.rows, ends.listing(ends.target))
        let again = await ends.run()
        #expect(again.error == nil)
        #expect(again.outcome?.counts == CycleCounts())
        #expect(ends.rows == rows)
        #expect(ends.listing(ends.target) == trees)
    }

    @Test func onlyWhatChangedTravels() async {
        let ends = TwoEnds()
        ends.shell(Self.awkward)
        _ = await ends.run()
        ends.shell(
            """
            echo changed > source/d/e/two; rm -r source/empty; rm source/dangling; mkdir source/dangling; echo z > source/dangling/z
            rm -r source/d/e/f; echo file > source/d/e/f; echo new > source/new; chmod 600 source/zero
            """)
        let ran = await ends.run()
        #expect(ran.error == nil)
        #expect(ran.problems.isEmpty)
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
        #expect(ran.outcome?.counts.files == 5)
        #expect(ran.outcome?.counts.deleted == 1)
    }

    @Test func equalFilesAreAdoptedInAFirstCycle() async {
        let ends = TwoEnds()
        ends.shell(Self.awkward + "\ncp -a source/. target/; echo other > target/beside; echo longer > target/zero")
        let ran = await ends.run()
        #expect(ran.error == nil)
        #expect(ran.outcome?.counts.files == 1)
        #expect(ran.outcome?.counts.bytesPayload == 0)
        ends.shell("cmp source/large target/large; grep -q other target/beside; test ! -s target/zero")
    }

    @Test func touchedFilesAreComparedByContent() async {
        let ends = TwoEnds()
        ends.shell(Self.awkward)
        _ = await ends.run()
        ends.shell("touch source/large source/d/one; cat target/d/e/two > keep; cp keep target/d/e/two")
        let ran = await ends.run()
        #expect(ran.error == nil)
        #expect(ran.outcome?.counts.bytesPayload == 0)
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
    }

    @Test func driftIsRepaired() async {
        let ends = TwoEnds()
        ends.shell(Self.awkward)
        _ = await ends.run()
        ends.shell(
            "echo drift > target/d/one; rm -r target/d/e; chmod 777 target/zero; echo mine > target/beside; rm target/absolute; mkdir target/absolute"
        )
        let ran = await ends.run()
        #expect(ran.error == nil)
        ends.shell("grep -q mine target/beside; rm target/beside")
        ends.shell("touch -d @$(stat -c %.9Y source) target")
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
        let again = await ends.run()
        #expect(again.outcome?.counts == CycleCounts())
    }

    @Test func deletedDirectoryStaysWithWhatIsNotSynced() async {
        let ends = TwoEnds()
        ends.shell(Self.awkward)
        _ = await ends.run()
        ends.shell("echo mine > target/d/e/mine; rm -r source/d")
        let ran = await ends.run()
        #expect(ran.error == nil)
        ends.shell("grep -q mine target/d/e/mine; test $(find target/d -mindepth 1 | wc -l) = 2")
    }

    /// A file cannot take the place of a directory that holds what is not ours to delete: a problem, and no row of it at either end.
    @Test(arguments: ["echo new > source/p", "ln -s x source/p"])
    func directoryWithEntriesOfItsOwn_isNotReplaced(_ make: String) async {
        let ends = TwoEnds()
        ends.shell("mkdir -p target/p; echo mine > target/p/mine; echo q > source/q; \(make)")
        for _ in 0..<3 {
            let ran = await ends.run()
            #expect(ran.error == nil)
            #expect(ran.problems.map(\.code) == ["path.not-empty"])
            #expect(ran.outcome?.counts.problems == 1)
            ends.shell("grep -q mine target/p/mine; cmp source/q target/q")
        }
        ends.shell("rm -r target/p")
        let ran = await ends.run()
        #expect(ran.problems.isEmpty)
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
    }

    @Test(arguments: [
        "rm -r target/d", "rm -r target/d; echo file > target/d", "rm -r target/d; ln -s /tmp target/d",
        "rm -r target/d/e; echo x > target/d/e",
    ])
    func lostDirectory_isPutBackBeforeChangesBelowIt(_ drift: String) async {
        for change in [
            "echo modified > source/d/e/f", "rm source/d/e/f", "chmod 600 source/d/e/f", "mv source/d/e/f source/d/e/z",
            "rm -r source/d/e",
            "rm -r source/d; echo now > source/d", "echo new > source/d/e/n; touch source/d/e",
        ] {
            let ends = TwoEnds()
            ends.shell("mkdir -p source/d/e; echo f > source/d/e/f; echo g > source/d/g; echo h > source/h")
            _ = await ends.run()
            ends.shell(drift + "; " + change)
            let ran = await ends.run()
            #expect(ran.error == nil, "\(change)")
            #expect(ran.problems.isEmpty, "\(change): \(ran.problems)")
            #expect(ends.listing(ends.source) == ends.listing(ends.target), "\(change)")
            let (rows, again) = (ends.rows, await ends.run())
            #expect(again.outcome?.counts == CycleCounts(), "\(change)")
            #expect(ends.rows == rows, "\(change)")
        }
    }

    /// More lost directories than may be undecided at once.
    @Test func manyLostDirectories_arePutBack() async {
        let ends = TwoEnds()
        ends.shell("mkdir source/keep; mkdir -p source/d; cd source/d; seq 20000 | xargs mkdir; cd ../..")
        _ = await ends.run()
        ends.shell("rm -r target/d; echo f > source/d/19999/f; touch source/keep/k")
        let ran = await ends.run()
        #expect(ran.error == nil)
        #expect(ran.problems.isEmpty)
        ends.shell("test -e target/d/19999/f; test $(find target/d -mindepth 1 -type d | wc -l) = 20000")
    }

    /// Large files between small ones fill the window before the small ones' pack is decided.
    @Test func smallAndLargeFiles_interleaved_doNotWaitForEachOther() async {
        let ends = TwoEnds()
        ends.shell(
            """
            cd source; echo a > a; for i in 1 2 3 4 5 6; do head -c 5000000 /dev/zero > b$i; echo $i > b$i.txt; done; echo z > z
            for i in $(seq 300); do echo $i > c$i; if [ $((i % 40)) = 0 ]; then head -c 4500000 /dev/zero > c$i.large; fi; done
            """)
        let ran = await ends.run()
        #expect(ran.error == nil)
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
    }

    @Test func manyDriftedDirectories_areAskedAboutBeforeWhatIsInThem() async {
        let ends = TwoEnds()
        ends.shell(
            "echo k > source/keep; for d in $(seq 40); do mkdir source/d$d; (cd source/d$d; seq 400 | xargs touch); done"
        )
        _ = await ends.run()
        ends.shell("rm -r target/d*")
        let ran = await ends.run()
        #expect(ran.error == nil)
        #expect(ran.problems.isEmpty)
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
    }

    /// A row below what became a file at both ends goes without a fuss.
    @Test func rowsBelowWhatBecameAFileOnBothSides_areForgotten() async {
        let ends = TwoEnds()
        ends.shell("mkdir source/d; echo a > source/d/a; echo k > source/k")
        _ = await ends.run()
        ends.shell("for t in source target; do rm -r $t/d; echo same > $t/d; touch -d @1700000000 $t/d; done")
        let ran = await ends.run()
        #expect(ran.error == nil)
        #expect(ran.problems.isEmpty)
        #expect(ran.outcome?.counts.deleted == 0)
        let again = await ends.run()
        #expect(again.outcome?.counts == CycleCounts())
    }

    @Test func markOfTheTarget_isNeitherReplacedNorDeleted() async {
        let ends = TwoEnds()
        ends.shell("echo mine > target/.mounted; echo theirs > source/.mounted; echo f > source/f")
        #expect(await ends.run(mount: ".mounted").error == nil)
        ends.shell("grep -q mine target/.mounted; rm source/.mounted")
        #expect(await ends.run(mount: ".mounted").error == nil)
        ends.shell("grep -q mine target/.mounted; cmp source/f target/f")
    }
}
