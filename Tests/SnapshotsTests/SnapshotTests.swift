import Core
import Foundation
import Platform
import Testing

@testable import Snapshots

@Suite struct SnapshotTests {
    @Test func createdSnapshot_isFreshAndComplete() throws {
        let rig = Rig()
        do {
            let snapshot = try rig.create()
            #expect(snapshot.meta == sampleMeta())
            #expect(snapshot.meta.isFresh)
        }
        #expect(rig.names() == ["snap.db"])
        #expect(Snapshot.inspect(directory: rig.directory) == .ok(sampleMeta()))
        let mode = try FileManager.default.attributesOfItem(atPath: rig.directory.path)[.posixPermissions] as? Int
        #expect(mode == 0o700)
    }

    @Test func rows_comeBackAsPut_inScanOrder() throws {
        let rig = Rig()
        let snapshot = try rig.create()
        let odd = TreePath(trusted: [0xFF, 0x0A, 0, 0x2E, 0x2E, 0x2E])
        let changes: [RowChange] = [
            put("b", entry(1, .directory)), put("a", entry(2), identity(2)), put("", entry(0, .directory)),
            put("b/.hidden", entry(3, .symlink), nil, .withheld), put("b-", entry(4), nil, .conflict),
            .put(odd, entry(5), local: identity(5)),
        ]
        #expect(try snapshot.commit(changes) == 1)
        let rows = try all(snapshot.rows())
        #expect(rows.map(\.path) == changes.map(\.path).sorted())
        for case .put(let path, let agreed, let local, let state, _) in changes {
            let expected = Row(path: path, agreed: agreed, local: local, state: state, number: 1)
            #expect(try snapshot.row(at: path) == expected)
            #expect(rows.contains(expected))
        }
        #expect(try snapshot.row(at: path("c")) == nil)
        let counts = snapshot.meta.counts
        #expect((counts.files, counts.directories, counts.symlinks) == (3, 2, 1))
        #expect((counts.topLevel, counts.agreed, counts.conflicts, counts.tombstones) == (3, 4, 1, 0))
    }

    @Test func longestPath_isStored() throws {
        let rig = Rig()
        let snapshot = try rig.create()
        let name = String(repeating: "n", count: 255)
        let long = path(Array(repeating: name, count: 127).joined(separator: "/"))
        try snapshot.commit([.put(long, entry(1), local: nil)])
        #expect(try all(snapshot.rows()).map(\.path) == [long])
    }

    @Test func commitNumbers_riseOnlyWithWhatTheOtherEndMustHear() throws {
        let rig = Rig()
        let snapshot = try rig.create()
        #expect(try snapshot.commit([put("a", entry(1))]) == 1)
        #expect(try snapshot.commit([]) == 1)
        #expect(try snapshot.commit([put("a", entry(1), identity(1))]) == 1)
        #expect(try snapshot.row(at: path("a"))?.local == identity(1))
        #expect(try snapshot.commit([put("a", entry(1), nil)]) == 1)
        #expect(try snapshot.row(at: path("a"))?.local == identity(1))
        #expect(try snapshot.commit([.local(path("a"), identity(2)), .local(path("none"), identity(2))]) == 1)
        #expect(try snapshot.commit([], theirs: 4) == 1)
        #expect(try snapshot.commit([], theirs: 2) == 1)
        #expect(snapshot.meta.theirs == 4)
        #expect(try snapshot.commit([put("a", entry(2)), put("b", entry(2))]) == 2)
        #expect(try snapshot.commit([.remove(path("none")), .forget(path("none"))]) == 2)
        #expect(try snapshot.commit([.remove(path("a"))]) == 3)
        #expect(try snapshot.commit([.forget(path("b"))]) == 4)
        #expect(snapshot.meta.sum == Digest(high: 0, low: 0))
    }

    @Test func nothingChanged_writesNothing() throws {
        let rig = Rig()
        try rig.fill(50)
        let before = rig.content()
        do {
            let snapshot = try Snapshot.open(directory: rig.directory)
            try snapshot.commit([])
            try snapshot.commit([put("dir/file3", entry(3), identity(3))], theirs: 3)
            try snapshot.setRunning(false)
            snapshot.acknowledge(mineThrough: 9)
            #expect(try all(snapshot.rows()).count == 50)
            let log = try FileManager.default.attributesOfItem(atPath: rig.file + "-wal")[.size] as? Int
            #expect(log == 0)
        }
        #expect(rig.content() == before)
        #expect(rig.names() == ["snap.db"])
    }

    @Test func tombstones_travelUntilAcknowledged() throws {
        let rig = Rig()
        let snapshot = try rig.create()
        try snapshot.commit([put("a", entry(1)), put("b", entry(2)), put("c", entry(3))])
        try snapshot.commit([.remove(path("a"))])
        try snapshot.commit([.remove(path("b"))])
        #expect(try all(snapshot.rows(after: 1)).map(\.state) == [.gone, .gone])
        #expect(snapshot.meta.counts.tombstones == 2)
        snapshot.acknowledge(mineThrough: 2)
        #expect(try all(snapshot.rows(in: .gone)).count == 2)
        try snapshot.commit([], theirs: 1)
        #expect(try all(snapshot.rows(in: .gone)).map(\.path) == [path("b")])
        #expect(try all(snapshot.rows(after: 1)).map(\.path) == [path("b")])
        try snapshot.commit([put("b", entry(9))])
        #expect(snapshot.meta.counts.tombstones == 0)
        #expect(try all(snapshot.rows(in: .agreed)).map(\.path) == [path("b"), path("c")])
    }

