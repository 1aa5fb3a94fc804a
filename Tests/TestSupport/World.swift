import Foundation

/// One source directory here, N targets behind N real sshds on loopback, a topology file, and a home of its own for both ends.
///
/// Peers are called `build` (here) and `t0`, `t1`, …; each server is its own host with its own key and home.
package final class World: Sendable {
    package let directory: TemporaryDirectory
    package let servers: [SSHServer]
    /// The upstream tree; exists and is empty.
    package let source: String
    package let topology: String

    private let targets: Int

    /// - Parameters:
    ///   - edges: YAML below `peers:`'s end; by default one push edge from `build` to each target.
    ///   - servers: how many hosts the targets share, in turns; by default each has one of its own.
    ///   - options: of every server.
    ///   - sharesAgents: Agents are found where an earlier world has deployed them; else each server gets its own.
    package init(
        targets: Int, edges: String? = nil, localPeers: [String] = [], settings: String = "", servers: Int? = nil,
        options: SSHServer.Options = SSHServer.Options(), sharesAgents: Bool = true
    ) throws {
        self.targets = targets
        let directory = TemporaryDirectory("world")
        self.directory = directory
        source = directory("build")
        topology = directory("world.yaml")
        for name in ["build", "home", "state", "runtime", "config", "cache"] + localPeers {
            try FileManager.default.createDirectory(
                atPath: directory(name), withIntermediateDirectories: true,
                attributes: [.posixPermissions: name == "build" ? 0o755 : 0o700])
        }
        for index in 0..<targets {
            try FileManager.default.createDirectory(
                atPath: directory("remote\(index)"), withIntermediateDirectories: true)
        }
        var options = options
        if sharesAgents { options.cache = SharedAgents.path }
        self.servers = try (0..<(servers ?? targets)).map { _ in try SSHServer(options) }
        let edges = edges ?? (0..<targets).map { "  - build -> t\($0)\n" }.joined()
        try writeTopology(peers: peers(localPeers), edges: edges, settings: settings)
    }

    /// The tree of target `index`, as seen from here.
    package func target(_ index: Int) -> String { directory("remote\(index)/tree") }

    /// The session of the edge `from` → `to` under its default name.
    package func session(_ from: String, _ to: String) -> String { "world-\(from)-\(to)" }

    package func snapshot(ofSource session: String) -> String { "\(source)/.headwater/\(session)/snap.db" }
    package func snapshot(ofTarget index: Int, _ session: String) -> String {
        "\(target(index))/.headwater/\(session)/snap.db"
    }

    /// The peers' part of the topology file, one line per peer.
    package func peers(_ localPeers: [String] = []) -> String {
        var text = "  build: \(source)\n"
        for name in localPeers { text += "  \(name): \(directory(name))\n" }
        for index in 0..<targets {
            text += "  t\(index): " + remotePeer(servers[index % servers.count], path: target(index)) + "\n"
        }
        return text
    }

    /// One remote peer as a YAML flow mapping.
    package func remotePeer(_ server: SSHServer, path: String, port: Int? = nil, knownHosts: String? = nil) -> String {
        "{host: 127.0.0.1, port: \(port ?? server.port), user: \(server.user), identity: \(server.userKeyPath), "
            + "known_hosts: \(knownHosts ?? server.knownHostsPath), path: \(path)}"
    }

    /// Replaces the topology file.
    package func writeTopology(peers: String? = nil, edges: String, settings: String = "") throws {
        let text = "headwater: 1\nname: world\n\(settings)peers:\n\(peers ?? self.peers())edges:\n\(edges)"
        try Data(text.utf8).write(to: URL(fileURLWithPath: topology))
    }

    /// All that a run sees: nothing of the person who runs the tests.
    package var environment: [String: String] {
        [
            "PATH": Headwater.systemPath, "HOME": directory("home"), "USER": NSUserName(), "LANG": "C.UTF-8",
            "TMPDIR": directory.path, "TERM": "dumb", "XDG_STATE_HOME": directory("state"),
            "XDG_RUNTIME_DIR": directory("runtime"), "XDG_CONFIG_HOME": directory("config"),
            "XDG_CACHE_HOME": directory("cache"),
        ]
    }

    /// Runs `headwater COMMAND topology OPTIONS` to its end.
    package func headwater(_ command: String, _ options: [String] = [], limitSeconds: Int = 120) async throws
        -> RunningProcess.Outcome
    {
        try await Headwater.run(
            [command, topology] + options, environment: environment, limitSeconds: limitSeconds)
    }

    /// Starts `headwater run` and leaves it running.
    package func startRun(_ options: [String] = []) throws -> RunningProcess {
        try Headwater.start(["run", topology] + options, environment: environment)
    }

    /// `run --json`, taken apart. The exit code is the caller's to judge.
    package func run(_ options: [String] = []) async throws -> (outcome: RunningProcess.Outcome, report: RunReport) {
        let outcome = try await headwater("run", ["--json"] + options)
        do {
            return (outcome, try RunReport(outcome.stdout))
        } catch {
            throw RunReport.Malformed(description: "\(error); exit \(outcome.exit); stderr: \(outcome.stderr)")
        }
    }

    /// What differs between the source and target `index`.
    package func differences(_ index: Int) async throws -> [String] {
        let (source, target) = (source, target(index))
        return try await offPoolThrowing { try TreeListing(source).differences(from: TreeListing(target)) }
    }

    /// The agents that run on this world's hosts, found by their home.
    package func agents() -> [Int32] {
        let marks = servers.map { Data("HOME=\($0.home)".utf8) }
        return (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.compactMap { Int32($0) }.filter { pid in
            guard
                (try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8))?.hasPrefix("headwater-agent")
                    == true,
                let environment = try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(pid)/environ"))
            else { return false }
            return marks.contains { environment.range(of: $0) != nil }
        } ?? []
    }
}
