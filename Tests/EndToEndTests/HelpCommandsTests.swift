import Foundation
import TestSupport
import Testing

@Suite("init, explain and completions", .slots, .timeLimit(.minutes(20)))
struct HelpCommandsTests {
    private let directory = TemporaryDirectory("help")

    @Test func starter_isWrittenOnce_andValidates() async throws {
        #expect(try await headwater(["init"]).exit == 0)
        let text = try read(directory("headwater.yaml"))
        #expect(text.contains("\n# yaml-language-server: $schema="))
        let valid = try await headwater(["validate", "--strict"])
        #expect(valid.exit == 0, "\(valid.stdout)")
        try write(text + "# mine\n", directory("headwater.yaml"))
        let again = try await headwater(["init"])
        #expect(again.exit == 2 && again.stderr.contains("init.exists"))
        #expect(try read(directory("headwater.yaml")) == text + "# mine\n")
    }

    @Test func starter_isNamedAfterItsFile_andItsExamplesAreValidToo() async throws {
        let written = try await headwater(["init", "my web.yaml"])
        #expect(written.stdout.hasSuffix("then: headwater validate 'my web.yaml'\n"), "\(written.stdout)")
        #expect(try await headwater(["init", "web.yaml"]).exit == 0)
        var text = try read(directory("web.yaml"))
        #expect(text.contains("\nname: web\n"))
        for start in ["archive: {", "- {from"] { text = text.replacingOccurrences(of: "# \(start)", with: start) }
        try write(text, directory("web.yaml"))
        let outcome = try await headwater(["validate", "--strict", "web.yaml"])
        #expect(outcome.exit == 0 && outcome.stdout.contains("3 peers, 2 edges"), "\(outcome.stdout)")
    }

    @Test func starter_goesToStandardOutput_andNowhereElse() async throws {
        let outcome = try await headwater(["init", "-"])
        #expect(outcome.exit == 0 && outcome.stdout.contains("headwater: 1"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == [])
        let wrong = try await headwater(["init", "no/such/directory.yaml"])
        #expect(wrong.exit == 2 && wrong.stderr.contains("init.write"))
    }

    @Test func explain_tellsCauseAndRemedy() async throws {
        let error = try await headwater(["explain", "halt.max-delete"])
        #expect(error.exit == 0 && error.stdout.contains("headwater release"))
        let rule = try await headwater(["explain", "HW101"])
        #expect(rule.exit == 0 && rule.stdout.contains("This breaks it:"))
        let unknown = try await headwater(["explain", "HW999"])
        #expect(unknown.exit == 2 && unknown.stderr.contains("explain.unknown") && unknown.stdout.isEmpty)
    }

    @Test func explain_tellsWhatBecomesOfAPath_withoutATrace() async throws {
        let world = try World(targets: 1, localPeers: ["near"])
        try makeTree(world.source, files: 8)
        let peers =
            "  build: {path: \(world.source), mount: d0/file0}\n  near: \(world.directory("near"))\n"
            + "  t0: \(world.remotePeer(world.servers[0], path: world.target(0)))\n"
        try world.writeTopology(peers: peers, edges: "  - build -> near\n  - {from: build, to: t0, subpath: d1}\n")
        func explain(_ words: [String]) async throws -> RunningProcess.Outcome {
            try await Headwater.run(["explain", world.topology] + words, environment: world.environment)
        }
        let fresh = try await explain(["build", "d1/file1"])
        #expect(fresh.exit == 0 && fresh.stdout.contains("snapshot at build: no database"), "\(fresh.stderr)")
        #expect(try await world.run().outcome.exit == 0)
        let before = try traces(world.directory.path)

        let both = try await explain(["build", "d1/file1"])
        #expect(both.stdout.contains("build -> near  world-build-near, push: read, goes to near\n"), "\(both.stdout)")
        #expect(both.stdout.contains("read, goes to t0, through `subpath: d1`, there as file1\n"))
        #expect(both.stdout.split(separator: "\n").count { $0.contains(": SYNCHRONIZED file, 301 bytes, ") } == 3)
        let written = try await explain(["near", world.directory("near") + "/d2"])
        #expect(written.stdout.contains("written, comes from build\n"), "\(written.stdout)")
        #expect(written.stdout.contains("snapshot at near: SYNCHRONIZED directory, "))
        let mark = try await explain(["build", "d0/file0"])
        #expect(mark.stdout.contains("never synced: `mount` of build") && mark.stdout.contains("outside `subpath: d1`"))
        let new = try await explain(["build", "d1/none"])
        #expect(new.stdout.contains("snapshot at near: nothing known of it"))
        #expect(try traces(world.directory.path) == before)
        try write("no database, but text that is long enough for one", world.snapshot(ofSource: "world-build-t0-d1"))
        #expect(try await explain(["build", "d1/file1"]).stdout.contains("refused [snapshot.not-a-database]"))
        for wrong in [["nobody", "x"], ["build", "/etc/passwd"], ["build", "../x"]] {
            let outcome = try await explain(wrong)
            #expect(outcome.exit == 2 && outcome.stderr.contains("error[explain.unknown]"), "\(outcome.stderr)")
        }
        #expect(try await explain(["build"]).exit == 2)
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func completions_areAScriptOfThatShell(shell: String) async throws {
        let outcome = try await headwater(["completions", "--no-color", "--log-file", directory("log"), shell])
        #expect(outcome.exit == 0)
        let options = ["format", "edge", "reset", "log-file"]
        for word in ["validate", "graph", "diff", "explain", "snapshot", "compact"] + options {
            #expect(outcome.stdout.contains(word))
        }
        try write(outcome.stdout, directory("script"))
        let program = "/usr/bin/\(shell)"
        guard FileManager.default.isExecutableFile(atPath: program) else { return }
        let check = try await Headwater.tool([program, "-n", directory("script")])
        #expect(check.exit == 0 && check.stderr.isEmpty, "\(check.stderr)")
    }

    @Test func completions_ofBash_completeCommandsAndOptions() async throws {
        try write(try await headwater(["completions", "bash"]).stdout, directory("script"))
        let ask = """
            source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
            $(complete -p headwater | sed 's/.*-F \\([^ ]*\\).*/\\1/') headwater "${COMP_WORDS[COMP_CWORD]}" headwater
            printf '%s\\n' "${COMPREPLY[@]}"
            """
        let commands = try await Headwater.tool(["bash", "-c", ask, "-", directory("script"), "headwater", "va"])
        #expect(commands.stdout.contains("validate"), "\(commands)")
        let options = try await Headwater.tool(
            ["bash", "-c", ask, "-", directory("script"), "headwater", "validate", "--str"])
        #expect(options.stdout.contains("--strict"), "\(options)")
    }

    private func headwater(_ arguments: [String]) async throws -> RunningProcess.Outcome {
        try await Headwater.run(
            arguments, environment: ["PATH": "/usr/bin:/bin", "HOME": directory.path], directory: directory.path)
    }
}
