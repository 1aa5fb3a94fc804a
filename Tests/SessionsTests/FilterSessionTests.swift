import Core
import Platform
import Sessions
import Testing
import Wire

/// Both ends see their tree through the filter: what it excludes is neither created, changed, deleted nor a problem.
@Suite struct FilterSessionTests {
    @Test(arguments: [true, false])
    func excluded_staysAtItsEnd(opensUpstream: Bool) async {
        let ends = TwoEnds(opensUpstream: opensUpstream)
        ends.shell(
            """
            mkdir -p source/d/cache source/cache target/d; mkfifo source/p source/p.o
            echo 1 > source/k; echo 2 > source/k.o; echo 3 > source/d/l; echo 4 > source/d/cache/m; echo 5 > source/cache/n
            echo own > target/k.o; echo own > target/d/own.o
            """)
        let filter = ["- *.o", "- cache/"]
        let ran = await ends.run(filter: filter)
        #expect(ran.error == nil && ran.problems.isEmpty)
        #expect(ran.outcome?.counts.files == 2 && ran.outcome?.counts.untracked == 1)
        ends.shell("test \"$(cat target/k.o target/d/own.o)\" = \"$(echo own; echo own)\"")
        ends.shell("test ! -e target/cache; test ! -e target/d/cache; cmp source/k target/k; cmp source/d/l target/d/l")
        // Neither a change there nor a deletion here concerns it.
        ends.shell("echo other > target/k.o; rm source/k.o source/d/cache/m; rmdir source/d/cache")
        let rows = ends.rows
        let again = await ends.run(filter: filter)
        #expect(again.error == nil && again.outcome?.counts.hasMoved == false)
        // The directory's time has changed, no more.
        ends.shell("test \"$(cat target/k.o)\" = other")
        _ = await ends.run(filter: filter)
        #expect(rows.1.contains("INSERT INTO entries"))
    }

    @Test func directoryDeletedAtTheSource_staysWithWhatIsExcludedInIt() async {
        let ends = TwoEnds()
        ends.shell("mkdir -p source/d/e; echo 1 > source/d/a; echo 2 > source/d/e/b; echo k > source/k")
        let filter = ["- *.o", "- cache/"]
        #expect(await ends.run(filter: filter).error == nil)
        ends.shell("mkdir target/d/e/cache; echo o > target/d/e/cache/x; echo o > target/d/y.o; rm -r source/d")
        let ran = await ends.run(filter: filter)
        #expect(ran.error == nil && ran.problems.isEmpty)
        ends.shell("test \"$(cd target; find d | sort | tr '\\n' ' ')\" = 'd d/e d/e/cache d/e/cache/x d/y.o '")
        let again = await ends.run(filter: filter)
        #expect(again.error == nil && again.outcome?.counts.hasMoved == false && again.problems.isEmpty)
    }

    @Test func excludedLater_staysAtBothEnds_andIncludedAgain_isAdopted() async {
        let ends = TwoEnds()
        ends.shell(
            "mkdir -p source/old/deep; for i in $(seq 150); do echo $i > source/old/deep/$i; done; echo k > source/k")
        #expect(await ends.run().error == nil)
        let before = (ends.listing(ends.source), ends.listing(ends.target))

        let excluded = await ends.run(maxDelete: .count(0), filter: ["- /old/"])
        #expect(excluded.error == nil && excluded.outcome?.counts.hasMoved == false)
        #expect((ends.listing(ends.source), ends.listing(ends.target)) == before)
        #expect(!agreed(ends.rows.0).contains("old") && !agreed(ends.rows.1).contains("old"))
        #expect(agreed(ends.rows.0) == agreed(ends.rows.1))

        // Each copy is its end's own now.
        ends.shell("rm source/old/deep/1; echo changed > target/old/deep/2; echo new > source/k")
        #expect(await ends.run(filter: ["- /old/"]).outcome?.counts.files == 1)
        ends.shell("test -e target/old/deep/1; test \"$(cat target/old/deep/2)\" = changed; cmp source/k target/k")
        let rows = ends.rows
        #expect(await ends.run(filter: ["- /old/"]).outcome?.counts.hasMoved == false)
        #expect(ends.rows == rows)

        let included = await ends.run(maxDelete: .count(0))
        #expect(included.error == nil && included.outcome?.counts.files == 1)
        ends.shell("cmp source/old/deep/2 target/old/deep/2; test -e target/old/deep/1; test ! -e source/old/deep/1")
        #expect(await ends.run().outcome?.counts.hasMoved == false)
    }

    /// The agreed rows of a dump, without local halves and numbers: path, kind, mode, size, time.
    private func agreed(_ dump: String) -> [String] {
        let rows = dump.split(separator: "\n").filter { $0.hasPrefix("INSERT INTO entries") }
        let all: [[Substring]] = rows.map { $0.dropFirst("INSERT INTO entries VALUES(".count).split(separator: ",") }
        return all.filter { $0[9] == "1" }.map { (fields: [Substring]) -> String in
            let path = fields[0].dropFirst(2).dropLast()
            var name = ""
            var digits = path[...]
            while digits.count >= 2 {
                let byte = UInt8(digits.prefix(2), radix: 16)!
                name.unicodeScalars.append(Unicode.Scalar(byte == 0 ? UInt8(ascii: "/") : byte))
                digits = digits.dropFirst(2)
            }
            return name + " " + fields[1...7].joined(separator: ",")
        }.sorted()
    }

