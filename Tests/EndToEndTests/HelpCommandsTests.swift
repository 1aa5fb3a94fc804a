import Foundation
import TestSupport
import Testing

@Suite("init, explain and completions", .slots, .timeLimit(.minutes(2)))
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

    @Test(arguments: ["bash", "zsh", "fish"])
    func completions_areAScriptOfThatShell(shell: String) async throws {
        let outcome = try await headwater(["completions", shell])
        #expect(outcome.exit == 0)
        let options = ["format", "edge", "reset", "log-file"]
        for word in ["validate", "graph", "diff", "explain"] + options { #expect(outcome.stdout.contains(word)) }
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
