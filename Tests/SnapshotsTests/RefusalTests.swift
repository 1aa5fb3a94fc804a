import Core
import Foundation
import Testing
import TestSupport

@testable import Snapshots

/// Each refusal of a file: its fault, its words at both ends, and that not one byte was touched.
@Suite struct RefusalTests {
    private func expectRefused(_ rig: Rig, _ fault: SnapshotFault, _ code: String, _ text: String) throws {
        let before = rig.content()
        let names = rig.names()
        #expect(Snapshot.inspect(directory: rig.directory) == .refused(fault))
        let error = failure { _ = try Snapshot.open(directory: rig.directory) }
        #expect(error?.code == code)
        #expect(error?.message == "Failed. " + text)
        #expect(error?.exit == .databaseRefuses)
        #expect(error?.remedy.isEmpty == false)
        #expect(fault.error(file: rig.file, atPeer: true).message == "Failed. Peer error: " + text)
        #expect(failure { _ = try rig.create() }?.code == "snapshot.exists")
        #expect(rig.content() == before)
        #expect(rig.names() == names)
    }

    /// Writing would change what stands under the other name, too: a backup made of hard links.
    @Test func databaseWithASecondName() throws {
        let rig = Rig()
        try rig.fill(1)
        try FileManager.default.linkItem(atPath: rig.file, toPath: rig.root.path + "/backup")
        let reason = "it has a second name, a hard link: copy it and put the copy in its place"
        try expectRefused(
            rig, .unreadable(reason), "snapshot.unreadable", "Database \(rig.file) cannot be opened: \(reason)")
    }

    @Test func notSQLite() throws {
        let rig = Rig()
        try rig.fill(1)
        try rig.overwrite("this is not a database, but long enough to have a header".utf8)
        try expectRefused(rig, .notDatabase, "snapshot.not-a-database", "file is encrypted or is not a database")
    }

    @Test func shortText() throws {
        let rig = Rig()
        try rig.fill(1)
        try rig.overwrite("x\n".utf8)
        try expectRefused(rig, .notDatabase, "snapshot.not-a-database", "file is encrypted or is not a database")
    }

    @Test func emptyFile_isCorruptNotNew() throws {
        let rig = Rig()
        try rig.fill(1)
        try rig.overwrite([])
        try expectRefused(rig, .corrupt, "snapshot.corrupt", "Corrupt database \(rig.file)")
    }

    @Test func tablelessFile_isCorruptNotNew() throws {
        let rig = Rig()
        _ = try rig.directory.openOrCreate()
        do {
            let database = try Database(path: rig.file, .create)
            try database.execute("CREATE TABLE t(a); DROP TABLE t")
        }
        try expectRefused(rig, .corrupt, "snapshot.corrupt", "Corrupt database \(rig.file)")
    }

    @Test func truncated() throws {
        let rig = Rig()
        try rig.fill(3000)
        let whole = try #require(rig.content())
        try rig.overwrite(whole.prefix(whole.count / 2 + 100))
        try expectRefused(rig, .corrupt, "snapshot.corrupt", "Corrupt database \(rig.file)")
    }

    @Test func newerSchema() throws {
        let rig = Rig()
        try rig.fill(1)
        try rig.sql("PRAGMA user_version=6")
        try expectRefused(
            rig, .newerSchema(6), "snapshot.newer-schema", "Database \(rig.file) has schema 6, this Headwater reads 5")
    }

    @Test func otherProgram() throws {
        let rig = Rig()
        try rig.fill(1)
        try rig.sql("PRAGMA application_id=77")
        try expectRefused(rig, .foreign, "snapshot.foreign", "Database \(rig.file) belongs to another program")
    }

    @Test(arguments: [
        "CREATE TRIGGER t AFTER INSERT ON entries BEGIN DELETE FROM entries; END", "CREATE VIEW v AS SELECT 1",
        "CREATE TABLE extra (a)", "DROP INDEX tombstones", "ALTER TABLE entries ADD COLUMN more INTEGER",
    ]) func alteredSchema(sql: String) throws {
        let rig = Rig()
        try rig.fill(1)
        try rig.sql(sql)
        try expectRefused(rig, .corrupt, "snapshot.corrupt", "Corrupt database \(rig.file)")
    }

    @Test(arguments: [
        "DELETE FROM meta", "UPDATE meta SET mine = mine + 1", "UPDATE meta SET theirs = 0",
        "UPDATE meta SET initialised = 0",
        "UPDATE meta SET place_here = '/'", "UPDATE meta SET mode = 'bidi'", "UPDATE meta SET agreed_sum = x'00'",
    ]) func alteredMeta(sql: String) throws {
        let rig = Rig()
        try rig.fill(1)
        try rig.sql(sql)
        try expectRefused(rig, .corrupt, "snapshot.corrupt", "Corrupt database \(rig.file)")
    }