    enum Next: String, CaseIterable, Sendable {
        case same, former, other

        var filter: [String] {
            switch self {
            case .same: ["- *.o"]
            case .former: []
            case .other: ["- /d/"]
            }
        }
    }

    /// Cut off behind each frame of the hello and what follows it, then run with this filter, the former or a third one: never a refusal.
    @Test(arguments: Next.allCases, [true, false])
    func cutWhileTheFilterChanges_goesOn(_ next: Next, opensUpstream: Bool) async {
        for cut in 1..<6 {
            let ends = TwoEnds(opensUpstream: opensUpstream)
            ends.shell("mkdir -p source/d; for i in 1 2 3; do echo $i > source/d/$i; echo $i > source/d/$i.o; done")
            ends.shell("echo k > source/k; echo k > source/k.o")
            #expect(await ends.run().error == nil)
            // Something to catch up with as well.
            ends.shell("echo changed > source/d/1.o; echo new > source/n.o; rm source/k.o")
            let passed = Monitor(0)
            _ = await ends.run(between: cutting { _, kind in kind == .committed })
            ends.shell("echo 9 > source/n2")
            let proxy = cutting { _, _ in
                passed.update {
                    $0 += 1
                    return $0 > cut
                }
            }
            _ = await ends.run(filter: ["- *.o"], between: proxy)

            let ran = await ends.run(maxDelete: .count(1), filter: next.filter)
            #expect(ran.error == nil, "cut \(cut): \(ran.error?.description ?? "")")
            ends.shell("test -e target/d/2.o; test -e source/d/2.o; test -e target/d/2")
            #expect(agreed(ends.rows.0) == agreed(ends.rows.1))
            let again = await ends.run(filter: next.filter)
            #expect(again.error == nil && again.outcome?.counts.hasMoved == false, "cut \(cut)")
            let all = await ends.run()
            #expect(all.error == nil && all.problems.isEmpty)
            // What only the target has by now was excluded when the source deleted it.
            ends.shell("rm -f target/k.o source/k.o; touch -r source target")
            #expect(ends.listing(ends.source) == ends.listing(ends.target), "cut \(cut)")
        }
    }

    /// A proxy that ends both links instead of passing on the first frame of which `isLast` says so.
    private func cutting(_ isLast: @escaping @Sendable (FrameProxy.Way, Frame.Kind) -> Bool) -> FrameProxy {
        let proxy = Monitor<FrameProxy?>(nil)
        proxy.update {
            $0 = FrameProxy { way, frame in
                if frame.kind == .ping || !isLast(way, frame.kind) { return [frame] }
                proxy.read { $0 }?.end()
                return []
            }
        }
        return proxy.read { $0 }!
    }

    /// Excluded as a directory, included as a file: where the two ends differ, neither is touched.
    @Test(arguments: [true, false])
    func pathThatIsExcludedAtOneEndOnly_isAProblem(atTheSource: Bool) async {
        let ends = TwoEnds()
        ends.shell("echo p > source/p; echo k > source/k")
        let filter = ["- p/"]
        #expect(await ends.run(filter: filter).error == nil)
        let tree = atTheSource ? "source" : "target"
        ends.shell("rm \(tree)/p; mkdir \(tree)/p; echo x > \(tree)/p/x; echo changed > source/k")
        if !atTheSource { ends.shell("echo changed > source/p") }
        for _ in 0..<2 {
            let ran = await ends.run(filter: filter)
            #expect(ran.error == nil)
            #expect(Set(ran.problems.map(\.code)) == [atTheSource ? "path.replaced-by-unsynced" : "path.blocked"])
            ends.shell("test \"$(cat \(tree)/p/x)\" = x; cmp source/k target/k")
            ends.shell(atTheSource ? "test \"$(cat target/p)\" = p" : "test \"$(cat source/p)\" = changed")
        }
        ends.shell("rm -r \(tree)/p; echo back > source/p")
        #expect(await ends.run(filter: filter).problems.isEmpty)
        ends.shell("cmp source/p target/p")
    }

    /// The source says nothing of what it excludes, asked or not.
    @Test func driftOfAPathThatTheSourceNowExcludes_isLeftAlone() async {
        let ends = TwoEnds()
        ends.shell("echo p > source/p; echo k > source/k")
        #expect(await ends.run(filter: ["- p/"]).error == nil)
        ends.shell("rm source/p; mkdir source/p; echo x > source/p/x; echo drifted > target/p; echo drifted > target/k")
        let ran = await ends.run(filter: ["- p/"])
        #expect(ran.error == nil && ran.problems.map(\.code) == ["path.replaced-by-unsynced"], "\(ran)")
        ends.shell("test \"$(cat target/p)\" = drifted; cmp source/k target/k")
    }

