import Foundation
import TestSupport
import Testing

@Suite("Output", .slots, .timeLimit(.minutes(20)))
struct OutputTests {
    @Test func json_beginsWithTheVersionAndEndsWithTheSummary() async throws {
        let world = try World(targets: 2)
        try makeTree(world.source, files: 20)
        let (outcome, report) = try await world.run()
        #expect(outcome.exit == 0)
        #expect(report.lines.first?["type"]?.text == "version")
        #expect(report.lines.dropFirst().dropLast().allSatisfy { $0["type"]?.text != nil })
        #expect(report.lines.filter { $0["type"]?.text == "summary" }.count == 1)
        #expect(report.edges.count == 2)
        for edge in report.edges { #expect(Set(edge.fields.keys) == RunReport.edgeFields) }
        #expect(report.edges[0].text("edge") == "build -> t0")
    }

    @Test func plain_tellsTheEdgeAndTheCounts_withoutControlCharacters() async throws {
        let world = try World(targets: 1)
        try AwkwardTree.build(at: world.source)
        let outcome = try await world.headwater("run")
        #expect(outcome.exit == 0)
        #expect(outcome.stdout.contains("build -> t0"))
        for text in [outcome.stdout, outcome.stderr] {
            #expect(text.unicodeScalars.allSatisfy { $0.value >= 0x20 || $0 == "\n" }, "\(text.debugDescription)")
        }
    }

    @Test(arguments: ["/dev/full", "/dev/null"])
    func resultsThatCannotBeWritten_areAnError_andTheRunStands(output: String) async throws {
        let world = try World(targets: 1)
        try makeTree(world.source, files: 3)
        let run = try RunningProcess(
            [
                "/bin/sh", "-c", "exec \"$0\" run \"$1\" >\(output)", Headwater.binaries() + "/headwater",
                world.topology,
            ],
            environment: world.environment)
        let outcome = await run.outcome()
        let isLost = output == "/dev/full"
        #expect(outcome.exit == (isLost ? 1 : 0), "\(outcome.stderr)")
        #expect(outcome.stderr.contains("error[output.lost]") == isLost, "\(outcome.stderr)")
        #expect(try await world.differences(0) == [])
    }

    @Test func quiet_saysNothingWhenAllIsWell() async throws {
        let world = try World(targets: 1)
        try makeTree(world.source, files: 5)
        let outcome = try await world.headwater("run", ["-q"])
        #expect(outcome.exit == 0)
        #expect(outcome.stderr == "" && outcome.stdout == "")
    }

    @Test func logFile_isPrivateAndHoldsTheRun() async throws {
        let world = try World(targets: 1)
        try makeTree(world.source, files: 5)
        let log = world.directory("run.log")
        #expect(try await world.headwater("run", ["--log-file", log]).exit == 0)
        #expect(try read(log).contains("build -> t0"))
        var status = stat()
        #expect(lstat(log, &status) == 0 && status.st_mode & 0o777 == 0o600)
    }

    @Test func version_namesEveryLinkedLibrary() async throws {
        let outcome = try await Headwater.run(["--version"], environment: ["PATH": "/usr/bin:/bin"])
        #expect(outcome.exit == 0)
        let text = outcome.stdout.lowercased()
        for library in ["headwater 0.1.0", "libssh2", "openssl", "sqlite", "zstd", "xxhash", "libyaml", "zlib"] {
            #expect(text.contains(library), "\(library) in \(text)")
        }
    }

    @Test(arguments: [
        ["nonsense"], ["run", "--nonsense"], ["run", "a.yaml", "b.yaml"], ["graph", "--format", "png"],
    ])
    func wrongArguments_areAUsageError(arguments: [String]) async throws {
        let outcome = try await Headwater.run(arguments, environment: ["PATH": "/usr/bin:/bin"])
        #expect(outcome.exit == 2 && outcome.stdout.isEmpty && !outcome.stderr.isEmpty)
    }
}
