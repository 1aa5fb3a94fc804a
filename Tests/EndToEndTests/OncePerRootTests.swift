import Foundation
import TestSupport
import Testing

/// However many edges start at a tree, it is listed once and each of its files is read once.
@Suite("Once per root", .slots, .timeLimit(.minutes(20)))
struct OncePerRootTests {
    /// What another pace of sixteen targets may cost: a handful of calls, never one per file and target.
    private static let callsSlack = 16

    @Test func firstPushAndChanges_costTheSourceTheSameForOneFourAndSixteenTargets() async throws {
        let worlds = try [1, 4, 16].map { targets in
            let world = try World(targets: targets, servers: min(targets, 2))
            try makeTree(world.source, files: 300)
            for index in 0..<2 { try big(3_000_000, world.source + "/d\(index)/big") }
            return (world, targets)
        }
        let first = try await tracedRuns(worlds)
        for (world, _) in worlds {
            for index in 0..<50 { try write("changed \(index)", world.source + "/d\(index % 4)/file\(index)") }
        }
        let second = try await tracedRuns(worlds)
        let third = try await tracedRuns(worlds)
        print("a first push, 50 changes, nothing: \(first)\n\(second)\n\(third)")
        for runs in [first, second, third] {
            for run in runs.dropFirst() {
                #expect(run.bytesRead == runs[0].bytesRead, "\(runs)")
                #expect(run.listings == runs[0].listings, "\(runs)")
                #expect(abs(run.opens - runs[0].opens) <= Self.callsSlack, "\(runs)")
                #expect(abs(run.statuses - runs[0].statuses) <= Self.callsSlack, "\(runs)")
            }
        }
        // The figures themselves: all content once, what changed once, and nothing at all.
        let content = 300 * 303 + 2 * 3_000_000
        #expect((content - 300...content + 300).contains(first[0].bytesRead), "\(first)")
        #expect((50 * 9...50 * 10).contains(second[0].bytesRead), "\(second)")
        #expect(third[0].bytesRead == 0, "\(third)")
        // One scan: the top and four directories, each listed to its end.
        #expect(third[0].listings == 5 * 2, "\(third)")
        #expect((302...320).contains(third[0].statuses), "\(third)")
    }