    @Test func fileInThePlaceOfADirectoryThatHoldsWhatIsExcluded_isAProblem() async {
        let ends = TwoEnds()
        ends.shell("mkdir source/d; echo 1 > source/d/a; echo k > source/k")
        #expect(await ends.run(filter: ["- *.o"]).error == nil)
        ends.shell("echo o > target/d/x.o; rm -r source/d; echo file > source/d")
        for _ in 0..<2 {
            let ran = await ends.run(filter: ["- *.o"])
            #expect(ran.error == nil && ran.problems.map(\.code) == ["path.not-empty"], "\(ran)")
            ends.shell("test \"$(cat target/d/x.o)\" = o; test ! -e target/d/a")
        }
        ends.shell("rm target/d/x.o")
        #expect(await ends.run(filter: ["- *.o"]).problems.isEmpty)
        ends.shell("cmp source/d target/d")
    }

    @Test func mostRulesThatASessionMayHave_goIntoItsHello() async {
        let ends = TwoEnds()
        ends.shell("echo k > source/k; echo k > source/last")
        let long = (0..<159).map { "- \($0)" + String(repeating: "x", count: FilterRule.patternBytesMax - 3) }
        let ran = await ends.run(filter: long + ["- last"])
        #expect(ran.error == nil && ran.outcome?.counts.files == 1)
        let many = (0..<FilterRule.countMax - 1).map { "- name\($0)" }
        #expect(await ends.run(filter: many + ["- last"]).error == nil)
        ends.shell("test -e target/k; test ! -e target/last")
    }

    @Test(arguments: [true, false])
    func otherFileSystem_overWhatIsExcluded_isNoProblem(atTheSource: Bool) async {
        if !AsAnother.isRoot { return }
        let ends = TwoEnds(opensUpstream: !atTheSource)
        ends.shell("mkdir -p source/m source/n/m target/m target/n/m; echo k > source/k")
        let tree = atTheSource ? ends.source : ends.target
        let mounting: @Sendable () -> Void = {
            AsAnother.mount(over: tree + "/m")
            AsAnother.mount(over: tree + "/n/m")
        }
        #expect(await ends.run(filter: ["- m/"], asTarget: mounting).problems.isEmpty)
        #expect(await ends.run(filter: ["- /m/", "- /n/"], asTarget: mounting).problems.isEmpty)
        #expect(await ends.run(asTarget: mounting).problems.count == 2)
    }

    @Test func rootEmptiedOfAllButWhatIsExcluded_halts() async {
        let ends = TwoEnds()
        ends.shell("mkdir source/lost+found; echo a > source/a; echo b > source/b; echo c > source/lost+found/c")
        let filter = ["- lost+found/"]
        #expect(await ends.run(filter: filter).error == nil)
        let before = ends.listing(ends.target)
        ends.shell("rm source/a source/b")
        #expect(await ends.run(filter: filter).error?.code == "halt.emptied")
        #expect(ends.listing(ends.target) == before)
        ends.shell("echo a > source/a")
        #expect(await ends.run(filter: filter).error == nil)
    }

    @Test func everythingExcluded_isNoEmptiedRoot() async {
        let ends = TwoEnds()
        ends.shell("echo a > source/a; echo b > source/b")
        #expect(await ends.run().error == nil)
        let ran = await ends.run(filter: ["- *"])
        #expect(ran.error == nil && ran.outcome?.counts.hasMoved == false)
        ends.shell("rm source/a source/b")
        #expect(await ends.run(filter: ["- *"]).error == nil)
        ends.shell("test -e target/a; test -e target/b")
    }

    /// The target does not rely on the source for what it must not touch.
    @Test func sourceThatAnnouncesWhatIsExcluded_isRefused() async {
        let ends = TwoEnds()
        ends.shell("echo a > source/a.o; echo own > target/a.o")
        let proxy = FrameProxy { _, frame in
            guard frame.kind == .hello, var hello = try? Hello(decoding: frame.payload) else { return [frame] }
            hello.request.filter = [FilterRule(isIncluded: false, pattern: Array("*.o".utf8))]
            return [Frame(.hello, hello.encoded())]
        }
        let ran = await ends.run(between: proxy)
        #expect(ran.error?.code == "peer.protocol")
        #expect(ran.error?.message.contains("a.o") == true, "\(ran.error?.description ?? "")")
        ends.shell("test \"$(cat target/a.o)\" = own")
    }

    @Test func ruleThatIsNone_isRefusedBeforeAnythingIsTouched() async {
        let ends = TwoEnds()
        ends.shell("echo a > source/a")
        let proxy = FrameProxy { _, frame in
            guard frame.kind == .hello, var hello = try? Hello(decoding: frame.payload) else { return [frame] }
            hello.request.filter = [FilterRule(isIncluded: false, pattern: Array("[".utf8))]
            return [Frame(.hello, hello.encoded())]
        }
        #expect(await ends.run(between: proxy).error?.code == "peer.protocol")
        ends.shell("test ! -e target/.headwater; test ! -e target/a")
    }
}
