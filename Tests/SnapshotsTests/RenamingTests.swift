import Core
import Foundation
import Testing
import TestSupport

@testable import Snapshots

/// One end gets another name: atomically in each step, repeatable from each, and never over something else.
@Suite struct RenamingTests {
    private func renaming(_ rig: Rig, tree: String? = nil, to new: String = "new") -> SnapshotRenaming {
        SnapshotRenaming(database: rig.root.path, tree: tree ?? rig.root.path, from: "a-b", to: new)
    }

    private func directory(_ rig: Rig, _ session: String = "new") -> SessionDirectory {
        SessionDirectory(database: rig.root.path, session: session)
    }

    private func listing(_ rig: Rig) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: rig.root.path).sorted()
    }

    private func meta(_ directory: SessionDirectory) -> SnapshotMeta? {
        if case .ok(let meta) = Snapshot.inspect(directory: directory) { return meta }
        return nil
    }

    @Test func renamedEnd_holdsTheSame_underTheOtherName() throws {
        let rig = Rig()
        try rig.fill(30)
        try Data("held 1 2\n".utf8).write(to: URL(fileURLWithPath: rig.directory.path + "/deletions"))
        var wanted = try content(rig).0
        guard case .before(wanted) = try renaming(rig).standing() else {
            Issue.record("not before")
            return
        }
        guard case .before = try renaming(rig).run(owner: .current()) else {
            Issue.record("it was not before")
            return
        }
        wanted.terms.session = "new"
        #expect(meta(directory(rig)) == wanted)
        #expect(
            try listing(rig) == [
                ".headwater", ".headwater/new", ".headwater/new/deletions", ".headwater/new/lock",
                ".headwater/new/snap.db",
            ])
        _ = try SnapshotMoment.read(directory(rig)) { try $0.prove(session: "new") }
        // Once more: nothing is left to do.
        try awaitFree(directory(rig))
        guard case .done(wanted) = try renaming(rig).run(owner: .current()) else {
            Issue.record("not done")
            return
        }
    }

    @Test func killedAfterTheDirectoryMoved_isFinishedByTheNext_andRefusesUntilThen() throws {
        let rig = Rig()
        try rig.fill(3)
        try FileManager.default.moveItem(atPath: rig.directory.path, toPath: directory(rig).path)
        guard case .half = try renaming(rig).standing() else {
            Issue.record("not half")
            return
        }
        // To a run under the new name it belongs to the old one, and to one under the old name it is that session, renamed.
        #expect(meta(directory(rig))?.terms.session == "a-b")
        #expect(try Snapshot.sibling(directory: rig.directory, terms: sampleTerms()) == "new")
        _ = try renaming(rig).run(owner: .current())
        #expect(meta(directory(rig))?.terms.session == "new")
    }

    @Test func leftoverLocks_areNoObstacle() throws {
        let rig = Rig()
        try rig.fill(3)
        do { _ = try SessionLock.acquire(directory: directory(rig), owner: .current()) }
        try awaitFree(directory(rig))
        _ = try renaming(rig).run(owner: .current())
        #expect(meta(directory(rig)) != nil)
        do { _ = try SessionLock.acquire(directory: rig.directory, owner: .current()) }
        try awaitFree(rig.directory, directory(rig))
        guard case .done = try renaming(rig).standing() else {
            Issue.record("not done")
            return
        }
    }

    @Test func stageElsewhere_goesWithIt_alsoWhenKilledBetween() throws {
        for isKilledBetween in [false, true] {
            let rig = Rig()
            let tree = TemporaryDirectory("tree")
            try rig.fill(3)
            _ = try SessionDirectory(database: tree.path, session: "a-b").openOrCreate()
            try Data("kept".utf8).write(to: URL(fileURLWithPath: tree(".headwater/a-b/stage")))
            if isKilledBetween {
                try FileManager.default.moveItem(atPath: rig.directory.path, toPath: directory(rig).path)
            }
            _ = try renaming(rig, tree: tree.path).run(owner: .current())
            #expect(try FileManager.default.contentsOfDirectory(atPath: tree(".headwater")) == ["new"])
            #expect(FileManager.default.contents(atPath: tree(".headwater/new/stage")) == Data("kept".utf8))
        }
    }

    @Test func namesInUse_refuse_andNothingChanges() throws {
        let rig = Rig()
        try rig.fill(3)
        let other = directory(rig)
        var terms = sampleMeta(5)
        terms.terms.session = "new"
        do { _ = try Snapshot.create(directory: other, meta: terms) }
        let tree = TemporaryDirectory("tree")
        let staged = SessionDirectory(database: tree.path, session: "third")
        _ = try staged.openOrCreate()
        try Data().write(to: URL(fileURLWithPath: staged.path + "/stage"))
        let before = try listing(rig)
        for attempt in [renaming(rig), renaming(rig, tree: tree.path, to: "third")] {
            let error = failure { _ = try attempt.run(owner: .current()) }
            #expect(error?.code == "snapshot.name-taken" && error?.exit == .databaseRefuses)
        }
        #expect(try listing(rig) == before)
    }

    @Test func runningSession_underEitherName_isNotRenamed() throws {
        for name in ["a-b", "new"] {
            let rig = Rig()
            try rig.fill(3)
            guard case .acquired(let lock) = try SessionLock.acquire(directory: directory(rig, name), owner: .current())
            else {
                Issue.record("held")
                return
            }
            let before = try listing(rig)
            #expect(failure { _ = try renaming(rig).run(owner: .current()) }?.exit == .alreadyRunning)
            #expect(try listing(rig) == before)
            withExtendedLifetime(lock) {}
        }
    }

    @Test func damage_isFoundBeforeAnythingMoves() throws {
        let rig = Rig()
        try rig.fill(600)
        var bytes = try #require(rig.content())
        // A page in the middle: header, schema and meta row are as they were.
        for index in 0..<4096 { bytes[bytes.count / 2 / 8192 * 8192 + index] = 0xFF }
        try rig.overwrite(bytes)
        #expect(meta(rig.directory) != nil)
        let error = failure { _ = try renaming(rig).run(owner: .current()) }
        #expect(error?.code == "snapshot.corrupt")
        #expect(rig.names() == ["snap.db"] && rig.content() == bytes)
    }

    @Test func nothing_isNone_andMakesNothing() throws {
        let rig = Rig()
        guard case .none = try renaming(rig).run(owner: .current()) else {
            Issue.record("something")
            return
        }
        #expect(try listing(rig) == [])
    }
}
