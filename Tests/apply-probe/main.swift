import Core
import Glibc
import Platform
import Roots

// apply-probe MODE ROOT …: applies batches to ROOT as a process of its own, to be killed, traced, or run as another user.
//
//     create COUNT BYTES [none|whole|each]
//                                   new files, in batches of 2 000
//     flip COUNT ROUNDS [WAY]       replaces f0…fN by turns with "old" and "new" content, says so before
//     relink COUNT ROUNDS [WAY]     makes f0…fN names of "even" and "odd" by turns, says so before
//     replace-in DIRECTORY          puts DIRECTORY/file and makes DIRECTORY/made, prints what became of it
let arguments = CommandLine.arguments
guard arguments.count >= 4 else {
    print("usage: apply-probe create|flip|relink|replace-in ROOT ARGUMENT [ARGUMENT]")
    exit(2)
}
do {
    let probe = try Probe(arguments[2])
    switch arguments[1] {
    case "create": try probe.create(Int(arguments[3])!, Int(arguments[4])!)
    case "flip": try probe.flip(Int(arguments[3])!, Int(arguments[4])!)
    case "relink": try probe.relink(Int(arguments[3])!, Int(arguments[4])!)
    default: try probe.replace(in: arguments[3])
    }
} catch {
    say("\(error)")
    exit(1)
}

func say(_ line: String) { try? writeFully(1, Array((line + "\n").utf8)) }

final class Probe {
    let root: Descriptor
    let stage: Stage
    let applier: Applier

    init(_ path: String) throws {
        root = try Descriptor(at: Descriptor.workingDirectory, path, Descriptor.pathOnly | O_DIRECTORY)
        stage = try Stage(root: root.raw, session: "probe")
        let ways: [String: DurabilityWay] = ["none": .none, "whole": .wholeFileSystem, "each": .eachFile]
        applier = Applier(stage, ability: .full, way: arguments.count > 5 ? ways[arguments[5]] : nil)
    }

    func stageFile(_ content: [UInt8], mode: UInt16 = 0o644) throws -> StagedFile {
        let attributes = Attributes(
            kind: .file, mode: mode, size: UInt64(content.count), mtime: Timestamp(seconds: 1_000_000, nanoseconds: 123)
        )
        let writer = try stage.file(attributes)
        try content.withUnsafeBytes { try writer.write($0) }
        return try writer.finish()
    }

    func create(_ count: Int, _ bytes: Int) throws {
        let content = [UInt8](repeating: 0x61, count: bytes)
        var stagingTime: UInt64 = 0
        var applyTime: UInt64 = 0
        for start in stride(from: 0, to: count, by: 2000) {
            let begin = MonotonicClock.now
            var batch = [Operation]()
            for index in start..<min(start + 2000, count) {
                if index % 100 == 0 {
                    let attributes = Attributes(kind: .directory, mode: 0o755, size: 0, mtime: .zero)
                    batch.append(
                        .makeDirectory(try TreePath(slashed: "d\(index / 100)"), attributes, expected: .absent))
                }
                let path = try TreePath(slashed: "d\(index / 100)/f\(index)")
                batch.append(.putFile(path, try stageFile(content), expected: .absent))
            }
            let staged = MonotonicClock.now
            _ = try applier.apply(batch)
            stagingTime += staged - begin
            applyTime += MonotonicClock.now - staged
        }
        say("staged in \(stagingTime / 1_000_000) ms, applied in \(applyTime / 1_000_000) ms")
    }

    /// The content of the `round`th turn: even "old…", odd "new…", of different lengths.
    func turn(_ round: Int) -> [UInt8] {
        Array(String(repeating: round % 2 == 0 ? "old" : "newer", count: 3000).utf8)
    }

    func flip(_ count: Int, _ rounds: Int) throws {
        try repeatBatches(count, rounds) { round, path, expected in
            .putFile(path, try stageFile(turn(round)), expected: expected)
        }
    }

    func relink(_ count: Int, _ rounds: Int) throws {
        let leaders = try ["even", "odd"].map { try TreePath(slashed: $0) }
        let attributes = try leaders.map { try status($0).attributes }
        try repeatBatches(count, rounds) { round, path, expected in
            .link(path, to: leaders[round % 2], inode: nil, attributes[round % 2], expected: expected)
        }
    }

    private func repeatBatches(
        _ count: Int, _ rounds: Int, _ operation: (Int, TreePath, Expected) throws -> Operation
    ) throws {
        for round in 1...rounds {
            let batch = try (0..<count).map { index in
                let path = try TreePath(slashed: "f\(index)")
                return try operation(round, path, Expected(try status(path)))
            }
            say("round \(round)")
            _ = try applier.apply(batch)
        }
    }

    private func status(_ path: TreePath) throws -> FileStatus {
        try TreeCursor(root: root.raw).withName(path) { directory, name throws(SystemError) in
            try FileStatus(at: directory, name)
        }
    }

    func replace(in directory: String) throws {
        let made = Attributes(kind: .directory, mode: 0o555, size: 0, mtime: Timestamp(seconds: 5, nanoseconds: 6))
        let outcomes = try applier.apply([
            .putFile(try TreePath(slashed: directory + "/file"), try stageFile([1, 2, 3]), expected: .absent),
            .makeDirectory(try TreePath(slashed: directory + "/made"), made, expected: .absent),
            .putFile(try TreePath(slashed: directory + "/made/inner"), try stageFile([4]), expected: .absent),
        ])
        for outcome in outcomes {
            if case .done = outcome { say("done") } else { say("\(outcome)") }
        }
    }

}
