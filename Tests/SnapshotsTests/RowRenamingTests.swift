import Core
import Testing

@testable import Snapshots

/// Rows that get other paths.
@Suite struct RowRenamingTests {
    private func rows(_ snapshot: Snapshot) throws -> [Row] {
        let cursor = try snapshot.rows()
        var rows: [Row] = []
        while let row = try cursor.next() { rows.append(row) }
        return rows
    }

    private func standing(_ snapshot: Snapshot) throws -> [String: Row] {
        Dictionary(
            uniqueKeysWithValues: try rows(snapshot).filter { $0.state != .gone }.map { ("\($0.path)", $0) })
    }

    private func renamed(_ from: String, _ to: String, isExchange: Bool = false, isTold: Bool = false) -> RowChange {
        .renamed(
            RowRenaming(
                from: path(from), to: path(to), isExchange: isExchange, local: identity(7),
                otherLocal: isExchange ? identity(8) : nil, isTold: isTold))
    }

    /// More than are read at a time.
    @Test func directory_takesAllBelowItAlong_inOneCommit_withTombstonesForTheOtherEnd() throws {
        let rig = Rig()
        let snapshot = try rig.create()
        let count = 1300
        try snapshot.commit(
            [put("d", entry(1, .directory), identity(1)), put("d-2", entry(2), identity(2))]
                + (0..<count).map { put("d/f\($0)", entry($0), identity($0)) })
        let before = snapshot.meta
        #expect(try snapshot.commit([renamed("d", "e/z")]) == before.mine + 1)
        let all = try standing(snapshot)
        #expect(all.count == count + 2 && all["d-2"]?.local == identity(2) && all["e/z"]?.local == identity(7))
        #expect(all["e/z/f1299"]?.agreed == entry(1299) && all["e/z/f1299"]?.local == identity(1299))
        #expect(snapshot.meta.counts.tombstones == Int64(count) + 1 && snapshot.meta.sum != before.sum)
        // Back again both ends have what they had.
        try snapshot.commit([renamed("e/z", "d", isTold: true)])
        #expect(snapshot.meta.sum == before.sum && snapshot.meta.counts.rows == before.counts.rows)
        #expect(snapshot.meta.counts.tombstones == 0)
        _ = try rows(snapshot)
    }

    @Test func exchange_swapsTwoSubtrees_whateverIsInThem() throws {
        let rig = Rig()
        let snapshot = try rig.create()
        try snapshot.commit([
            put("a", entry(1, .directory), identity(1)), put("a/same", entry(2), identity(2)),
            put("a/x", entry(3), identity(3)), put("b", entry(4, .directory), identity(4)),
            put("b/same", entry(5), identity(5)), put("b/y/z", entry(6), identity(6)), put("c", entry(9)),
        ])
        try snapshot.commit([renamed("a", "b", isExchange: true)])
        let all = try standing(snapshot)
        #expect(all.keys.sorted() == ["a", "a/same", "a/y/z", "b", "b/same", "b/x", "c"])
        #expect(all["b"]?.agreed == entry(1, .directory) && all["b"]?.local == identity(7))
        #expect(all["a"]?.agreed == entry(4, .directory) && all["a"]?.local == identity(8))
        #expect(all["a/same"]?.agreed == entry(5) && all["b/same"]?.agreed == entry(2))
        #expect(snapshot.meta.counts.tombstones == 2)
        _ = try rows(snapshot)
    }

    @Test func chain_inOneCommit_isDoneInItsOrder() throws {
        let rig = Rig()
        let snapshot = try rig.create()
        try snapshot.commit([put("a", entry(1)), put("b", entry(2))])
        try snapshot.commit([renamed("b", "c"), renamed("a", "b")])
        let all = try standing(snapshot)
        #expect(all.mapValues(\.agreed) == ["b": entry(1), "c": entry(2)])
        // What the other end lacks is all there.
        #expect(try rows(snapshot).map { "\($0.path) \($0.state)" } == ["a gone", "b agreed", "c agreed"])
        #expect(try rows(snapshot).allSatisfy { $0.number == snapshot.meta.mine })
    }

    @Test func rowsBelow_comeInOrder_withoutTombstones() throws {
        let rig = Rig()
        let snapshot = try rig.create()
        try snapshot.commit(["d", "d/a", "d/b", "d/c", "d.x", "e"].map { put($0, entry(1)) })
        try snapshot.commit([.remove(path("d/b"))])
        #expect(try snapshot.rows(below: path("d"), after: nil, atMost: 1).map { "\($0.path)" } == ["d/a"])
        #expect(try snapshot.rows(below: path("d"), after: path("d/a"), atMost: 1).map { "\($0.path)" } == ["d/c"])
        #expect(try snapshot.rows(below: path("d"), after: path("d/c"), atMost: 1).isEmpty)
    }
}
