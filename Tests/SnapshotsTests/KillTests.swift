import Core
import Foundation
import Testing

@testable import Snapshots

/// What a kill leaves behind: the files as they are at some moment, without a close.
@Suite struct KillTests {
    @Test func filesOfAKilledProcess_holdAllAcknowledgedCommits() throws {
        let (rig, killed) = (Rig(), Rig())
        let snapshot = try rig.create()
        try snapshot.commit([put("a", entry(1))])
        try snapshot.commit([put("b", entry(2))])
        try copy(rig, killed, logBytes: nil)
        guard case .ok(let meta) = Snapshot.inspect(directory: killed.directory) else {
            Issue.record("refused")
            return
        }
        #expect(meta == snapshot.meta)
        let recovered = try Snapshot.open(directory: killed.directory)
        #expect(recovered.meta == snapshot.meta)
        #expect(try all(recovered.rows()) == all(snapshot.rows()))
    }

    /// A cut of the log at any place is a kill or a power loss in the middle of a commit: one of the commits' states, whole.
    @Test func logCutAnywhere_isOneOfTheCommits() throws {
        let rig = Rig()
        let snapshot = try rig.create()
        var states: [SnapshotMeta: [Row]] = [snapshot.meta: []]
        for round in 0..<6 {
            try snapshot.commit(
                (0..<40).map { put("f\($0)", entry($0 + round)) } + [.remove(path("f\(round)"))], theirs: Int64(round))
            states[snapshot.meta] = try all(snapshot.rows())
        }
        let size = try #require(try FileManager.default.attributesOfItem(atPath: rig.file + "-wal")[.size] as? Int)
        var met: Set<Int64> = []
        for cut in Array(stride(from: 0, to: size, by: 3001)) + [size] {
            let killed = Rig()
            try copy(rig, killed, logBytes: cut)
            let recovered = try Snapshot.open(directory: killed.directory)
            met.insert(recovered.meta.mine)
            #expect(try all(recovered.rows()) == states[recovered.meta])
        }
        #expect(met.count == 7)
    }

    @Test func killedCreation_leavesNoSnapshot_andIsRepeated() throws {
        let rig = Rig()
        _ = try rig.directory.openOrCreate()
        let aside = rig.file + ".new"
        for name in [aside, aside + "-wal", aside + "-journal", rig.file + "-wal"] {
            try Data("half".utf8).write(to: URL(fileURLWithPath: name))
        }
        #expect(Snapshot.inspect(directory: rig.directory) == .none)
        #expect(try rig.create().meta.isFresh)
        #expect(rig.names() == ["snap.db"])
    }

    @Test func logOfALostFile_isNotReplayedIntoANewOne() throws {
        let (rig, other) = (Rig(), Rig())
        let snapshot = try other.create(sampleMeta(2))
        try snapshot.commit([put("old", entry(1))])
        _ = try rig.directory.openOrCreate()
        try FileManager.default.copyItem(atPath: other.file + "-wal", toPath: rig.file + "-wal")
        let fresh = try rig.create()
        #expect(fresh.meta == sampleMeta())
        #expect(try all(fresh.rows()).isEmpty)
    }

    @Test func discard_mayBeRepeatedFromAnyPoint() throws {
        let rig = Rig()
        try Snapshot.discard(directory: rig.directory)
        try rig.fill(3)
        for name in ["-wal", "-shm"] { try Data([1]).write(to: URL(fileURLWithPath: rig.file + name)) }
        try FileManager.default.removeItem(atPath: rig.file)
        #expect(Snapshot.inspect(directory: rig.directory) == .none)
        try Snapshot.discard(directory: rig.directory)
        try Snapshot.discard(directory: rig.directory)
        #expect(rig.names() == [])
        #expect(try rig.create().meta.isFresh)
    }

    private func copy(_ from: Rig, _ to: Rig, logBytes: Int?) throws {
        _ = try to.directory.openOrCreate()
        try FileManager.default.copyItem(atPath: from.file, toPath: to.file)
        let log = try #require(FileManager.default.contents(atPath: from.file + "-wal"))
        try log.prefix(logBytes ?? log.count).write(to: URL(fileURLWithPath: to.file + "-wal"))
    }
}
