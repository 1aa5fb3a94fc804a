import Foundation
import TestSupport
import Testing

@Suite("validate and graph", .slots, .timeLimit(.minutes(20)))
struct TopologyCommandTests {
    private let directory = TemporaryDirectory("topology")

    @Test func goodFile_validates() async throws {
        let outcome = try await headwater(["validate"], "headwater: 1\npeers: {a: /a, b: 'h:/b'}\nedges: [a -> b]\n")
        #expect(outcome.exit == 0, "\(outcome.stderr)")
    }

    @Test func everyErrorIsListed_withLineCaretAndRemedy() async throws {
        let text = """
            headwater: 1
            peers:
              a: /a
              b: relative
            edges:
              - a -> nobody
              - {from: a, to: b, colour: red}
            """
        let outcome = try await headwater(["validate"], text)
        #expect(outcome.exit == 2)
        let said = outcome.stdout + outcome.stderr
        for place in ["file.yaml:4:", "file.yaml:6:", "file.yaml:7:"] { #expect(said.contains(place), "\(said)") }
        #expect(said.contains("^") && said.contains("remedy:"))
    }

    @Test func loop_isAnErrorForRunToo_beforeAnythingIsTouched() async throws {
        let (a, b) = (directory("a"), directory("b"))
        try write("x", a + "/file")
        try write("y", b + "/other")
        let text = "headwater: 1\npeers: {a: \(a), b: \(b)}\nedges: [a -> b, b -> a]\n"
        for command in ["validate", "graph", "run"] {
            let outcome = try await headwater([command], text)
            #expect(outcome.exit == 2)
            #expect((outcome.stdout + outcome.stderr).contains("HW101"))
        }
        #expect(!exists(a + "/.headwater") && !exists(b + "/file"))
    }

    @Test func keysOfLaterVersions_areRefusedNotIgnored() async throws {
        let text = "headwater: 1\npeers: {a: /a, b: /b}\nedges: [{from: a, to: b, bandwidth: 1MB/s}]\n"
        let outcome = try await headwater(["validate"], text)
        #expect(outcome.exit == 2)
        #expect((outcome.stdout + outcome.stderr).contains("not supported yet"))
    }

    @Test func warningsAlone_areFine_butNotWhenStrict() async throws {
        let text = "headwater: 1\npeers: {a: /a, b: /b, unused: /c}\nedges: [a -> b]\n"
        #expect(try await headwater(["validate"], text).exit == 0)
        #expect(try await headwater(["validate", "--strict"], text).exit == 2)
    }

    @Test func json_isOneDocument() async throws {
        let outcome = try await headwater(["validate", "--format", "json"], "headwater: 2\n")
        #expect(outcome.exit == 2)
        #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(outcome.stdout.utf8)) }
    }

    @Test func sarifAndGitHub_haveEveryFindingOfAllFiles() async throws {
        try write("headwater: 1\npeers: {a: /a, b: /b}\nedges: [a -> c]\n", directory("other.yaml"))
        let sarif = try await headwater(["validate", "other.yaml", "--format", "sarif"], "headwater: 2\n")
        #expect(sarif.exit == 2)
        #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(sarif.stdout.utf8)) }
        for part in ["\"HW024\"", "\"HW104\"", "\"uri\":\"other.yaml\"", "\"uri\":\"file.yaml\""] {
            #expect(sarif.stdout.contains(part))
        }
        let github = try await headwater(["validate", "other.yaml", "--format", "github"], "headwater: 2\n")
        #expect(github.exit == 2)
        #expect(github.stdout.split(separator: "\n").contains { $0.hasPrefix("::error file=other.yaml,line=3,col=") })
        #expect(github.stdout.split(separator: "\n").allSatisfy { $0.hasPrefix("::") }, "\(github.stdout)")
    }

    @Test func schema_isADocumentOfKeys() async throws {
        let outcome = try await Headwater.run(["schema"], environment: ["PATH": "/usr/bin:/bin"])
        let object = try JSONSerialization.jsonObject(with: Data(outcome.stdout.utf8)) as? [String: Any]
        #expect(outcome.exit == 0 && object?["$schema"] as? String == "http://json-schema.org/draft-07/schema#")
    }

    @Test func diff_saysWhatChanges_andExitsAsAsked() async throws {
        let text = "headwater: 1\npeers: {a: /a, b: /b, c: /c}\nedges: [a -> b, a -> c]\n"
        try write(text.replacing("a -> c", with: "{from: a, to: c, mode: pull}"), directory("old.yaml"))
        let outcome = try await headwater(["diff", "old.yaml"], text)
        #expect(outcome.exit == 0 && outcome.stdout.contains("mode: pull → push"), "\(outcome)")
        #expect(outcome.stdout.contains("snapshot.direction-changed"))
        #expect(try await headwater(["diff", "--exit-code", "old.yaml"], text).exit == 1)
        #expect(try await headwater(["diff", "--exit-code", "file.yaml"], text).exit == 0)
        let json = try await headwater(["diff", "--format", "json", "old.yaml"], text)
        #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(json.stdout.utf8)) }
        try write("headwater: 3\n", directory("old.yaml"))
        let wrong = try await headwater(["diff", "old.yaml"], text)
        #expect(wrong.exit == 2 && wrong.stdout.isEmpty && wrong.stderr.contains("HW024"))
    }

    @Test func missingFile_isNamed() async throws {
        let outcome = try await Headwater.run(
            ["validate", directory("nowhere.yaml")], environment: ["PATH": "/usr/bin:/bin"])
        #expect(outcome.exit == 2)
        #expect((outcome.stdout + outcome.stderr).contains("nowhere.yaml"))
    }

    @Test func graph_showsEveryPeer() async throws {
        let text =
            "headwater: 1\npeers: {source: /a, berlin: 'h:/b', tokio: 'i:/b'}\nedges: [source -> berlin, source -> tokio]\n"
        for format in ["ascii", "dot", "mermaid", "svg"] {
            let outcome = try await headwater(["graph", "--format", format], text)
            #expect(outcome.exit == 0, "\(outcome.stderr)")
            for peer in ["source", "berlin", "tokio"] { #expect(outcome.stdout.contains(peer)) }
        }
    }

    /// Runs the command on a file of that text, from the directory that holds it.
    private func headwater(_ arguments: [String], _ text: String) async throws -> RunningProcess.Outcome {
        try write(text, directory("file.yaml"))
        return try await Headwater.run(
            arguments + ["file.yaml"],
            environment: [
                "PATH": "/usr/bin:/bin", "HOME": directory.path, "XDG_STATE_HOME": directory("state"),
            ], directory: directory.path)
    }
}