    @Test(arguments: [
        "UPDATE entries SET size = size + 1 WHERE path = (SELECT max(path) FROM entries)",
        "DELETE FROM entries WHERE path = (SELECT max(path) FROM entries)", "DELETE FROM entries",
        "UPDATE entries SET path = x'7a' WHERE path = (SELECT max(path) FROM entries)",
        "UPDATE entries SET local_inode = NULL", "UPDATE entries SET local_device = NULL",
        "UPDATE entries SET state = 2",
        "UPDATE entries SET number = 0", "UPDATE entries SET chunks = x'00'", "UPDATE entries SET digest = NULL",
        "UPDATE entries SET kind = 5", "UPDATE entries SET mtime_ns = 1000000000",
    ]) func alteredRows_areFoundByTheCursor(sql: String) throws {
        let rig = Rig()
        try rig.fill(5)
        try rig.sql(sql)
        let snapshot = try Snapshot.open(directory: rig.directory)
        let error = failure { _ = try all(snapshot.rows()) }
        #expect(error?.code == "snapshot.corrupt")
        #expect(error?.message == "Failed. Corrupt database \(rig.file)")
        #expect(error?.exit == .databaseRefuses)
    }

    @Test func damagedRow_isNotReadAlone_andStopsTheCommit() throws {
        let rig = Rig()
        try rig.fill(5)
        try rig.sql("UPDATE entries SET size = 77")
        let snapshot = try Snapshot.open(directory: rig.directory)
        let before = snapshot.meta
        #expect(failure { try snapshot.commit([.remove(path("dir/file1"))]) }?.code == "snapshot.corrupt")
        #expect(failure { try snapshot.commit([put("new", entry(1))]) }?.code == "snapshot.corrupt")
        #expect(try Snapshot.open(directory: rig.directory).meta == before)
        #expect(failure { _ = try snapshot.row(at: path("dir/file1")) }?.code == "snapshot.corrupt")
    }

    /// An insertion elsewhere would succeed, and spread the damage.
    @Test func malformedPageAnywhere_stopsTheFirstCommit() throws {
        let rig = Rig()
        try rig.fill(3000)
        var bytes = try #require(rig.content())
        let page = bytes.count / Schema.pageBytes / 2 * Schema.pageBytes
        bytes.replaceSubrange(page..<page + 64, with: repeatElement(0xA5, count: 64))
        try rig.overwrite(bytes)
        let snapshot = try Snapshot.open(directory: rig.directory)
        #expect(failure { try snapshot.commit([put("zzz", entry(1))]) }?.code == "snapshot.corrupt")
        #expect(rig.content() == bytes)
    }

    @Test func symlinkInPlaceOfTheFile_isNotFollowed() throws {
        let rig = Rig()
        try rig.fill(1)
        let elsewhere = rig.root("elsewhere.db")
        try FileManager.default.moveItem(atPath: rig.file, toPath: elsewhere)
        try FileManager.default.createSymbolicLink(atPath: rig.file, withDestinationPath: elsewhere)
        #expect(Snapshot.inspect(directory: rig.directory) == .refused(.unreadable("it is not a file")))
        #expect(failure { _ = try Snapshot.open(directory: rig.directory) }?.code == "snapshot.unreadable")
    }

    @Test func privateDirectory_isNoSymlinkAndNotSharedWithOthers() throws {
        let rig = Rig()
        let reserved = rig.root(".headwater")
        try FileManager.default.createDirectory(atPath: rig.root("other"), withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(atPath: reserved, withDestinationPath: rig.root("other"))
        #expect(failure { _ = try rig.create() }?.code == "snapshot.directory")
        #expect(try FileManager.default.contentsOfDirectory(atPath: rig.root("other")) == [])
        try FileManager.default.removeItem(atPath: reserved)
        try FileManager.default.createDirectory(
            atPath: reserved, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o777])
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: reserved)
        #expect(failure { _ = try rig.create() }?.code == "snapshot.directory")
    }

    @Test func missingDatabaseDirectory_isNoneToReadAndAnErrorToCreate() throws {
        let rig = Rig()
        let directory = SessionDirectory(database: rig.root("absent"), session: "s")
        #expect(Snapshot.inspect(directory: directory) == .none)
        let error = failure { _ = try Snapshot.create(directory: directory, meta: sampleMeta()) }
        #expect(error?.code == "snapshot.directory")
        #expect(error?.remedy.contains("mkdir -p \(rig.root("absent")),") == true, "\(error?.remedy ?? "")")
    }

    @Test func pathThatLooksLikeAURI_isPlain() throws {
        let root = TemporaryDirectory("uri")
        let directory = SessionDirectory(database: root.path + "/file:x?mode=memory&a=%41#b", session: "s")
        try FileManager.default.createDirectory(atPath: directory.database, withIntermediateDirectories: false)
        do { try Snapshot.create(directory: directory, meta: sampleMeta()).commit([put("a", entry(1))]) }
        guard case .ok(let meta) = Snapshot.inspect(directory: directory) else {
            Issue.record("refused")
            return
        }
        #expect(meta.mine == 1)
    }

    @Test func inspection_leavesNoTrace() throws {
        let rig = Rig()
        try rig.fill(5)
        #expect(try content(rig).1.count == 5)
        guard case .ok = Snapshot.inspect(directory: rig.directory) else {
            Issue.record("refused")
            return
        }
        #expect(rig.names() == ["snap.db"])
    }

    @Test func formerNameOfASession_isFound() throws {
        let rig = Rig()
        try rig.fill(1)
        let renamed = SessionDirectory(database: rig.root.path, session: "new-name")
        var terms = sampleTerms()
        terms.session = "new-name"
        #expect(try Snapshot.sibling(directory: renamed, terms: terms) == "a-b")
        #expect(try Snapshot.sibling(directory: rig.directory, terms: sampleTerms()) == nil)
        terms.placeThere = "/elsewhere"
        #expect(try Snapshot.sibling(directory: renamed, terms: terms) == nil)
    }
}
