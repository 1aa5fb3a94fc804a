import Core
import Foundation
import Testing

@testable import Snapshots

/// Rows in conflict, and the sides that stand beside them.
@Suite struct ConflictRowTests {
    private func conflict(_ text: String, up: AgreedEntry?, down: AgreedEntry?, ancestor: AgreedEntry? = nil)
        -> Conflict
    {
        Conflict(
            path: path(text), ancestor: ancestor, upstream: up, downstream: down,
            since: Timestamp(seconds: 1_700_000_000, nanoseconds: 5))
    }

    @Test func sides_comeBackAsFlagged() throws {
        let rig = Rig()
        let flagged = [
            conflict("a", up: entry(1), down: entry(2), ancestor: entry(3)),
            conflict("b", up: nil, down: entry(2, .symlink), ancestor: entry(3)),
            conflict("c/d", up: entry(1, .directory), down: entry(2)),
        ]
        do {
            let snapshot = try rig.create()
            #expect(try snapshot.commit(flagged.map { .conflict($0, local: nil) }) == 1)
        }
        let snapshot = try Snapshot.open(directory: rig.directory)
        #expect(try snapshot.conflicts() == flagged)
        #expect(try snapshot.conflict(at: path("b")) == flagged[1])
        #expect(snapshot.meta.counts.conflicts == 3 && snapshot.meta.counts.agreed == 0)
        #expect(Glance(rig.directory, listsConflicts: true).conflicts == flagged)
    }

    @Test func flaggedAnew_isNewsForTheOtherEnd_theSameOnceMoreIsNone() throws {
        let rig = Rig()
        let snapshot = try rig.create()
        let first = conflict("a", up: entry(1), down: entry(2), ancestor: entry(3))
        #expect(try snapshot.commit([.conflict(first, local: identity(1))]) == 1)
        #expect(try snapshot.commit([.conflict(first, local: identity(1))]) == 1)
        let anew = conflict("a", up: entry(4), down: entry(2), ancestor: entry(3))
        #expect(try snapshot.commit([.conflict(anew, local: identity(2))]) == 2)
        #expect(try snapshot.conflicts() == [anew])
        #expect(try snapshot.row(at: path("a"))?.local == identity(2))
    }

    @Test func settled_leavesNothingBehind() throws {
        let rig = Rig()
        let snapshot = try rig.create()
        let names = ["a", "b", "c"]
        try snapshot.commit(names.map { .conflict(conflict($0, up: entry(1), down: nil), local: nil) })
        try snapshot.commit([put("a", entry(1)), .remove(path("b")), .forget(path("c"))])
        #expect(try snapshot.conflicts() == [] && snapshot.meta.counts.conflicts == 0)
    }

    @Test func damagedSides_areRefused() throws {
        let rig = Rig()
        do {
            let snapshot = try rig.create()
            try snapshot.commit([.conflict(conflict("a", up: entry(1), down: nil), local: nil)])
        }
        try rig.sql("UPDATE conflicts SET flagged = zeroblob(length(flagged))")
        let snapshot = try Snapshot.open(directory: rig.directory)
        #expect(throws: HeadwaterError.self) { try snapshot.conflicts() }
    }

    @Test(arguments: [1, 2, 3, 4])
    func databaseOfAVersionBefore_isMigrated_andKeepsItsRows(version: Int) throws {
        let rig = Rig()
        try rig.fill(20)
        if version == 1 { try rig.sql("DROP TABLE conflicts") }
        if version < 3 { try rig.sql("ALTER TABLE entries DROP COLUMN metadata") }
        if version < 5 { try rig.sql("ALTER TABLE entries DROP COLUMN origin") }
        try rig.sql("PRAGMA user_version=\(version)")
        guard case .ok(let meta) = Snapshot.inspect(directory: rig.directory) else {
            Issue.record("not readable")
            return
        }
        #expect(meta.counts.files == 20)
        _ = try SnapshotMoment.read(rig.directory) { moment in
            let tally = try moment.prove(session: "a-b")
            #expect(tally.counts.files == 20)
        }
        let snapshot = try Snapshot.open(directory: rig.directory)
        try snapshot.commit([.conflict(conflict("dir/file3", up: entry(1), down: nil), local: nil)])
        #expect(try all(snapshot.rows()).count == 20)
        #expect(try snapshot.conflicts().map(\.path) == [path("dir/file3")])
    }
}
