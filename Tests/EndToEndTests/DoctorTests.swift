import Foundation
import TestSupport
import Testing

/// `doctor` against real servers: what it finds is what a run would meet, and nothing is left behind.
@Suite("Doctor", .slots, .timeLimit(.minutes(20)))
struct DoctorTests {
    private struct Report {
        var outcome: RunningProcess.Outcome
        var lines: [[String: JSONValue]]

        var findings: [[String: JSONValue]] { lines.filter { $0["type"]?.text == "finding" } }
        var codes: [String] { findings.compactMap { $0["code"]?.text } }

        func peer(_ name: String) -> [String: JSONValue] { lines.first { $0["peer"]?.text == name } ?? [:] }

        var commands: [String] {
            guard case .array(let all)? = lines.last?["commands"] else { return [] }
            return all.compactMap(\.text)
        }
    }

    private func doctor(_ world: World) async throws -> Report {
        let outcome = try await world.headwater("doctor", ["--json"])
        let lines = try outcome.stdout.split(separator: "\n").map { line -> [String: JSONValue] in
            guard case .object(let object) = try JSONDecoder().decode(JSONValue.self, from: Data(line.utf8)) else {
                throw RunReport.Malformed(description: "\(line)")
            }
            return object
        }
        #expect(lines.first?["type"]?.text == "version" && lines.last?["type"]?.text == "summary", "\(outcome.stderr)")
        #expect(lines.last?["exit"]?.number == Double(outcome.exit))
        return Report(outcome: outcome, lines: lines)
    }

    private func object(_ value: JSONValue?) -> [String: JSONValue] {
        if case .object(let members)? = value { members } else { [:] }
    }

    private func replacePeer(_ world: World, _ peer: String) throws {
        try world.writeTopology(peers: "  build: \(world.source)\n  t0: \(peer)\n", edges: "  - build -> t0\n")
    }

    /// Trees and databases of all peers, and who made what where.
    private func everything(_ world: World, targets: Int) throws -> [String] {
        try traces(world.source) + (0..<targets).flatMap { try traces(world.directory("remote\($0)")) }
    }

