import Foundation
import TestSupport
import Testing

/// Servers that allow little, paths and modes that are unusual, and trees that others write to during a run.
@Suite("Limits and races", .slots, .timeLimit(.minutes(20)))
struct LimitsTests {
    /// As a plain user, whoever runs the tests.
    @Test func sourceThatMayNotBeWritten_isToldWithWhatHelps_andDatabaseElsewhereHelps() async throws {
        let world = try World(targets: 0, edges: "  - build -> copy\n", localPeers: ["copy", "databases"])
        try write("x", world.source + "/file")
        let program = try Headwater.binaries() + "/headwater"
        let user = getuid() == 0 ? ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []
        if getuid() == 0 {
            for name in ["home", "state", "copy", "databases"] { chown(world.directory(name), 65534, 65534) }
            chmod(world.directory.path, 0o755)
        }
        chmod(world.source, 0o555)
        let refused = try RunningProcess(user + [program, "run", world.topology], environment: world.environment)
        let outcome = await refused.outcome()
        #expect(outcome.exit == 5, "\(outcome.stderr)")
        #expect(outcome.stderr.contains("make " + world.source + " writable for this user, or set `database:`"))

        try world.writeTopology(
            peers: "  build: {path: \(world.source), database: \(world.directory("databases"))}\n"
                + "  copy: \(world.directory("copy"))\n", edges: "  - build -> copy\n")
        let ran = try RunningProcess(user + [program, "run", world.topology], environment: world.environment)
        #expect(await ran.outcome().exit == 0)
        #expect(exists(world.directory("copy") + "/file"))
    }

    /// What the process may use is limited by whoever starts it: a code and a remedy, never a trap or a silent end.
    @Test func limitsOfTheProcess_endWithACode() async throws {
        let world = try World(targets: 0, edges: "  - build -> copy\n", localPeers: ["copy"])
        try Data(TreeBuilder.noise(3_000_000, seed: 1)).write(to: URL(fileURLWithPath: world.source + "/large"))
        let program = try Headwater.binaries() + "/headwater"
        for (limit, code) in [("-v 200000", "run.address-space"), ("-f 1000", "stage.file-too-large")] {
            let command = "ulimit \(limit); exec '\(program)' run '\(world.topology)'"
            let process = try RunningProcess(["/bin/bash", "-c", command], environment: world.environment)
            let outcome = await process.outcome()
            #expect(outcome.exit == 1 && outcome.stderr.contains("error[\(code)]"), "\(limit): \(outcome.stderr)")
        }
        #expect(try await world.run().outcome.exit == 0)
    }

