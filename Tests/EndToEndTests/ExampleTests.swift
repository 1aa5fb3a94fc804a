import Foundation
import TestSupport
import Testing

/// What stands in `examples/` works with the command line as it is.
@Suite("Examples", .slots, .timeLimit(.minutes(20)))
struct ExampleTests {
    private let directory = TemporaryDirectory("examples")
    private static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The `headwater …` commands of a file, without what the shell does with them.
    private func commands(_ path: String) throws -> [[String]] {
        let text = try read(Self.repository.appending(path: path).path)
        let lines = text.split(separator: "\n").filter { !$0.drop { $0 == " " }.hasPrefix("#") }
        return lines.flatMap { line in
            line.matches(of: #/(?:^|[\s(;])(headwater (?:validate|graph|diff|run|schema|release) [^|>;&]*)/#).map {
                match in
                // A process substitution stands for a file.
                let plain = String(match.output.1).replacing(#/<\([^\n]*\) /#, with: "old.yaml ")
                return plain.replacing("\"", with: "").replacing("topologies/*.yaml", with: "none.yaml")
                    .split(separator: " ").map(String.init)
            }
        }
    }

    @Test(arguments: [
        ("examples/ci/github-workflow.yaml", 4), ("examples/ci/pre-commit-config.yaml", 1),
        ("examples/ci/pre-commit", 1), ("examples/publish.sh", 2),
    ])
    func everyCommand_isUnderstood(_ path: String, _ count: Int) async throws {
        let commands = try commands(path)
        #expect(commands.count >= count, "\(path): \(commands)")
        for command in commands {
            let outcome = try await Headwater.run(
                Array(command.dropFirst()), environment: environment, directory: directory.path)
            #expect(!outcome.stderr.contains("Usage:"), "\(command): \(outcome.stderr)")
        }
    }

    @Test func hook_refusesACommitWithAMistake() async throws {
        try FileManager.default.createDirectory(atPath: directory("topologies"), withIntermediateDirectories: true)
        try write("headwater: 1\npeers: {a: /a, b: /b}\nedges: [a -> b]\n", directory("topologies/good one.yaml"))
        try await git("init", "-q")
        try await git("add", ".")
        let named = try await hook()
        #expect(named.exit != 0 && named.stdout.contains("HW025"), "a name with a space gives no name of a topology")
        try write(
            "headwater: 1\nname: n\npeers: {a: /a, b: /b}\nedges: [a -> b]\n", directory("topologies/good one.yaml"))
        #expect(try await hook().exit == 0)
        try write("headwater: 1\nname: n\npeers: {a: /a}\nedges: [a -> b]\n", directory("topologies/bad.yaml"))
        #expect(try await hook().exit == 0, "it is not part of the commit")
        try await git("add", ".")
        let bad = try await hook()
        #expect(bad.exit != 0 && bad.stdout.contains("HW104"), "\(bad)")
    }

    private var environment: [String: String] {
        let binaries = (try? Headwater.binaries()) ?? ""
        return [
            "PATH": "\(binaries):/usr/bin:/bin", "HOME": directory.path, "GIT_CONFIG_NOSYSTEM": "1",
            "LC_ALL": "C.UTF-8",
        ]
    }

    private func hook() async throws -> RunningProcess.Outcome {
        try await RunningProcess(
            [Self.repository.appending(path: "examples/ci/pre-commit").path], environment: environment,
            directory: directory.path
        ).outcome()
    }

    private func git(_ arguments: String...) async throws {
        let outcome = try await RunningProcess(
            ["/usr/bin/env", "git"] + arguments, environment: environment, directory: directory.path
        ).outcome()
        #expect(outcome.exit == 0, "\(outcome.stderr)")
    }
}
