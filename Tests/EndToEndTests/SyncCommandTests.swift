import Foundation
import TestSupport
import Testing

@Suite("sync: one pair without a file", .slots, .timeLimit(.minutes(20)))
struct SyncCommandTests {
    private let world: World

    init() throws { world = try World(targets: 1) }

    /// `headwater sync` between the source here and the target behind the server.
    private func sync(
        _ direction: String, _ options: [String] = [], name: String = "docs", local: String? = nil
    ) async throws -> RunningProcess.Outcome {
        let server = world.servers[0]
        return try await Headwater.run(
            [
                "sync", "-N", name, "-d", local ?? world.source, "-r", "\(server.user)@127.0.0.1:\(world.target(0))",
                "-K", direction, "-P", "\(server.port)", "-i", server.userKeyPath, "--known-hosts",
                server.knownHostsPath,
            ] + options, environment: world.environment, directory: world.directory.path)
    }

    /// The file that the command keeps for its session.
    private func keptFile() throws -> String {
        let directory = world.directory("state/headwater/sync")
        let files = try FileManager.default.contentsOfDirectory(atPath: directory)
        #expect(files.count == 1)
        return directory + "/" + (files.first ?? "")
    }

    @Test func push_bringsTheFarSideInStep_andASecondRunMovesNothing() async throws {
        try AwkwardTree.build(at: world.source)
        let first = try await sync("push", ["--json"])
        #expect(first.exit == 0, "\(first.stderr)")
        #expect(try await world.differences(0) == [])
        let report = try RunReport(first.stdout)
        #expect(report.edges.count == 1 && report.edges[0].text("session") == "docs")
        let second = try RunReport(try await sync("push", ["--json"]).stdout)
        #expect(second.edges[0].movedNothing)
        #expect(exists(world.snapshot(ofSource: "docs")) && exists(world.snapshot(ofTarget: 0, "docs")))
    }

    @Test func pull_bringsThisSideInStep() async throws {
        try makeTree(world.target(0), files: 30)
        let outcome = try await sync("pull")
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(try await world.differences(0) == [])
        #expect(try TreeListing(world.source).files == 30)
        try write("new", world.target(0) + "/later")
        #expect(try await sync("pull").exit == 0)
        #expect(try read(world.source + "/later") == "new")
    }

    @Test func filters_areTried_includesThenFileThenExcludes() async throws {
        for name in ["a.tmp", "keep.tmp", "b.log", "keep.log", "c"] { try write(name, world.source + "/" + name) }
        try write("+ keep.log\n*.log\n", world.directory("sync.rules"))
        let options = ["--exclude", "*.tmp", "--filter-file", "sync.rules", "--include", "keep.tmp", "--exclude", "c"]
        let outcome = try await sync("push", options)
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        let names = try FileManager.default.contentsOfDirectory(atPath: world.target(0)).sorted()
        #expect(names == [".headwater", "keep.log", "keep.tmp"])
        #expect(try RunReport(try await sync("push", options + ["--json"]).stdout).edges[0].movedNothing)
        // Without them everything is new; nothing is deleted with others.
        #expect(try await sync("push").exit == 0)
        #expect(try await world.differences(0) == [])
        #expect(try await sync("push", ["--exclude", "*"]).exit == 0)
        #expect(try await world.differences(0) == [])
    }

