import Foundation
import TestSupport
import Testing

/// `snapshot list|summary|files|check`: they tell what the databases hold and leave them so, and say what is wrong.
@Suite("Looking into snapshot databases", .slots, .timeLimit(.minutes(20)))
struct SnapshotCommandTests {
    private func snapshot(_ world: World, _ arguments: [String]) async throws -> RunningProcess.Outcome {
        try await Headwater.run(
            ["snapshot"] + arguments, environment: world.environment, directory: world.directory.path)
    }

    private func objects(_ outcome: RunningProcess.Outcome) throws -> [[String: JSONValue]] {
        try outcome.stdout.split(separator: "\n").map { line in
            guard case .object(let object) = try JSONDecoder().decode(JSONValue.self, from: Data(line.utf8)) else {
                throw RunReport.Malformed(description: "not an object: \(line)")
            }
            return object
        }
    }

    @Test func looking_tellsWhatIsThere_withoutATrace() async throws {
        let world = try await inStep(files: 20)
        let session = world.session("build", "t0")
        let before = try traces(world.source) + traces(world.target(0))

        let list = try await snapshot(world, ["list", world.topology])
        #expect(list.exit == 0, "\(list.stderr)")
        #expect(list.stdout.hasPrefix("\(session) at build: commit ") && list.stdout.hasSuffix("1 database\n"))
        let both = try await snapshot(world, ["list", world.source, world.target(0), "--json"])
        let ends = try objects(both)
        #expect(ends.count == 4 && ends[1]["upstream"] != nil && ends[3]["databases"]?.number == 2)
        #expect(ends[1]["uuid"]?.text == ends[2]["uuid"]?.text && ends[1]["mine"]?.number == ends[2]["theirs"]?.number)
        #expect(ends[1]["place_there"]?.text == ends[2]["place_here"]?.text)

        let summary = try await snapshot(world, ["summary", world.target(0), session])
        #expect(summary.exit == 0 && summary.stdout.contains("24 agreed, 0 conflict"), "\(summary.stdout)")
        #expect(summary.stdout.contains("20 files, 4 directories") && summary.stdout.contains("push, downstream end"))

        let files = try await snapshot(world, ["files", world.source, session])
        #expect(files.stdout.split(separator: "\n").count == 24)
        #expect(files.stdout.split(separator: "\n").allSatisfy { $0.hasPrefix("SYNCHRONIZED ") })

        let check = try await snapshot(world, ["check", world.source])
        #expect(check.exit == 0 && check.stdout.hasPrefix("\(session): sound; 24 rows, commit "), "\(check.stdout)")
        #expect(try traces(world.source) + traces(world.target(0)) == before)
    }

