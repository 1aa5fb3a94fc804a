import Foundation
import TestSupport
import Testing

/// Random edits on both sides of small trees, cycle after cycle, through the real program; replayable by the seed in the message.
@Suite("Random histories of bidi", .slots, .timeLimit(.minutes(20)))
struct HistoryTests {
    private static let histories = Soak.isOn ? 150 : 6
    /// To replay one history and those after it.
    private static let firstSeed = ProcessInfo.processInfo.environment["HEADWATER_SEED"].flatMap(Int.init) ?? 1
    private static let cycles = 4

    @Test func nothingIsLost_andBothSidesAgreeOutsideConflicts() async throws {
        for seed in Self.firstSeed..<(Self.firstSeed + Self.histories) {
            let world = try World(targets: 0, edges: "  - build <-> other\n", localPeers: ["other"])
            var random = Seeded(UInt64(seed))
            var counter = 0
            try Sketch.apply("pad=0 d/ d/e/ d/e/f=agreed", world.source)
            #expect(try await world.run().outcome.exit == 0)
            for cycle in 1...Self.cycles {
                let place = "seed \(seed), cycle \(cycle)"
                var edits: [String] = []
                for side in [world.source, world.directory("other")] {
                    for _ in 0..<random.below(5) {
                        let edit = try Self.edit(side, &random, &counter)
                        edits.append((side == world.source ? "up " : "down ") + edit)
                    }
                }
                try await check(world, "\(place): \(edits)", newest: counter)
            }
        }
    }

    private func check(_ world: World, _ place: String, newest: Int) async throws {
        let other = world.directory("other")
        let before = try Set((Sketch.read(world.source) + Sketch.read(other)).compactMap(Self.content))
        let agreed = Self.agreedContents(world)
        let (outcome, report) = try await world.run()
        #expect([0, 3].contains(outcome.exit), "\(place): \(outcome.stderr)")
        let (up, down) = (try Sketch.read(world.source), try Sketch.read(other))
        let after = Set((up + down).compactMap(Self.content))
        // What neither side had agreed on may not go: nobody has deleted it.
        let lost = before.subtracting(after).subtracting(agreed).map { $0.prefix(12) }
        #expect(lost.isEmpty, "\(place): lost \(lost)")
        let conflicts = try await world.headwater("conflicts", ["--json"]).stdout
        let paths = conflicts.split(separator: "\n").compactMap { line in
            line.contains("\"type\":\"conflict\"") ? line.firstMatch(of: /"path":"([^"]*)"/).map { String($0.1) } : nil
        }
        #expect(report.edges[0]["conflicts"] == paths.count, "\(place)")
        let differing = Set(up).symmetricDifference(down).filter { word in
            let path = word.prefix { $0 != "=" && $0 != ">" }
            return !paths.contains { path == $0 || path == $0 + "/" || path.hasPrefix($0 + "/") || $0.hasPrefix(path) }
        }
        #expect(differing.isEmpty, "\(place): \(differing.map { $0.prefix(40) }.sorted()) beside conflicts \(paths)")
        let again = try await world.run().report.edges[0]
        #expect(again.movedNothing && again["conflicts"] == paths.count, "\(place): a second run does something")
        #expect(try Sketch.read(world.source) == up && Sketch.read(other) == down, "\(place)")
        Self.remember(world, up, down)
    }

    /// The text of a file, which no other file ever had.
    private static func content(_ word: String) -> String? {
        word.split(separator: "=").count == 2 ? String(word.split(separator: "=")[1]) : nil
    }

    /// What stood on both sides after the last cycle.
    private static func agreedContents(_ world: World) -> Set<String> {
        let text = try? String(contentsOfFile: world.directory("agreed"), encoding: .utf8)
        return Set((text ?? "0 agreed").split(separator: " ").map(String.init))
    }

    private static func remember(_ world: World, _ up: [String], _ down: [String]) {
        let both = Set(up.compactMap(content)).intersection(down.compactMap(content))
        try? both.joined(separator: " ").write(toFile: world.directory("agreed"), atomically: true, encoding: .utf8)
    }

    /// One random edit of a tree; says which.
    private static func edit(_ tree: String, _ random: inout Seeded, _ counter: inout Int) throws -> String {
        let names = ["a", "b", "d", "d/a", "d/b", "d/e", "d/e/f", "d/e/g", "n", "n/a"]
        let path = names[random.below(names.count)]
        let full = "\(tree)/\(path)"
        let manager = FileManager.default
        var isDirectory: ObjCBool = false
        let parent = (full as NSString).deletingLastPathComponent
        guard manager.fileExists(atPath: parent, isDirectory: &isDirectory), isDirectory.boolValue else { return "-" }
        switch random.below(10) {
        case 0, 1, 2:
            if manager.fileExists(atPath: full, isDirectory: &isDirectory), isDirectory.boolValue { return "-" }
            counter += 1
            try? manager.removeItem(atPath: full)
            try "c\(counter)".write(toFile: full, atomically: false, encoding: .utf8)
            return "\(path)=c\(counter)"
        case 3, 4:
            try? manager.removeItem(atPath: full)
            return "-\(path)"
        case 5:
            try? manager.createDirectory(atPath: full, withIntermediateDirectories: false)
            return "\(path)/"
        case 6:
            counter += 1
            try? manager.removeItem(atPath: full)
            try manager.createSymbolicLink(atPath: full, withDestinationPath: "t\(counter)")
            return "\(path)>t\(counter)"
        case 7:
            let isThere = manager.fileExists(atPath: full, isDirectory: &isDirectory)
            return isThere && chmod(full, random.below(2) == 0 ? 0o700 : 0o755) == 0 ? "\(path)%" : "-"
        case 8:
            // More than fits into a frame, in the place of whatever stood there.
            counter += 1
            try? manager.removeItem(atPath: full)
            let text = "c\(counter)" + String(repeating: "x", count: 600_000)
            try text.write(toFile: full, atomically: false, encoding: .utf8)
            return "\(path)=c\(counter)…"
        default:
            let to = names[random.below(names.count)]
            guard rename(full, "\(tree)/\(to)") == 0 else { return "-" }
            return "\(path)→\(to)"
        }
    }
}

/// A generator that gives the same numbers for the same seed (SplitMix64, Steele et al. 2014).
struct Seeded {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func below(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ (mixed >> 31)) % UInt64(bound))
    }
}
