import Core
import Foundation
import Testing

@testable import Snapshots

/// A flipped bit is found out, or what is read is what was written: never a wrong row.
@Suite struct BitFlipTests {
    private enum Outcome { case found, harmless, wrong }

    @Test func flippedBit_neverGivesAWrongRow() throws {
        let rig = Rig()
        try rig.fill(400)
        let sound = try #require(rig.content())
        let meta = try Snapshot.open(directory: rig.directory).meta
        let rows = try content(rig).1
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = Seeded(state: seed)
        var found = 0
        for _ in 0..<600 {
            let bit = Int(random.next() % UInt64(sound.count * 8))
            switch try flip(bit, sound, rig, meta, rows) {
            case .found: found += 1
            case .harmless: break
            case .wrong: Issue.record("bit \(bit), seed \(seed)")
            }
        }
        // Most of the file is content; a sweep that finds little does not look.
        #expect(found > 200, "seed \(seed)")
    }

    /// The header and the root pages, every bit of the first hundred bytes.
    @Test func flippedHeaderBit_neverGivesAWrongRow() throws {
        let rig = Rig()
        try rig.fill(30)
        let sound = try #require(rig.content())
        let meta = try Snapshot.open(directory: rig.directory).meta
        let rows = try content(rig).1
        for bit in 0..<800 where try flip(bit, sound, rig, meta, rows) == .wrong { Issue.record("bit \(bit)") }
    }

    private func flip(_ bit: Int, _ sound: Data, _ rig: Rig, _ meta: SnapshotMeta, _ rows: [Row]) throws -> Outcome {
        var bytes = sound
        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        try rig.overwrite(bytes)
        guard case .ok(let read) = Snapshot.inspect(directory: rig.directory) else { return .found }
        if read != meta { return .wrong }
        do { return try content(rig).1 == rows ? .harmless : .wrong } catch { return .found }
    }
}
