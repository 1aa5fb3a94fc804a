import Core
import Testing

@testable import Snapshots

/// What SQLite really answers, sorted by what a person can do.
@Suite struct DatabaseFaultTests {
    private func kind(_ body: () throws -> Void) -> DatabaseFault.Kind? {
        do { try body() } catch { return (error as? DatabaseFault)?.kind }
        return nil
    }

    @Test func busyReadOnlyAndMissing_areToldApart() throws {
        let rig = Rig()
        try rig.fill(1)
        let writer = try Database(path: rig.file, .readWrite)
        try writer.execute("BEGIN IMMEDIATE")
        let second = try Database(path: rig.file, .readWrite)
        try second.execute("PRAGMA busy_timeout=0")
        #expect(kind { try second.execute("BEGIN IMMEDIATE") } == .busy)
        let reader = try Database(path: rig.file, .readOnly)
        #expect(kind { try reader.execute("UPDATE meta SET mine = 9") } == .readOnly)
        #expect(kind { _ = try Database(path: rig.root("none/x.db"), .readWrite) } == .inputOutput)
    }

    @Test func attachedFilesAndSchemaWrites_areRefused() throws {
        let rig = Rig()
        try rig.fill(1)
        let database = try Database(path: rig.file, .readWrite)
        #expect(kind { try database.execute("ATTACH ':memory:' AS other") } != nil)
        #expect(kind { try database.execute("PRAGMA writable_schema=ON; DELETE FROM sqlite_schema") } != nil)
        #expect(kind { _ = try database.number("SELECT load_extension('x')") } != nil)
    }

    @Test func fullDisk_recordsNothing_andTheNextCommitGoesOn() throws {
        let rig = Rig()
        let snapshot = try rig.create()
        try snapshot.commit([put("a", entry(1))])
        let before = snapshot.meta
        try snapshot.database.execute("PRAGMA max_page_count=8")
        let many = (0..<2000).map { put("f\($0)", entry($0)) }
        let error = failure { try snapshot.commit(many, theirs: 5) }
        #expect(error?.code == "snapshot.no-space" && error?.exit == .edgeFailed)
        #expect(snapshot.meta == before)
        #expect(try all(snapshot.rows()).map(\.path) == [path("a")])
        try snapshot.database.execute("PRAGMA max_page_count=100000")
        #expect(try snapshot.commit(many, theirs: 5) == 2)
        #expect(try all(snapshot.rows()).count == 2001)
    }
}