    @Test func marksAndRoot_areKept() throws {
        let rig = Rig()
        do {
            let snapshot = try rig.create()
            try snapshot.setRunning(true)
            try snapshot.setRoot(RootIdentity(device: 8, inode: 9))
            try snapshot.setFilter(Digest(high: 4, low: 4))
        }
        let meta = try Snapshot.open(directory: rig.directory).meta
        #expect(meta.running && meta.root == RootIdentity(device: 8, inode: 9))
        #expect(meta.filterDigest == Digest(high: 4, low: 4) && meta.mine == 0)
    }

    @Test func newFilter_turnsRowsIntoTombstones_inOneCommit() throws {
        let rig = Rig()
        let snapshot = try rig.create()
        let rows = (0..<500).map { put("d/f\($0)", entry($0)) }
        try snapshot.commit(rows + [put("a", entry(1)), put("c", entry(2, .directory), nil, .residue)])
        let digest = Digest(high: 1, low: 2)
        try snapshot.setFilter(digest) { $0.path != path("a") }
        #expect(snapshot.meta.filterDigest == digest && snapshot.meta.mine == 2)
        #expect(snapshot.meta.counts.agreed == 1 && snapshot.meta.counts.rows == 1)
        #expect(snapshot.meta.counts.tombstones == 501)
        #expect(try all(snapshot.rows(after: 1)).allSatisfy { $0.state == .gone && $0.number == 2 })
        // Once more, and by a filter that excludes nothing of what is left: no commit.
        try snapshot.setFilter(digest) { $0.path != path("a") }
        try snapshot.setFilter(Digest(high: 3, low: 3)) { _ in false }
        #expect(snapshot.meta.mine == 2)
        let alone = try Rig().create()
        try alone.commit([put("a", entry(1))])
        #expect(alone.meta.sum == snapshot.meta.sum)
        #expect(try all(Snapshot.open(directory: rig.directory).rows(in: .agreed)).map(\.path) == [path("a")])
    }

    @Test func cursor_seesOneMomentWhileOthersCommit() throws {
        let rig = Rig()
        let snapshot = try rig.create()
        try snapshot.commit((0..<2000).map { put("f\($0)", entry($0)) })
        let cursor = try snapshot.rows()
        var seen = 0
        while let row = try cursor.next() {
            #expect(row.number == 1)
            seen += 1
            if seen % 500 == 0 {
                try snapshot.commit((0..<2000).map { put("f\($0)", entry(seen + $0)) } + [.remove(path("f\(seen)"))])
            }
        }
        #expect(seen == 2000)
        #expect(try all(snapshot.rows(in: .agreed)).count == snapshot.meta.counts.agreed)
    }

    @Test func cursor_mayRunOnAnotherThread() throws {
        let rig = Rig()
        let snapshot = try rig.create()
        try snapshot.commit([put("a", entry(1))])
        let directory = rig.directory
        let reader = WorkerThread("reader") { try all(Snapshot.rows(directory: directory)).count }
        try snapshot.commit([put("b", entry(1))])
        #expect([1, 2].contains(try reader.join()))
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64]) func sumAndCounts_areThoseOfTheRows(seed: UInt64) throws {
        let rig = Rig()
        let snapshot = try rig.create()
        var random = Seeded(state: seed)
        for _ in 0..<60 {
            try snapshot.commit((0..<20).map { _ in change(&random) }, durably: false)
            snapshot.acknowledge(mineThrough: snapshot.meta.mine - 3)
            try expectConsistent(snapshot)
        }
    }

    private func change(_ random: inout Seeded) -> RowChange {
        let name = path(["a", "b", "c/d", "c", "e/f/g"].randomElement(using: &random)! + "\(random.next() % 8)")
        let seed = Int(random.next() % 4)
        switch random.next() % 8 {
        case 0: return .remove(name)
        case 1: return .forget(name)
        case 2: return .local(name, identity(seed))
        default:
            let state = [RowState.agreed, .agreed, .conflict, .withheld, .residue].randomElement(using: &random)!
            let kind = [EntryKind.file, .directory, .symlink].randomElement(using: &random)!
            return put(name, entry(seed, kind), seed == 0 ? nil : identity(seed), state)
        }
    }

    private func expectConsistent(_ snapshot: Snapshot) throws {
        var counts = RowCounts()
        var sum = Digest.zero
        var serialiser = RowSerialiser()
        for row in try all(snapshot.rows()) {
            counts.add(row, 1)
            sum = sum &+ serialiser.marks(row).agreed
            #expect(row.number <= snapshot.meta.mine)
        }
        #expect(counts == snapshot.meta.counts)
        #expect(sum == snapshot.meta.sum)
    }

    @Test func sum_doesNotDependOnOrderNumbersOrLocalHalves() throws {
        let (one, two) = (Rig(), Rig())
        let (first, second) = (try one.create(), try two.create(sampleMeta(2)))
        try first.commit([put("a", entry(1), identity(1)), put("b", entry(2))])
        try second.commit([put("b", entry(3))])
        try second.commit([put("b", entry(2), identity(7)), put("x", entry(1))])
        try second.commit([.remove(path("x")), put("a", entry(1))])
        #expect(first.meta.sum == second.meta.sum)
        try second.commit([put("a", entry(1), nil, .conflict)])
        #expect(first.meta.sum != second.meta.sum)
    }
}
