import Foundation
import TestSupport
import Testing

/// `overwrite` of push and pull, by the real programs: what both sides changed is listed, decided, and never lost (invariant 6).
@Suite("overwrite: older, conflict", .slots, .timeLimit(.minutes(20)))
struct OverwriteTests {
    private func resolve(_ pair: PolicyWorld, _ path: String, _ keep: String) async throws {
        let outcome = try await pair.world.headwater("resolve", [path, "--session", pair.session, "--keep", keep])
        #expect(outcome.exit == 0, "\(outcome.stderr)")
    }

    @Test(arguments: [false, true])
    func conflict_isListedAndDecided(pull: Bool) async throws {
        let pair = try await PolicyWorld("overwrite: conflict", pull: pull, files: 8)
        for path in ["a", "b", "c"] { try write("old", "\(pair.source)/\(path)") }
        try await pair.run()
        for path in ["a", "b"] { try write("upstream", "\(pair.source)/\(path)") }
        try remove("\(pair.source)/c")
        for path in ["a", "b", "c"] { try write("mine", "\(pair.target)/\(path)") }
        #expect(try await pair.run(exit: 3)["conflicts"] == 3)
        for path in ["a", "b", "c"] { #expect(try read("\(pair.target)/\(path)") == "mine") }
        let listed = try await pair.world.headwater("conflicts", ["--json"])
        #expect(listed.exit == 3 && listed.stdout.contains("changed/changed"), "\(listed.stdout)")
        #expect(listed.stdout.contains("deleted/changed"), "\(listed.stdout)")
        try await pair.expectNothingFurther(exit: 3)
        try await resolve(pair, "a", "upstream")
        try await resolve(pair, "b", "downstream")
        try await resolve(pair, "c", "upstream")
        try await pair.run()
        #expect(try read("\(pair.target)/a") == "upstream" && read("\(pair.target)/b") == "mine")
        #expect(!exists("\(pair.target)/c"))
        #expect(try pair.kept() == ["a": "mine", "c": "mine"])
        #expect(try await pair.rowStates("b") == [6, 6])
        try await pair.expectNothingFurther()
    }

    @Test func older_theNewerWins_andANewerTargetIsListed() async throws {
        let pair = try await PolicyWorld("overwrite: older, keep_deleted: true", files: 8)
        for path in ["a", "b"] { try write("old", "\(pair.source)/\(path)") }
        try await pair.run()
        for path in ["a", "b"] {
            try write("upstream", "\(pair.source)/\(path)")
            try write("mine", "\(pair.target)/\(path)")
        }
        let past = [FileAttributeKey.modificationDate: Date(timeIntervalSince1970: 1_600_000_000)]
        try FileManager.default.setAttributes(past, ofItemAtPath: "\(pair.target)/a")
        try FileManager.default.setAttributes(past, ofItemAtPath: "\(pair.source)/b")
        #expect(try await pair.run(exit: 3)["conflicts"] == 1)
        #expect(try read("\(pair.target)/a") == "upstream" && read("\(pair.target)/b") == "mine")
        #expect(try pair.kept() == ["a": "mine"])
        try await pair.expectNothingFurther(exit: 3)
    }
}
