import Core
import Foundation
import Testing
import TestSupport

@testable import Snapshots

/// What `snapshot check` proves, and that looking leaves no trace.
@Suite struct CheckTests {
    private func check(_ rig: Rig, session: String = "a-b") throws -> RowTally? {
        var tally: RowTally?
        _ = try SnapshotMoment.read(rig.directory) { tally = try $0.prove(session: session) }
        return tally
    }

    @Test func soundDatabase_isProven_withoutATrace() throws {
        let rig = Rig()
        let snapshot = try rig.create()
        try snapshot.commit(
            [
                put("a", entry(1)), put("b", entry(2, .directory)), put("c", entry(3), nil, .conflict),
                put("d", entry(4), nil, .withheld), put("e", entry(5, .directory), nil, .residue),
            ], theirs: 2)
        try snapshot.commit([.remove(path("a"))])
        for isAtRest in [false, true] {
            if isAtRest { _ = try snapshot.database.number("PRAGMA wal_checkpoint(TRUNCATE)") }
            let before = rig.names()
            let tally = try #require(try check(rig))
            #expect(rig.names() == before)
            #expect(tally.counts == snapshot.meta.counts && tally.sum == snapshot.meta.sum)
            #expect(tally.states == [.gone: 1, .agreed: 1, .conflict: 1, .withheld: 1, .residue: 1])
        }
    }

    @Test func nothing_isNotThere() throws {
        let rig = Rig()
        #expect(try check(rig) == nil)
        #expect(rig.names() == [])
    }

    /// Each is invisible to whoever reads the meta row alone.
    @Test(arguments: [
        "UPDATE entries SET size = size + 1 WHERE path = CAST('dir' || x'00' || 'file3' AS BLOB)",
        "DELETE FROM entries WHERE path = CAST('dir' || x'00' || 'file3' AS BLOB)",
        "UPDATE entries SET path = CAST('dir' || x'00' || 'filex' AS BLOB) WHERE path = CAST('dir' || x'00' || 'file3' AS BLOB)",
        "INSERT INTO entries SELECT CAST('z' AS BLOB), kind, mode, size, mtime_s, mtime_ns, digest_kind, digest, number, state, "
            + "NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, checksum, NULL, NULL FROM entries LIMIT 1",
    ])
    func alteredRow_isFound(sql: String) throws {
        let rig = Rig()
        try rig.fill(20)
        try rig.sql(sql)
        guard case .ok = Snapshot.inspect(directory: rig.directory) else {
            Issue.record("found without reading the rows: this proves nothing")
            return
        }
        let error = failure { _ = try check(rig) }
        #expect(error?.code == "snapshot.corrupt" && error?.exit == .databaseRefuses, "\(String(describing: error))")
        #expect(error?.message.contains(rig.file) == true)
    }

    /// Counts, sum and number are covered by the checksum of the meta row, but that says only that they were written so.
    @Test func metaThatLies_isFound() throws {
        for lie in 0..<3 {
            let rig = Rig()
            try rig.fill(20)
            let database = try Database(path: rig.file, .readWrite)
            var stored = try MetaTable.load(database)
            switch lie {
            case 0: stored.meta.counts.agreed += 1
            case 1: stored.meta.sum = stored.meta.sum &+ Digest(high: 0, low: 1)
            default: stored.meta.mine = 0
            }
            var statement = try database.prepare(MetaTable.write)
            try MetaTable.save(stored, with: &statement)
            #expect(failure { _ = try check(rig) }?.code == "snapshot.corrupt", "lie \(lie)")
        }
    }

    @Test func fileOfAnotherSession_isFound() throws {
        let rig = Rig()
        try rig.fill(2)
        let error = failure { _ = try check(rig, session: "other") }
        #expect(error?.code == "snapshot.other-session" && error?.remedy.contains("rename a-b") == true)
    }

    /// What is streamed cannot be taken back: it ends with an error rather than show a state that never was.
    @Test func fileWrittenWhileItIsRead_isSaid() throws {
        let rig = Rig()
        try rig.fill(5)
        let error = failure {
            _ = try SnapshotMoment.read(rig.directory, tries: 1) { moment in
                let cursor = try moment.rows()
                _ = try cursor.next()
                let snapshot = try Snapshot.open(directory: rig.directory)
                try snapshot.commit([put("new", entry(7))])
                _ = try snapshot.database.number("PRAGMA wal_checkpoint(TRUNCATE)")
            }
        }
        #expect(error?.code == "snapshot.changing" && error?.isTransient == true)
        var rows = 0
        _ = try SnapshotMoment.read(rig.directory) { rows = try all($0.rows()).count }
        #expect(rows == 6)
    }
}
