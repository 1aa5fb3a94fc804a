import Foundation
import TestSupport
import Testing

/// Many edges to one host, servers that take little, agents that die, links that fall silent.
@Suite("Load and loss over SSH", .slots, .timeLimit(.minutes(20)))
struct SSHLoadTests {
    private func logins(_ server: SSHServer) -> Int {
        server.log.components(separatedBy: "Accepted publickey").count - 1
    }

    /// With ten sessions a connection at most ⌈200/10⌉ connections and few more; where the server allows all, one.
    @Test(arguments: [("MaxSessions 10", 24), ("MaxSessions 250", 1)])
    func twoHundredEdgesToOneHost_areFewConnectionsAndDescriptors(line: String, connectionsMax: Int) async throws {
        let world = try World(targets: 200, servers: 1, options: .init(config: [line, "MaxStartups 10:30:100"]))
        try makeTree(world.source, files: 3)
        let run = try world.startRun(["--json"])
        let pid = run.pid
        let descriptors = await offPool {
            var most = 0
            while run.isRunning {
                let open = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count) ?? 0
                most = max(most, open)
                poll(nil, 0, 5)
            }
            return most
        }
        let outcome = await run.outcome()
        #expect(outcome.exit == 0, "\(outcome.stderr.suffix(2000))")
        #expect(try RunReport(outcome.stdout).edges.count == 200)
        for index in stride(from: 0, to: 200, by: 13) { #expect(try await world.differences(index) == []) }
        #expect((1...connectionsMax).contains(logins(world.servers[0])), "\(logins(world.servers[0])) connections")
        // What the orchestrator reckons with: of 64 edges at a time each has twelve here at its worst moment, a connection four.
        let descriptorsMax = 64 * 12 + connectionsMax * 4 + 32
        #expect((1...descriptorsMax).contains(descriptors), "\(descriptors) descriptors")
    }

    @Test func aServerThatTakesOneLoginAtATime_isWaitedOut() async throws {
        let world = try World(
            targets: 6, servers: 1, options: .init(config: ["MaxSessions 1", "MaxStartups 1:100:1"]))
        try makeTree(world.source, files: 20)
        let outcome = try await world.headwater("run")
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        for index in 0..<6 { #expect(try await world.differences(index) == []) }
        #expect(logins(world.servers[0]) >= 2, "the agent has one, each edge that runs at the time another")
    }

    /// A run whose agent was killed in the middle, and that agent's token.
    private func killedMidway() async throws -> (World, RunningProcess, String) {
        let (world, run) = try await stoppedMidway([12_000, 48_000]) { count in
            let world = try World(targets: 1)
            try makeTree(world.source, files: count)
            return (world, try world.startRun())
        } hasBegun: { world in
            exists(world.target(0) + "/d0/file0")
        } isMidway: { world, count in
            try !tokens(world).isEmpty && TreeListing(world.target(0)).files < count
        }
        let first = try #require(tokens(world).first)
        for agent in world.agents() { kill(agent, SIGKILL) }
        run.signal(SIGCONT)
        return (world, run, first)
    }

    /// Each agent process has a token of its own: the one that comes after a dead one must not be mistaken for it.
    @Test func aDeadAgent_isReplacedByOneWithANewToken_andTheRunGoesOn() async throws {
        let (world, run, first) = try await killedMidway()
        #expect(await until { tokens(world).contains { $0 != first } }, "no other agent than \(first)")
        let outcome = await run.outcome()
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(try await world.differences(0) == [])
    }

    /// Every process of the server stands still: nothing comes, and nothing says that nothing will.
    @Test(.enabled(if: Soak.isOn, "takes minutes")) func aServerThatFallsSilent_isGivenUp() async throws {
        let world = try World(targets: 2)
        try makeTree(world.source, files: 6000)
        let run = try world.startRun(["--json"])
        #expect(await until { exists(world.target(0) + "/d0/file0") || !run.isRunning })
        let stopped = [world.servers[0].pid] + world.servers[0].descendants()
        for process in stopped { kill(process, SIGSTOP) }
        #expect(run.isRunning, "the run ended before its server could be stopped")
        let outcome = await run.outcome()
        for process in stopped { kill(process, SIGCONT) }
        #expect(outcome.exit == 7, "\(outcome.stderr)")
        let report = try RunReport(outcome.stdout)
        #expect(try report.edge(world.session("build", "t0"))["exit"] == 7)
        #expect(try report.edge(world.session("build", "t1"))["exit"] == 0)
        #expect(try report.edge(world.session("build", "t0"))["seconds"] < 180)
    }

    /// Of the agents that serve at this moment.
    private func tokens(_ world: World) -> Set<String> {
        Set(
            world.agents().compactMap { pid in
                let line = (try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(pid)/cmdline"))) ?? Data()
                let words = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
                return words.count > 2 && words[1] == "serve" ? words[2] : nil
            })
    }
}
