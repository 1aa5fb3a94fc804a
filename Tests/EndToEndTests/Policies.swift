import Foundation
import TestSupport
import Testing

/// A world of one edge with a policy, from `build` here to a tree behind sshd; pulled, from there to here.
struct PolicyWorld: Sendable {
    let world: World
    private let isPull: Bool

    /// - Parameter policy: keys of the edge, as in `delete: never`.
    init(_ policy: String, pull: Bool = false, files: Int = 0) async throws {
        isPull = pull
        world = try World(
            targets: 1, edges: pull ? "  - {from: t0, to: build, mode: pull}\n" : nil,
            settings: "defaults: {\(policy)}\n")
        try FileManager.default.createDirectory(atPath: world.target(0), withIntermediateDirectories: true)
        if files > 0 {
            try makeTree(source, files: files)
            try await run()
        }
    }

    var source: String { isPull ? world.target(0) : world.source }
    var target: String { isPull ? world.source : world.target(0) }
    var session: String { isPull ? world.session("t0", "build") : world.session("build", "t0") }
    var attic: String { "\(target)/.headwater/\(session)/attic" }

    /// From the next run on another policy holds.
    func change(_ policy: String) throws {
        try world.writeTopology(
            edges: isPull ? "  - {from: t0, to: build, mode: pull}\n" : "  - build -> t0\n",
            settings: "defaults: {\(policy)}\n")
    }

    /// Runs, and expects the exit code.
    @discardableResult
    func run(exit: Int32 = 0, at location: SourceLocation = #_sourceLocation) async throws -> RunReport.Edge {
        let (outcome, report) = try await world.run()
        #expect(outcome.exit == exit, "\(outcome.stderr)", sourceLocation: location)
        return try report.edge(session)
    }

    /// A further run: it does nothing to trees and databases, and ends with the same code (invariant 10).
    func expectNothingFurther(exit: Int32 = 0, at location: SourceLocation = #_sourceLocation) async throws {
        let ends = [source, target]
        let databases = ends.map { "\($0)/.headwater/\(session)/snap.db" }
        let trees = try ends.map { try TreeListing($0) }
        var rows: [String] = []
        for database in databases { rows.append(try await dump(database, in: world)) }
        let edge = try await run(exit: exit, at: location)
        #expect(edge.movedNothing || exit != 0, "\(edge.moved)", sourceLocation: location)
        #expect(edge["deleted"] == 0 && edge["files"] == 0, "\(edge.moved)", sourceLocation: location)
        for (index, end) in ends.enumerated() {
            #expect(try TreeListing(end).differences(from: trees[index]) == [], sourceLocation: location)
            #expect(try await dump(databases[index], in: world) == rows[index], sourceLocation: location)
        }
    }

    /// What differs between the two trees, without what `ignoring` names and all below it.
    func differences(ignoring: [String] = []) throws -> [String] {
        try TreeListing(source).differences(from: TreeListing(target)).filter { line in
            !ignoring.contains { line.hasPrefix("\"\($0)\"") || line.hasPrefix("\"\($0)/") }
        }
    }

    /// Path and content of every file and symlink kept in the attic, without the moment in its name.
    func kept(in attic: String? = nil) throws -> [String: String] {
        let attic = attic ?? self.attic
        if !exists(attic) { return [:] }
        var found: [String: String] = [:]
        for (key, node) in try TreeListing(attic).nodes where node.kind != "d" {
            let name = String(decoding: key, as: UTF8.self)
            let moment = try #require(name.firstMatch(of: /~\d{8}T\d{6}Z(~\d+)?$/), "\(name)")
            found[name.replacingCharacters(in: moment.range, with: String(moment.output.1 ?? ""))] =
                String(decoding: node.content, as: UTF8.self)
        }
        return found
    }

    /// The state of a path's row at both ends, as `snap.db` holds it; nil: no row. Tombstones count as none.
    func rowStates(_ path: String) async throws -> [Int?] {
        var states: [Int?] = []
        for end in [source, target] {
            let key = path.utf8.map { $0 == UInt8(ascii: "/") ? 0 : $0 }.map { String(format: "%02x", $0) }.joined()
            let copy = world.directory("rows-\(UUID().uuidString)")
            try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
            let database = "\(end)/.headwater/\(session)/snap.db"
            for suffix in ["", "-wal"] where exists(database + suffix) {
                try FileManager.default.copyItem(atPath: database + suffix, toPath: copy + "/snap.db" + suffix)
            }
            let query = "SELECT state FROM entries WHERE path = x'\(key)' AND state != 5"
            let outcome = try await Headwater.tool(["sqlite3", copy + "/snap.db", query])
            #expect(outcome.exit == 0, "\(outcome.stderr)")
            states.append(Int(outcome.stdout.trimmingCharacters(in: .whitespacesAndNewlines)))
        }
        return states
    }
}