    @Test func allFine_isNothingToReport_beforeAndAfterARun_andLeavesNoTrace() async throws {
        let world = try World(targets: 2)
        try makeTree(world.source, files: 20)
        for isFirst in [true, false] {
            let before = try everything(world, targets: 2)
            let report = try await doctor(world)
            #expect(report.outcome.exit == 0, "\(report.outcome.stdout) \(report.outcome.stderr)")
            #expect(report.codes == [])
            #expect(try everything(world, targets: 2) == before)
            #expect(await until { world.agents().isEmpty })
            let far = report.peer("t0")
            #expect(object(far["root"])["kind"]?.text == (isFirst ? "missing" : "directory"))
            #expect(object(far["to_come"])["entries"]?.number == (isFirst ? 24 : 0))
            let disk = object(object(far["root"])["file_system"])
            #expect(disk["free_bytes"]?.number ?? 0 > 0)
            if !isFirst {
                for case .null in object(disk["abilities"]).values { Issue.record("an ability is not known") }
            }
            #expect(abs(far["clock_offset"]?.number ?? .infinity) < 60)
            #expect(report.lines.count == 5)
            if isFirst { #expect(try await world.headwater("run").exit == 0) }
        }
        let text = try await world.headwater("doctor")
        #expect(text.exit == 0 && text.stdout.hasSuffix("3 peers: nothing to report\n"), "\(text.stdout)")
    }

    @Test func closedPort_isUnreachable_andTheOthersAreLookedAt() async throws {
        let world = try World(targets: 2)
        try makeTree(world.source, files: 5)
        world.servers[1].stop()
        let report = try await doctor(world)
        #expect(report.outcome.exit == 7)
        #expect(report.codes == ["ssh.connect"])
        #expect(report.peer("t1")["failed_at"]?.text == "port")
        #expect(object(report.peer("t0")["root"])["kind"]?.text == "missing")
        #expect(report.commands[0].hasPrefix("ssh -v -p \(world.servers[1].port) "))
    }

    @Test func wrongHostKey_andRefusedLogin_areNamedByTheirStage() async throws {
        let world = try World(targets: 2)
        let other = try read(world.servers[1].knownHostsPath).split(separator: " ", maxSplits: 1)[1]
        try write("[127.0.0.1]:\(world.servers[0].port) \(other)", world.directory("changed"))
        let peer = world.remotePeer(world.servers[0], path: world.target(0), knownHosts: world.directory("changed"))
        try replacePeer(world, peer)
        let changed = try await doctor(world)
        #expect(changed.outcome.exit == 1 && changed.codes == ["ssh.host-key-changed"])
        #expect(changed.peer("t0")["failed_at"]?.text == "host-key")
        #expect(changed.commands.contains { $0.hasPrefix("ssh-keygen -R ") })

        let login = world.remotePeer(world.servers[0], path: world.target(0))
            .replacingOccurrences(of: world.servers[0].userKeyPath, with: world.servers[1].userKeyPath)
        try replacePeer(world, login)
        let refused = try await doctor(world)
        #expect(refused.outcome.exit == 1 && refused.codes == ["ssh.login-refused"])
        #expect(refused.peer("t0")["failed_at"]?.text == "login")
    }

    @Test func noCommonAlgorithm_isNamedWithTheCommandForTheFarMachine() async throws {
        let world = try World(targets: 1, options: .init(config: ["Ciphers aes256-gcm@openssh.com"]))
        let report = try await doctor(world)
        #expect(report.outcome.exit == 1 && report.codes == ["ssh.algorithms"])
        let command = try #require(report.commands.first { $0.hasPrefix("ssh -t ") })
        #expect(command.contains("Ciphers") && command.contains("aes128-ctr") && command.contains("sshd_config"))
        #expect(report.commands == [command])
    }

    /// The command that it ends with is typed as it stands.
    @Test func missingParent_isAFinding_andItsCommandMendsIt() async throws {
        let world = try World(targets: 1)
        try makeTree(world.source, files: 5)
        try replacePeer(world, world.remotePeer(world.servers[0], path: world.directory("new place/it's/tree")))
        let report = try await doctor(world)
        #expect(report.outcome.exit == 1 && report.codes == ["root.no-parent"])
        let command = try #require(report.commands.first)
        #expect(command.hasPrefix("ssh ") && command.contains("mkdir -p "))
        let typed = try await RunningProcess(
            ["/bin/sh", "-c", command], environment: ["PATH": "/usr/bin:/bin", "HOME": world.directory("home")]
        ).outcome()
        #expect(typed.exit == 0, "\(command): \(typed.stderr)")
        #expect(try await doctor(world).outcome.exit == 0)
        #expect(try await world.headwater("run").exit == 0)
    }

    @Test(.enabled(if: geteuid() == 0, "mounting needs root"))
    func smallDisk_isTooFullForWhatIsToCome_alsoInInodes() async throws {
        let world = try World(targets: 1)
        try makeTree(world.source, files: 40, bytes: 50_000)
        let disk = world.directory("remote0")
        defer { umount2(disk, 2) }
        try mountSmall(disk, "size=1m")
        let bytes = try await doctor(world)
        umount2(disk, 2)
        #expect(bytes.outcome.exit == 1 && bytes.codes == ["stage.no-space"], "\(bytes.outcome.stdout)")
        #expect(bytes.commands.contains { $0.contains("df -h ") })
        try mountSmall(disk, "size=64m,nr_inodes=20")
        let inodes = try await doctor(world)
        umount2(disk, 2)
        #expect(inodes.outcome.exit == 1 && inodes.codes == ["doctor.inodes"], "\(inodes.outcome.stdout)")
        #expect(try await doctor(world).outcome.exit == 0)
    }

    @Test func damagedDatabase_isFoundBeforeARunMeetsIt() async throws {
        let world = try World(targets: 1)
        try makeTree(world.source, files: 5)
        #expect(try await world.headwater("run").exit == 0)
        try write("garbage", world.snapshot(ofTarget: 0, world.session("build", "t0")))
        let report = try await doctor(world)
        #expect(report.outcome.exit == 5 && report.codes == ["snapshot.not-a-database"], "\(report.outcome.stdout)")
        #expect(try await world.headwater("run").exit == 5)
    }

    @Test func hiddenLoop_isFoundBeforeARunMeetsIt() async throws {
        let world = try World(targets: 1)
        try makeTree(world.source, files: 5)
        try FileManager.default.createSymbolicLink(
            atPath: world.directory("link"), withDestinationPath: world.source)
        try replacePeer(world, world.remotePeer(world.servers[0], path: world.directory("link")))
        let report = try await doctor(world)
        #expect(report.outcome.exit == 2 && report.codes.contains("topology.hidden-fault"), "\(report.outcome.stdout)")
    }

    @Test func peersOfOneHost_areAskedOverOneConnection() async throws {
        let world = try World(targets: 4, servers: 1)
        try makeTree(world.source, files: 5)
        let report = try await doctor(world)
        #expect(report.outcome.exit == 0, "\(report.outcome.stdout)")
        #expect(world.servers[0].log.components(separatedBy: "Accepted publickey").count - 1 == 1)
        #expect((0..<4).allSatisfy { object(report.peer("t\($0)")["root"])["kind"]?.text == "missing" })
    }

    private func mountSmall(_ path: String, _ options: String) throws {
        guard mount("tmpfs", path, "tmpfs", 0, options) == 0 else { throw POSIXError(.EPERM) }
        // Peers log in as whoever runs the tests.
        chmod(path, 0o755)
    }
}
