import Core
import Foundation
import Testing
import TestSupport

@testable import Snapshots

/// `compact` and `reset` on one database at rest.
@Suite struct MendingTests {
    @Test func compaction_givesBackWhatIsFree_andChangesNoRow() throws {
        let rig = Rig()
        try rig.fill(4000)
        do {
            let snapshot = try Snapshot.open(directory: rig.directory)
            try snapshot.commit((500..<4000).map { .forget(path("dir/file\($0)")) })
        }
        let (meta, rows) = try content(rig)
        let sizes = try #require(try SnapshotMending(rig.directory, owner: .current())).compact()
        #expect(sizes.after < sizes.before / 2)
        #expect(sizes.after == rig.content().map { UInt64($0.count) })
        #expect(rig.names() == ["lock", "snap.db"])
        let (now, left) = try content(rig)
        #expect(now == meta && left == rows && left.count == 500)
        // Schema, settings and mode of the file are as they were made.
        let again = try Snapshot.open(directory: rig.directory)
        #expect(try again.commit([put("more", entry(1))]) == meta.mine + 1)
    }

    @Test func logOfAKilledSession_isTakenIn() throws {
        let (rig, killed) = (Rig(), Rig())
        let snapshot = try rig.create()
        try snapshot.commit((0..<50).map { put("f\($0)", entry($0)) })
        _ = try killed.directory.openOrCreate()
        for ending in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: rig.file + ending, toPath: killed.file + ending)
        }
        _ = try #require(try SnapshotMending(killed.directory, owner: .current())).compact()
        #expect(killed.names() == ["lock", "snap.db"])
        #expect(try content(killed).0 == snapshot.meta)
    }

    @Test func damagedDatabase_isNotCompacted_butReset() throws {
        let rig = Rig()
        try rig.fill(20)
        try rig.sql("DELETE FROM entries WHERE path = CAST('dir' || x'00' || 'file3' AS BLOB)")
        let before = rig.content()
        do {
            let mending = try #require(try SnapshotMending(rig.directory, owner: .current()))
            #expect(failure { _ = try mending.compact() }?.code == "snapshot.corrupt")
        }
        #expect(rig.content() == before)
        try awaitFree(rig.directory)
        try #require(try SnapshotMending(rig.directory, owner: .current())).reset()
        #expect(rig.names() == ["lock"])
        try awaitFree(rig.directory)
        #expect(try SnapshotMending(rig.directory, owner: .current()) == nil)
    }

    @Test func nothing_isNotMended_andNothingIsMade() throws {
        let rig = Rig()
        #expect(try SnapshotMending(rig.directory, owner: .current()) == nil)
        #expect(!FileManager.default.fileExists(atPath: rig.root(".headwater")))
    }

    @Test func databaseInUse_isLeftAlone() throws {
        let rig = Rig()
        try rig.fill(3)
        guard case .acquired(let lock) = try SessionLock.acquire(directory: rig.directory, owner: .current()) else {
            Issue.record("held")
            return
        }
        let error = failure { _ = try SnapshotMending(rig.directory, owner: .current()) }
        #expect(error?.exit == .alreadyRunning && error?.message.contains("pid \(getpid())") == true)
        withExtendedLifetime(lock) {}
    }

    /// Neither is ours to remove.
    @Test func fileOfAnotherProgram_andLink_areLeftAlone() throws {
        let rig = Rig()
        _ = try rig.directory.openOrCreate()
        let foreign = try Database(path: rig.file, .create)
        try foreign.execute("CREATE TABLE theirs (x)")
        let before = rig.content()
        #expect(failure { _ = try SnapshotMending(rig.directory, owner: .current()) }?.code == "snapshot.foreign")
        #expect(rig.content() == before && rig.names() == ["snap.db"])
        try FileManager.default.moveItem(atPath: rig.file, toPath: rig.root("elsewhere.db"))
        try FileManager.default.createSymbolicLink(
            atPath: rig.file, withDestinationPath: rig.root("elsewhere.db"))
        #expect(failure { _ = try SnapshotMending(rig.directory, owner: .current()) }?.code == "snapshot.unreadable")
        #expect(rig.names() == ["snap.db"] && FileManager.default.fileExists(atPath: rig.root("elsewhere.db")))
    }
}

/// Meta row and rows, read without a trace.
func content(_ rig: Rig) throws -> (SnapshotMeta, [Row]) {
    var found: (SnapshotMeta, [Row])?
    _ = try SnapshotMoment.read(rig.directory) { moment in found = (moment.meta, try all(moment.rows())) }
    return try #require(found)
}