    @Test func oneSessionPerConnection_bringsFurtherConnections() async throws {
        let world = try World(targets: 3, servers: 1, options: .init(config: ["MaxSessions 1"]))
        try makeTree(world.source, files: 50)
        let (outcome, report) = try await world.run()
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(report.edges.count == 3)
        for index in 0..<3 { #expect(try await world.differences(index) == []) }
        let logins = world.servers[0].log.components(separatedBy: "Accepted publickey").count - 1
        #expect(logins >= 4, "one for the agent and one for each edge, not \(logins)")
    }

    @Test func tenSessionsPerConnection_areOneConnection() async throws {
        let world = try World(targets: 3, servers: 1)
        try makeTree(world.source, files: 50)
        #expect(try await world.run().outcome.exit == 0)
        #expect(world.servers[0].log.components(separatedBy: "Accepted publickey").count - 1 == 1)
    }

    @Test(arguments: Soak.isOn ? ["1M", "default 2s"] : ["1M"])
    func rekeying_underLoad_isSurvived(limit: String) async throws {
        let world = try World(targets: 1, options: .init(config: ["RekeyLimit \(limit)", "LogLevel DEBUG1"]))
        for index in 0..<10 {
            try write("", world.source + "/d\(index % 2)/small\(index)")
            try Data(TreeBuilder.noise(5_000_000, seed: UInt64(index))).write(
                to: URL(fileURLWithPath: world.source + "/d\(index % 2)/\(index)"))
        }
        let (outcome, report) = try await world.run()
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(report.edges[0]["bytes_payload"] == 50_000_000)
        #expect(try await world.differences(0) == [])
        let exchanges = world.servers[0].log.components(separatedBy: "SSH2_MSG_KEXINIT sent").count - 1
        if limit == "1M" { #expect(exchanges > 30, "the server asked for new keys \(exchanges) times") }
    }

    @Test(.enabled(if: getuid() != 0, "root writes everywhere"))
    func homeThatCannotBeWritten_failsTheEdgeWithTheReason() async throws {
        let world = try World(targets: 1, sharesAgents: false)
        try makeTree(world.source, files: 5)
        #expect(chmod(world.servers[0].home, 0o555) == 0)
        let outcome = try await world.headwater("run")
        #expect(outcome.exit == 1, "\(outcome.stderr)")
        #expect((outcome.stdout + outcome.stderr).contains("error[agent.read-only]"))
        #expect(!exists(world.target(0)))
    }

    @Test func deepestPaths_changeComeAndGo() async throws {
        let world = try World(targets: 1)
        try AwkwardTree.build(at: world.source)
        #expect(try await world.run().outcome.exit == 0)
        let changed = try await beside("bottom", world, "printf more >>bottom; printf new >added; mkdir -p sub/below")
        #expect(changed["files"] == 2)
        let gone = try await beside("added", world, "rm bottom; rmdir sub/below sub; ln -s added bottom")
        #expect(gone["deleted"] >= 2 && gone["symlinks"] == 1)
        let all = try await beside("names", world, "rm -r deep")
        #expect(all["deleted"] >= 20)
    }

    /// Setuid and setgid never travel; the sticky bit of a directory does.
    @Test func stickyDirectories_arrive_andNoFileGainsSetID() async throws {
        let world = try World(targets: 1)
        try makeTree(world.source, files: 8)
        let modes: [(name: String, mode: mode_t, expected: UInt32)] = [
            ("d0", 0o1777, 0o1777), ("d1", 0o2755, 0o755), ("d2", 0o3770, 0o1770), ("d0/file0", 0o4755, 0o755),
            ("d0/file4", 0o2711, 0o711), ("d1/file1", 0o6750, 0o750), ("d1/file5", 0o1644, 0o644),
        ]
        for (name, mode, _) in modes { #expect(chmod(world.source + "/" + name, mode) == 0) }
        #expect(try await world.run().outcome.exit == 0)
        var there = try TreeListing(world.target(0))
        for (name, _, expected) in modes { #expect(there[name]?.mode == expected, "\(name)") }
        #expect(try await world.run().report.edges[0].movedNothing)
        #expect(chmod(world.source + "/d0", 0o755) == 0)
        #expect(try await world.run().outcome.exit == 0)
        there = try TreeListing(world.target(0))
        #expect(there["d0"]?.mode == 0o755)
    }

    /// The small files of one pack lie before, between and behind more large ones than the target asks for at once.
    @Test func manyLargeFilesAmongSmallOnes_doNotWaitForEachOther() async throws {
        let world = try World(targets: 1)
        for index in 0..<12 {
            try Data(TreeBuilder.noise(5_000_000, seed: UInt64(index))).write(
                to: URL(fileURLWithPath: world.source + "/\(10 + index)large"))
            try write("\(index)", world.source + "/\(10 + index)small")
        }
        let outcome = try await world.headwater("run", limitSeconds: 60)
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(try await world.differences(0) == [])
    }

    /// Each line is one write at the end of the file, so that every state the file ever had ends with a line.
    @Test func fileThatGrowsMeanwhile_arrivesInAStateThatItHad() async throws {
        let world = try World(targets: 1)
        try makeTree(world.source, files: 20)
        let path = world.source + "/d0/growing"
        try write(String(repeating: Self.line, count: 20_000), path)
        let writer = try RunningProcess(
            ["/bin/sh", "-c", "while :; do printf %s \"$1\" >>\"$2\"; done", "sh", Self.line, path],
            environment: ["PATH": "/usr/bin:/bin"])
        var size = 0
        for _ in 0..<(Soak.isOn ? 50 : 3) {
            let outcome = try await world.headwater("run")
            #expect([0, 4].contains(outcome.exit), "\(outcome.stderr)")
            guard exists(world.target(0) + "/d0/growing") else { continue }
            let there = try read(world.target(0) + "/d0/growing")
            #expect(there == String(repeating: Self.line, count: there.utf8.count / Self.line.utf8.count))
            #expect(there.utf8.count >= size)
            size = there.utf8.count
        }
        #expect(writer.isRunning)
        writer.signal(SIGKILL)
        _ = await writer.outcome()
        #expect(try await world.headwater("run").exit == 0)
        #expect(try await world.differences(0) == [])
    }

    /// Two versions of the same size take turns in place, each in one write; a reader may meet any moment of it.
    @Test func fileRewrittenInPlaceMeanwhile_isNeverTorn() async throws {
        let world = try World(targets: 1)
        let sizes = [300_000, 2_000_000]
        for size in sizes {
            for version in ["a", "b"] {
                try write(String(repeating: version, count: size), world.directory("\(version)\(size)"))
            }
            try write(String(repeating: "a", count: size), world.source + "/\(size)")
        }
        let script = """
            while :; do for version in b a; do for size in 300000 2000000; do
            dd if=$1/$version$size of=$2/$size bs=4M conv=notrunc status=none; done; done; done
            """
        let writer = try RunningProcess(
            ["/bin/sh", "-c", script, "sh", world.directory.path, world.source],
            environment: ["PATH": "/usr/bin:/bin"])
        for _ in 0..<(Soak.isOn ? 100 : 5) {
            let outcome = try await world.headwater("run")
            #expect([0, 4].contains(outcome.exit), "\(outcome.stderr)")
            for size in sizes where exists(world.target(0) + "/\(size)") {
                let there = try Data(contentsOf: URL(fileURLWithPath: world.target(0) + "/\(size)"))
                #expect(there.count == size && Set(there).count == 1, "a mixture of two versions at \(size)")
            }
        }
        #expect(writer.isRunning)
        writer.signal(SIGKILL)
        _ = await writer.outcome()
    }

    /// What is written at the target after the cycle has looked there is left alone and named; nothing is lost in silence.
    @Test func targetEditedDuringTheRun_keepsTheEdit_untilTheNextCycle() async throws {
        // The last in order. The target looks at all of its tree before it publishes anything.
        let last = "/d3/file9999"
        let (world, run) = try await stoppedMidway([12_000, 36_000]) { count in
            let world = try await inStep(files: count)
            for index in 0..<count { try write("newer \(index)", world.source + "/d\(index % 4)/file\(index)") }
            return (world, try world.startRun(["--json"]))
        } hasBegun: { world in
            (try? read(world.target(0) + "/d0/file0")) == "newer 0"
        } isMidway: { world, _ in
            for agent in world.agents() { kill(agent, SIGSTOP) }
            let isMidway = try read(world.target(0) + last) != "newer 9999"
            if !isMidway { for agent in world.agents() { kill(agent, SIGCONT) } }
            return isMidway
        }
        let edited = world.target(0) + last
        try write("edited at the target", edited)
        for agent in world.agents() { kill(agent, SIGCONT) }
        run.signal(SIGCONT)

        let outcome = await run.outcome()

        #expect(outcome.exit == 4, "\(outcome.stderr)")
        #expect(try read(edited) == "edited at the target")
        #expect((outcome.stdout + outcome.stderr).contains("path.changed-meanwhile"), "\(outcome.stderr)")
        #expect(try await world.differences(0).count == 1)
        #expect(try await world.headwater("run").exit == 0)
        #expect(try await world.differences(0) == [])
    }

    private static let line = "one line that is written whole, at the end of the file\n"

    /// Runs a script in the directory that holds `name`, however deep, then `headwater`, and expects both trees equal.
    private func beside(_ name: String, _ world: World, _ script: String) async throws -> RunReport.Edge {
        let found = try RunningProcess(
            [
                "/usr/bin/find", world.source, "-depth", "-name", name, "-execdir", "/bin/sh", "-euc", script, ";",
                "-quit",
            ], environment: ["PATH": "/usr/bin:/bin"])
        let outcome = await found.outcome()
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        let (run, report) = try await world.run()
        #expect(run.exit == 0, "\(run.stderr)")
        #expect(try await world.differences(0) == [])
        return report.edges[0]
    }
}
