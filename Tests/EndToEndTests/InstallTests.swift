import Foundation
import TestSupport
import Testing

/// What `make install` puts where, and that `make uninstall` takes all of it away.
@Suite("Installation", .slots, .timeLimit(.minutes(20)))
struct InstallTests {
    private let directory = TemporaryDirectory("install")
    private static let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "scripts/install.sh").path
    private static let extras = [
        "share/bash-completion/completions/headwater", "share/zsh/site-functions/_headwater",
        "share/fish/vendor_completions.d/headwater.fish", "share/headwater/headwater.schema.json",
    ]

    private func install(_ environment: [String: String], _ arguments: [String] = []) async throws
        -> RunningProcess.Outcome
    {
        var all = try [
            "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": directory.path, "HEADWATER_BIN_DIR": Headwater.binaries(),
        ]
        all.merge(environment) { $1 }
        return try await RunningProcess(["/usr/bin/bash", Self.script] + arguments, environment: all).outcome()
    }

    private func files(_ path: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: path).filter { name in
            var isDirectory: ObjCBool = false
            let isThere = FileManager.default.fileExists(atPath: path + "/" + name, isDirectory: &isDirectory)
            return isThere && !isDirectory.boolValue
        }
    }

    @Test func everything_isWhereItBelongs_isSaid_andGoesAgain() async throws {
        let place = ["DESTDIR": directory("image"), "PREFIX": "/opt/hw"]
        let prefix = directory("image") + "/opt/hw"
        for _ in 0..<2 {
            let outcome = try await install(place)
            #expect(outcome.exit == 0, "\(outcome.stderr)")
            for path in Self.extras {
                #expect(outcome.stdout.contains("\(prefix)/\(path)\n"), "\(path): \(outcome.stdout)")
            }
            #expect(outcome.stdout.contains("\(prefix)/bin\n"))
        }
        let documents = ["CHANGELOG.md", "LICENSE", "NOTICE", "README.md"].map { "share/doc/headwater/" + $0 }
        #expect(
            Set(try files(directory("image")))
                == Set(
                    (["bin/headwater", "bin/headwater-agent"] + Self.extras + documents)
                        .map { "opt/hw/" + $0 }))
        // They are those of the program that was installed.
        let program = prefix + "/bin/headwater"
        for (path, command) in zip(Self.extras, ["completions bash", "completions zsh", "completions fish", "schema"]) {
            let said = try await RunningProcess(
                [program] + command.split(separator: " ").map(String.init), environment: [:]
            ).outcome()
            #expect(try said.exit == 0 && read(prefix + "/" + path) == said.stdout, "\(path)")
        }

        try write("mine", prefix + "/share/headwater/mine")
        let gone = try await install(place, ["--uninstall"])
        #expect(gone.exit == 0, "\(gone.stderr)")
        #expect(try files(directory("image")) == ["opt/hw/share/headwater/mine"])
        #expect(try await install(place, ["--uninstall"]).exit == 0)
    }

    @Test func plainUser_getsThemBelowHome() async throws {
        let outcome = try await install(["PREFIX": directory.path + "/.local"])
        #expect(outcome.exit == 0 && exists(directory(".local/share/bash-completion/completions/headwater")))
    }

    @Test func missingProgram_installsNothing() async throws {
        let outcome = try await install(["HEADWATER_BIN_DIR": directory("none"), "PREFIX": directory("out")])
        #expect(outcome.exit == 1 && outcome.stderr.hasPrefix("error: "))
        #expect(!exists(directory("out")))
    }
}