    @Test func files_sayHowTheyCameToBe_atBothEnds() async throws {
        let world = try World(targets: 1)
        let tree = try TreeBuilder(world.source)
        try tree.file("new", "1")
        try tree.file("same", "2")
        try tree.finish()
        try FileManager.default.createDirectory(atPath: world.target(0), withIntermediateDirectories: true)
        try "2".write(toFile: world.target(0) + "/same", atomically: false, encoding: .utf8)
        for _ in 0..<2 { #expect(try await world.run().outcome.exit == 0) }
        try FileManager.default.moveItem(atPath: world.source + "/new", toPath: world.source + "/renamed")
        #expect(try await world.run().outcome.exit == 0)
        for end in [world.source, world.target(0)] {
            let files = try await snapshot(world, ["files", end, world.session("build", "t0")])
            let words = files.stdout.split(separator: "\n").map { line in
                line.split(separator: " ").first! + " " + line.split(separator: " ").last!
            }
            #expect(words.contains("SYNCHRONIZED(mov) renamed") && words.contains("SYNCHRONIZED(exs) same"), "\(words)")
        }
    }

    @Test func files_areFoundByPath_asTheyAreShown() async throws {
        let world = try World(targets: 1)
        let tree = try TreeBuilder(world.source)
        try tree.directory("d")
        let names: [[UInt8]] = [Array("d/plain".utf8), [0x64, 0x2F, 0xFF, 0x0A], Array("d/back\\slash".utf8)]
        for name in names { try tree.file(name, Array("content".utf8)) }
        try tree.finish()
        #expect(try await world.run().outcome.exit == 0)
        let session = world.session("build", "t0")
        let all = try await snapshot(world, ["files", world.source, session, "--json"])
        let shown = try objects(all).compactMap { $0["path"]?.text }
        #expect(shown == ["d", "d/back\\\\slash", "d/plain", "d/\\xff\\x0a"], "\(shown)")
        for path in shown {
            let one = try objects(try await snapshot(world, ["files", world.source, session, "--json", path]))
            #expect(one.dropFirst().first?["path"]?.text == path)
            #expect(one.last?["files"]?.number == (path == "d" ? 4 : 1))
        }
        let conflicts = try await snapshot(world, ["files", world.source, session, "--state", "conflict"])
        #expect(conflicts.exit == 0 && conflicts.stdout.isEmpty)
        let unknown = try await snapshot(world, ["files", world.source, session, "d/none"])
        #expect(unknown.exit == 2 && unknown.stderr.contains("error[snapshot.unknown]"), "\(unknown.stderr)")
        for wrong in [["../x"], ["a\\q"], ["--state", "odd"]] {
            let outcome = try await snapshot(world, ["files", world.source, session] + wrong)
            #expect(outcome.exit == 2 && outcome.stderr.contains("Usage:"), "\(wrong)")
        }
    }

    @Test func runThatIsUnderWay_isNeitherDisturbedNorChanged() async throws {
        let world = try World(targets: 1)
        try makeTree(world.source, files: 5000)
        let session = world.session("build", "t0")
        let log = "\(world.source)/.headwater/\(session)/snap.db-wal"
        let run = try world.startRun()
        let script = "until [ -s \(log) ] || [ ! -e /proc/\(run.pid)/exe ]; do :; done; kill -STOP \(run.pid)"
        _ = await (try RunningProcess(["/bin/sh", "-c", script], environment: ["PATH": "/usr/bin:/bin"])).outcome()
        let isMidway = run.isRunning
        let before = try traces(world.source + "/.headwater")
        for command in ["summary", "files", "check"] {
            let outcome = try await snapshot(world, [command, world.source, session])
            #expect(outcome.exit == 0, "\(command): \(outcome.stderr)")
        }
        let list = try await snapshot(world, ["list", world.source])
        #expect(isMidway && list.stdout.contains("running (pid \(run.pid) on "), "\(list.stdout)")
        // Whoever would change it is told who has it.
        for command in [["compact"], ["reset", "--yes"]] {
            let outcome = try await snapshot(world, [command[0], world.source, session] + command.dropFirst())
            #expect(outcome.exit == 8 && outcome.stderr.contains("(pid \(run.pid) on "), "\(outcome.stderr)")
        }
        let rename = try await snapshot(world, ["rename", session, "other", world.topology])
        #expect(rename.exit == 8, "\(rename.stderr)")
        #expect(try traces(world.source + "/.headwater") == before)
        run.signal(SIGCONT)
        #expect(await run.outcome().exit == 0)
        #expect(try await world.differences(0) == [])
        let copies = try FileManager.default.contentsOfDirectory(atPath: world.directory("runtime"))
        #expect(copies.filter { $0.hasPrefix("headwater-look") } == [])
    }

    /// What can stand in the place of a database, and how each command says so. Nothing of it changes.
    enum Damage: String, CaseIterable, Sendable {
        case text, empty, cut, rowFlipped, newer, foreign, linkedFile, linkedDirectory, linkedTop, opened

        var code: String {
            switch self {
            case .text: "snapshot.not-a-database"
            case .empty, .cut, .rowFlipped: "snapshot.corrupt"
            case .newer: "snapshot.newer-schema"
            case .foreign: "snapshot.foreign"
            case .linkedFile: "snapshot.unreadable"
            case .linkedDirectory, .linkedTop, .opened: "snapshot.directory"
            }
        }
    }

    @Test(arguments: Damage.allCases)
    func wrongInput_isNamed_andLeftAsItIs(damage: Damage) async throws {
        let world = try await inStep(files: 40)
        let session = world.session("build", "t0")
        try await spoil(world, session, damage)
        let before = try traces(world.directory.path)
        for command in ["check", "files", "summary", "compact"] {
            let outcome = try await snapshot(world, [command, world.source, session])
            #expect(outcome.exit == 5, "\(command): \(outcome.stdout)\(outcome.stderr)")
            let said = outcome.stdout + outcome.stderr
            #expect(said.contains("error[\(damage.code)]") && said.contains("remedy:"), "\(command): \(said)")
            #expect(said.contains("build"), "\(command) does not say where: \(said)")
        }
        let rename = try await snapshot(world, ["rename", session, "other", world.topology])
        #expect(rename.exit == 5 && rename.stderr.contains("error[\(damage.code)]"), "\(rename.stderr)")
        #expect(rename.stderr.contains("at build"))
        // A lock is text that means nothing without its holder.
        func butLocks(_ traces: [String]) -> [String] { traces.filter { !$0.contains("/lock ") } }
        #expect(try butLocks(traces(world.directory.path)) == butLocks(before))
    }

    private func spoil(_ world: World, _ session: String, _ damage: Damage) async throws {
        let (file, directory) = (world.snapshot(ofSource: session), "\(world.source)/.headwater/\(session)")
        let elsewhere = world.directory("elsewhere")
        switch damage {
        case .text: try write("this is no database at all, but long enough to be one", file)
        case .empty: try Data().write(to: URL(fileURLWithPath: file))
        case .cut:
            let whole = try Data(contentsOf: URL(fileURLWithPath: file))
            try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: file))
        case .rowFlipped: try await sql(file, "UPDATE entries SET size = size + 1 WHERE kind = 1")
        case .newer: try await sql(file, "PRAGMA user_version = 99")
        case .foreign:
            try remove(file)
            try await sql(file, "CREATE TABLE theirs (x)")
        case .linkedFile: try moved(file, to: elsewhere)
        case .linkedDirectory: try moved(directory, to: elsewhere)
        case .linkedTop: try moved(world.source + "/.headwater", to: elsewhere)
        case .opened: chmod(directory, 0o777)
        }
    }

    private func moved(_ path: String, to other: String) throws {
        try FileManager.default.moveItem(atPath: path, toPath: other)
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: other)
    }

    private func sql(_ file: String, _ text: String) async throws {
        let outcome = try await Headwater.tool(["sqlite3", file, text, "PRAGMA wal_checkpoint(TRUNCATE)"])
        #expect(outcome.exit == 0, "\(outcome.stderr)")
    }

    @Test func whatIsNotThere_isSaid_withWhatIs_andNothingIsMade() async throws {
        let world = try await inStep(files: 4)
        let session = world.session("build", "t0")
        let empty = world.directory("empty")
        try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: true)
        let before = try traces(world.directory.path)
        for command in [["summary"], ["files"], ["check"], ["compact"], ["reset", "--yes"]] {
            for (place, name) in [
                (world.source, "nobody"), (empty, session), (world.directory("none"), session),
                (world.topology, session), (world.source, "../\(session)"), (world.source, ""),
            ] {
                let outcome = try await snapshot(world, [command[0], place, name] + command.dropFirst())
                #expect(outcome.exit == 2, "\(command) \(place) \(name): \(outcome.stdout)")
                #expect(
                    outcome.stderr.contains("error[snapshot.unknown]") || outcome.stdout.contains("[snapshot.unknown]"))
            }
            let named = try await snapshot(world, [command[0], world.source, "nobody"] + command.dropFirst())
            #expect((named.stdout + named.stderr).contains("choose from \(session)"))
        }
        #expect(try await snapshot(world, ["check", empty]).exit == 2)
        let none = try await snapshot(world, ["list", empty])
        #expect(none.exit == 0 && none.stdout == "0 databases\n")
        #expect(try await snapshot(world, ["list", world.directory("none")]).exit == 2)
        #expect(try await snapshot(world, ["list"]).exit == 2)
        #expect(try traces(world.directory.path) == before)
    }

    @Test func list_tellsWhichOneRefuses_andTheOthersToo() async throws {
        let world = try await inStep(files: 4, targets: 2)
        try write(
            "no database, only text that is long enough for one", world.snapshot(ofSource: world.session("build", "t0"))
        )
        let list = try await snapshot(world, ["list", world.topology])
        #expect(list.exit == 5 && list.stdout.contains("refused [snapshot.not-a-database]"))
        #expect(list.stdout.contains("\(world.session("build", "t1")) at build: commit "))
        #expect(list.stdout.hasSuffix("2 databases, 1 refused\n"), "\(list.stdout)")
        let quiet = try await snapshot(world, ["list", world.topology, "--quiet"])
        #expect(
            quiet.exit == 5 && quiet.stdout.isEmpty && quiet.stderr.contains("error[snapshot.not-a-database] at build"))
        let check = try await snapshot(world, ["check", world.source, "--json"])
        #expect(check.exit == 5)
        let found = try objects(check)
        #expect(
            found.count == 4 && found[1]["code"]?.text == "snapshot.not-a-database" && found[2]["code"]?.text == nil)
        #expect(found[3]["exit"]?.number == 5)
    }
}