    /// build → mid → end in one run: the tree upstream of the end is the scan of mid with what came from build folded in.
    @Test func tiers_listEachTreeOnce() async throws {
        let world = try World(targets: 0, edges: "  - mid -> end\n  - build -> mid\n", localPeers: ["mid", "end"])
        try makeTree(world.source, files: 60)
        for changed in [60, 12] {
            if changed == 12 {
                for index in 0..<12 { try write("changed \(index)", world.source + "/d\(index % 4)/file\(index)") }
            }
            let traces = TemporaryDirectory("strace")
            try await trace(world, traces, edges: 2)
            let (last, before) = (world.directory("end"), changed == 60 ? 2 : 10)
            #expect(
                try await offPoolThrowing { try TreeListing(world.source).differences(from: TreeListing(last)) } == [])
            for tree in ["mid", "end"] {
                let access = try SourceAccess(traces: traces.path, source: world.directory(tree))
                #expect(access.listings == before, "\(tree): \(access)")
            }
        }
    }

    /// build → t0 → t1, both behind one server: what its processes did with the trees, the scan of t0 serving both of its edges.
    @Test(.enabled(if: geteuid() == 0, "needs root to watch a server's processes"))
    func tiersBehindAServer_listEachTreeOnce() async throws {
        let world = try World(targets: 2, edges: "  - t0 -> t1\n  - build -> t0\n", servers: 1)
        try makeTree(world.source, files: 60)
        for listings in [2, 10] {
            if listings == 10 {
                for index in 0..<12 { try write("changed \(index)", world.source + "/d\(index % 4)/file\(index)") }
            }
            let traces = TemporaryDirectory("strace")
            let watch = try RunningProcess(
                Self.strace(traces) + ["-p", "\(world.servers[0].pid)"], environment: world.environment)
            #expect(await until { exists(traces("t.\(world.servers[0].pid)")) })
            let (outcome, report) = try await world.run()
            #expect(outcome.exit == 0 && report.edges.count == 2, "\(outcome.stderr)")
            #expect(await until { world.agents().isEmpty })
            watch.signal(SIGINT)
            _ = await watch.outcome()
            #expect(try await world.differences(1) == [])
            for tree in [world.target(0), world.target(1)] {
                let access = try SourceAccess(traces: traces.path, source: tree)
                #expect(access.listings == listings, "\(tree): \(access)")
            }
        }
    }

    /// Filters are views of one scan: it sees what any of them excludes, once.
    @Test func edgesWithDifferentFilters_listTheTreeOnce() async throws {
        let world = try World(
            targets: 2,
            edges: "  - {from: build, to: t0, exclude: [/d0/]}\n  - {from: build, to: t1, filter: ['+ /d0/', '- /*']}\n"
        )
        try makeTree(world.source, files: 60)
        let traces = TemporaryDirectory("strace")
        try await trace(world, traces, edges: 2)
        #expect(try SourceAccess(traces: traces.path, source: world.source).listings == 5 * 2)
        let targets = try (0..<2).map { try TreeListing(world.target($0)) }
        #expect(targets.map(\.files) == [45, 15] && targets.map(\.directories) == [3, 1])
        #expect(try await world.run().report.edges.allSatisfy(\.movedNothing))
    }

    /// A run of each world that must succeed, when nothing in the sources is so fresh that it is read twice for safety.
    private func tracedRuns(_ worlds: [(World, Int)]) async throws -> [SourceAccess] {
        var runs: [SourceAccess] = []
        for (world, targets) in worlds {
            #expect(await until { newestChange(world.source) + 1 < time(nil) })
            runs.append(try await tracedRun(world, targets))
        }
        return runs
    }

    private func tracedRun(_ world: World, _ targets: Int) async throws -> SourceAccess {
        let traces = TemporaryDirectory("strace")
        try await trace(world, traces, edges: targets)
        for index in 0..<targets { #expect(try await world.differences(index) == [], "target \(index)") }
        return try SourceAccess(traces: traces.path, source: world.source)
    }

    private func trace(_ world: World, _ traces: TemporaryDirectory, edges: Int) async throws {
        let run = try RunningProcess(
            Self.strace(traces) + [
                "--seccomp-bpf", Headwater.binaries() + "/headwater", "run", "--json", world.topology,
            ], environment: world.environment)
        let outcome = await run.outcome()
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(try RunReport(outcome.stdout).edges.count == edges)
    }

    /// One file per thread in `traces`, of the calls that read a tree.
    private static func strace(_ traces: TemporaryDirectory) -> [String] {
        [
            "/usr/bin/strace", "-ff", "-qq", "-y", "-s", "0", "-o", traces("t"),
            "-e", "trace=/^(open.*|.*stat.*|getdents.*|readlink.*|p?readv?(64)?2?)$",
        ]
    }

    private func big(_ bytes: Int, _ path: String) throws {
        try Data(TreeBuilder.noise(bytes, seed: 3)).write(to: URL(fileURLWithPath: path))
    }

    /// The latest ctime below `path`, in whole seconds.
    private func newestChange(_ path: String) -> Int {
        let below = (try? FileManager.default.subpathsOfDirectory(atPath: path)) ?? []
        return below.filter { !$0.hasPrefix(".headwater") }.reduce(0) { newest, relative in
            var status = stat()
            return lstat(path + "/" + relative, &status) == 0 ? max(newest, status.st_ctim.tv_sec) : newest
        }
    }
}

/// What a process did beneath the top of a tree, as `strace -ff -y` saw it; `.headwater` does not count.
struct SourceAccess: CustomStringConvertible {
    private(set) var opens = 0
    private(set) var statuses = 0
    private(set) var listings = 0
    private(set) var bytesRead = 0

    /// - Parameter traces: the directory of one file per thread.
    init(traces: String, source: String) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: traces) {
            let text = String(
                decoding: try Data(contentsOf: URL(fileURLWithPath: traces + "/" + name)), as: UTF8.self)
            for line in text.split(separator: "\n") where line.contains(source) && !line.contains(".headwater") {
                add(line, source)
            }
        }
    }

    var description: String {
        "\(opens) opens, \(statuses) statuses, \(listings) listings, \(bytesRead) bytes"
    }

    /// Each session opens and looks at the top directory itself to reach its database; that does not count.
    private mutating func add(_ line: Substring, _ source: String) {
        let call = line.prefix { $0 != "(" }
        let isTop = line.contains("<\(source)>, \"\"") || line.contains("\"\(source)\"")
        switch true {
        case call.hasPrefix("open"): opens += isTop ? 0 : 1
        case call.hasPrefix("getdents"): listings += 1
        case call.contains("stat"): statuses += isTop ? 0 : 1
        case call.contains("readlink"): break
        default: bytesRead += line.split(separator: " ").last.flatMap { Int($0) } ?? 0
        }
    }
}
