import Foundation
import TestSupport
import Testing

/// The words of `snapshot files`: how each path came to be, the same at both ends.
@Suite("Origins", .slots, .timeLimit(.minutes(20)))
struct OriginTests {
    enum Way: String, CaseIterable, Sendable {
        case push, pull, bidi

        var edge: String {
            switch self {
            case .push: "  - build -> t0\n"
            case .pull: "  - {from: t0, to: build, mode: pull}\n"
            case .bidi: "  - build <-> t0\n"
            }
        }
    }

    @Test(arguments: Way.allCases) func eachWord_isTheSameAtBothEnds_andASecondRunWritesNothing(way: Way) async throws {
        let world = try World(targets: 1, edges: way.edge)
        // Where both ends send, the second direction does it.
        let (sender, other) = way == .push ? (world.source, world.target(0)) : (world.target(0), world.source)
        for name in ["old", "copied", "moved", "changed"] { try write("content of \(name)", "\(sender)/\(name)") }
        try write("two", sender + "/d/file")
        for tree in [sender, other] { try write("the same", tree + "/same") }
        try await expect(
            world, way,
            [
                "old": "sent", "copied": "sent", "moved": "sent", "changed": "sent",
                "d": "sent", "d/file": "sent", "same": "existed",
            ])

        for (from, to) in [("moved", "new name"), ("changed", "changed too"), ("d", "D")] {
            try #require(rename("\(sender)/\(from)", "\(sender)/\(to)") == 0)
        }
        try write("another content", sender + "/changed too")
        let moved = [
            "old": "sent", "copied": "sent", "new name": "moved", "changed too": "sent",
            "D": "moved", "D/file": "sent", "same": "existed",
        ]
        try await expect(world, way, moved)

        // Where both ends send, nothing is copied.
        if way == .bidi { return }
        try world.writeTopology(edges: way.edge, settings: "defaults: {delete: never}\n")
        try #require(rename(sender + "/copied", sender + "/copy") == 0)
        chmod(sender + "/same", 0o600)
        try await expect(world, way, moved.merging(["copy": "copied", "copied": "none"]) { $1 })

        try write("no copy any more", sender + "/copy")
        try write("not the same", sender + "/same")
        let last = moved.merging(["copy": "sent", "same": "sent", "copied": "none"]) { $1 }
        try await expect(world, way, last)
    }

    /// Runs; then the rows of both ends came to be so, and a further run writes none of them.
    private func expect(
        _ world: World, _ way: Way, _ origins: [String: String], at location: SourceLocation = #_sourceLocation
    ) async throws {
        let session = way == .pull ? world.session("t0", "build") : world.session("build", "t0")
        let (outcome, _) = try await world.run()
        #expect(outcome.exit == 0, "\(outcome.stderr)", sourceLocation: location)
        var rows: [String] = []
        for end in [world.source, world.target(0)] {
            #expect(try await self.origins(world, end, session) == origins, "\(end)", sourceLocation: location)
            rows.append(try await dump("\(end)/.headwater/\(session)/snap.db", in: world))
        }
        let (again, report) = try await world.run()
        #expect(again.exit == 0 && report.edges[0].movedNothing, sourceLocation: location)
        for (end, before) in zip([world.source, world.target(0)], rows) {
            let after = try await dump("\(end)/.headwater/\(session)/snap.db", in: world)
            #expect(after == before, "\(end)", sourceLocation: location)
        }
    }

    private static let words = [
        "sent": "SYNCHRONIZED", "existed": "SYNCHRONIZED(exs)", "moved": "SYNCHRONIZED(mov)",
        "copied": "SYNCHRONIZED(ddp)",
    ]

    /// By `--json`, but for what is deleted; `none` where it says null. The words are those of the origins, there and in the lines for
    /// people.
    private func origins(_ world: World, _ end: String, _ session: String) async throws -> [String: String] {
        func files(_ more: [String]) async throws -> [Substring] {
            let outcome = try await Headwater.run(
                ["snapshot", "files", end, session] + more, environment: world.environment)
            #expect(outcome.exit == 0, "\(outcome.stderr)")
            return outcome.stdout.split(separator: "\n")
        }
        let lines = try await files([])
        var found: [String: String] = [:]
        for line in try await files(["--json"]) {
            guard case .object(let object) = try JSONDecoder().decode(JSONValue.self, from: Data(line.utf8)),
                let path = object["path"]?.text, let status = object["status"]?.text
            else { continue }
            if object["state"]?.text == "gone" { continue }
            let origin = object["origin"]?.text
            #expect(status == origin.map { Self.words[$0] } ?? "SYNCHRONIZED(skp)", "\(line)")
            #expect(lines.contains { $0.hasPrefix(status + " ") && $0.hasSuffix("Z \(path)") }, "\(path)")
            found[path] = origin ?? "none"
        }
        return found
    }
}