    @Test func badFilter_isNamedByItsOption() async throws {
        try write("ok\n[a\n", world.directory("sync.rules"))
        let outcome = try await sync(
            "push", ["--include", "a//b", "--exclude", "[x", "--filter-file", "sync.rules"])
        #expect(outcome.exit == 2)
        #expect(
            outcome.stderr.contains("headwater sync --include: error[HW030]: the rule `+ a//b`"), "\(outcome.stderr)")
        #expect(outcome.stderr.contains("headwater sync --exclude: error[HW030]: the rule `[x`"))
        #expect(outcome.stderr.contains("headwater sync --filter-file: error[HW030]: "))
        #expect(outcome.stderr.contains("sync.rules:2:1: the rule `[a`"), "\(outcome.stderr)")
        let missing = try await sync("push", ["--filter-file", "gone"])
        #expect(missing.exit == 2 && missing.stderr.contains("headwater sync --filter-file: error[HW031]"))
    }

    @Test func relativeDirectory_isThatOfTheShell() async throws {
        try makeTree(world.source, files: 3)
        let outcome = try await sync("push", local: "build")
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(try await world.differences(0) == [])
    }

    @Test func databases_lieWhereTheyAreAskedTo() async throws {
        try makeTree(world.source, files: 3)
        for name in ["db-here", "db-there"] {
            try FileManager.default.createDirectory(
                atPath: world.directory(name), withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        }
        let outcome = try await sync("push", ["-b", "db-here", "-B", world.directory("db-there")])
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(exists(world.directory("db-here/.headwater/docs/snap.db")))
        #expect(exists(world.directory("db-there/.headwater/docs/snap.db")))
        #expect(!exists(world.snapshot(ofSource: "docs")) && !exists(world.snapshot(ofTarget: 0, "docs")))
    }

    @Test func otherDirection_isRefused_andResetGoesOn() async throws {
        try makeTree(world.source, files: 5)
        #expect(try await sync("push").exit == 0)
        let refused = try await sync("pull")
        #expect(refused.exit == 5 && refused.stderr.contains("snapshot.direction-changed"), "\(refused)")
        #expect(try await sync("pull", ["-x"]).exit == 0)
        #expect(try await world.differences(0) == [])
    }

    @Test func halt_standsUntilTheKeptFileIsReleased() async throws {
        try makeTree(world.source, files: 120)
        #expect(try await sync("push").exit == 0)
        for name in try FileManager.default.contentsOfDirectory(atPath: world.source) where name != ".headwater" {
            try FileManager.default.removeItem(atPath: world.source + "/" + name)
        }
        try write("still here", world.source + "/one")
        let halted = try await sync("push")
        let file = try keptFile()
        #expect(halted.exit == 6 && halted.stderr.contains("headwater release \(file) --edge docs"), "\(halted)")
        let release = try await Headwater.run(
            ["release", file, "--edge", "docs"], environment: world.environment)
        #expect(release.exit == 0 && release.stdout.contains("released"), "\(release)")
        #expect(try await sync("push").exit == 0)
        #expect(try await world.differences(0) == [])
    }

    @Test func keptFile_isATopologyOfItsOwn_privateAndWrittenOnce() async throws {
        try makeTree(world.source, files: 3)
        #expect(try await sync("push").exit == 0)
        let file = try keptFile()
        var before = stat()
        #expect(lstat(file, &before) == 0 && before.st_mode & 0o777 == 0o600)
        let valid = try await Headwater.run(["validate", "--strict", file], environment: world.environment)
        #expect(valid.exit == 0 && valid.stdout.contains("2 peers, 1 edge"), "\(valid.stdout)")
        #expect(try await sync("push").exit == 0)
        var after = stat()
        #expect(lstat(file, &after) == 0 && after.st_ino == before.st_ino)
    }

    @Test func policies_areThoseOfAnEdge() async throws {
        try makeTree(world.source, files: 5)
        try write("beyond", world.target(0) + "/beyond")
        let options = ["--mirror", "--keep-deleted", "old", "--delete", "before", "--drift", "keep"]
        let outcome = try await sync("push", options)
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(!exists(world.target(0) + "/beyond") && exists(world.target(0) + "/old"))
        let wrong = try await sync("push", ["--delete", "sometimes"])
        #expect(wrong.exit == 2 && wrong.stderr.contains("headwater sync --delete: error[HW023]"), "\(wrong.stderr)")
    }

    @Test func mistakes_areNamedByTheirOption_andNothingIsKept() async throws {
        let outcome = try await sync("push", ["-b", world.source + "/inside"], name: "a/b")
        #expect(outcome.exit == 2 && outcome.stdout.isEmpty)
        #expect(outcome.stderr.contains("headwater sync -N: error[HW025]"), "\(outcome.stderr)")
        #expect(outcome.stderr.contains("headwater sync -b: error[HW108]"), "\(outcome.stderr)")
        #expect(!exists(world.directory("state/headwater/sync")))
        let missing = try await Headwater.run(["sync", "-N", "x"], environment: world.environment)
        #expect(missing.exit == 2 && missing.stderr.contains("Usage:"))
    }

    @Test func bidi_bringsBothSidesInStep() async throws {
        try write("here", world.source + "/a")
        try write("there", world.target(0) + "/b")
        #expect(try await sync("bidi").exit == 0)
        #expect(try await world.differences(0) == [])
    }

    @Test func whatIsNotSupportedYet_isRefusedAsInAFile() async throws {
        let outcome = try await sync("bidi", ["-C"])
        #expect(outcome.exit == 2)
        #expect(outcome.stderr.contains("headwater sync -C: error[HW900]"))
        #expect(!exists(world.source + "/.headwater"))
    }
}
