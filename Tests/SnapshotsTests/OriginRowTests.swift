import Core
import Testing

@testable import Snapshots

/// How paths came to be, beside what both ends agree on.
@Suite struct OriginRowTests {
    private static let origins: [RowOrigin] = [.sent, .existed, .moved, .copied]

    private func put(_ text: String, _ agreed: AgreedEntry, _ origin: RowOrigin = .sent) -> RowChange {
        .put(path(text), agreed, local: nil, origin: origin)
    }

    private func origins(_ snapshot: Snapshot) throws -> [String: RowOrigin] {
        Dictionary(uniqueKeysWithValues: try all(snapshot.rows()).map { ("\($0.path)", $0.origin) })
    }

    private func touched(_ agreed: AgreedEntry) -> AgreedEntry {
        var touched = agreed
        (touched.attributes.mode, touched.attributes.mtime.seconds) = (0o600, 99)
        return touched
    }

    @Test func origin_comesBack_andIsNoPartOfWhatIsAgreed() throws {
        let (rig, plain) = (Rig(), Rig())
        let named = Self.origins.map { ("\($0)", $0) }
        do {
            let (snapshot, other) = (try rig.create(), try plain.create())
            try snapshot.commit(named.map { put($0.0, entry(1), $0.1) })
            try other.commit(named.map { put($0.0, entry(1)) })
            #expect(snapshot.meta == other.meta)
        }
        #expect(try origins(Snapshot.open(directory: rig.directory)) == Dictionary(uniqueKeysWithValues: named))
        #expect(try origins(Snapshot.open(directory: plain.directory)).values.allSatisfy { $0 == .sent })
        _ = try SnapshotMoment.read(rig.directory) { try $0.prove(session: "a-b") }
    }

    @Test func originAlone_isNoChange_andWritesNothing() throws {
        let rig = Rig()
        let snapshot = try rig.create()
        try snapshot.commit([put("a", entry(1), .existed), put("b", entry(2))])
        let mark = snapshot.mark
        for origin in Self.origins {
            #expect(try snapshot.commit([put("a", entry(1), origin), put("b", entry(2), origin)]) == 1)
        }
        #expect(snapshot.mark == mark)
        #expect(try origins(snapshot) == ["a": .existed, "b": .sent])
    }

    @Test(arguments: [RowOrigin.existed, .moved, .copied])
    func contentThatStays_keepsIt_andOtherContentDoesNot(origin: RowOrigin) throws {
        let rig = Rig()
        let snapshot = try rig.create()
        try snapshot.commit(["a", "b", "c", "d"].map { put($0, $0 == "d" ? entry(0, .directory) : entry(1), origin) })
        try snapshot.commit([
            put("a", touched(entry(1))), put("b", entry(2)), put("c", entry(2), .existed),
            put("d", touched(entry(0, .directory))),
        ])
        #expect(try origins(snapshot) == ["a": origin, "b": .sent, "c": .existed, "d": origin])
        try snapshot.commit([.local(path("a"), identity(1)), put("c", entry(2, .symlink))])
        #expect(try origins(snapshot) == ["a": origin, "b": .sent, "c": .sent, "d": origin])
    }

    /// What comes back to a path that was not agreed on any more has not kept anything.
    @Test func whatWasNotAgreed_doesNotKeepIt() throws {
        let rig = Rig()
        let snapshot = try rig.create()
        let names = ["conflict", "gone", "withheld"]
        try snapshot.commit(names.map { put($0, entry(1), .moved) })
        try snapshot.commit([
            .remove(path("gone")), .put(path("withheld"), entry(1), local: nil, state: .withheld),
            .conflict(
                Conflict(path: path("conflict"), ancestor: entry(1), upstream: entry(2), downstream: nil, since: .zero),
                local: nil),
        ])
        try snapshot.commit(names.map { put($0, entry(1), .existed) })
        #expect(try origins(snapshot).values.allSatisfy { $0 == .existed })
    }

    @Test func renamed_isTheRowItself_notWhatLiesBelow() throws {
        let rig = Rig()
        let snapshot = try rig.create()
        try snapshot.commit([
            put("d", entry(0, .directory)), put("d/x", entry(1), .existed), put("d/y", entry(2)),
            put("p", entry(3)), put("q", entry(4), .copied),
        ])
        try snapshot.commit([
            .renamed(RowRenaming(from: path("d"), to: path("e"), isTold: true)),
            .renamed(RowRenaming(from: path("p"), to: path("q"), isExchange: true, isTold: true)),
        ])
        let expected: [String: RowOrigin] = [
            "e": .moved, "e/x": .existed, "e/y": .sent, "p": .moved, "q": .moved,
        ]
        #expect(try origins(snapshot) == expected)
        _ = try SnapshotMoment.read(rig.directory) { try $0.prove(session: "a-b") }
    }

    @Test(arguments: ["0", "2", "9", "-1", "NULL"])
    func damagedOrigin_isRefused(_ value: String) throws {
        let rig = Rig()
        do {
            let snapshot = try rig.create()
            try snapshot.commit([put("a", entry(1), .existed)])
        }
        try rig.sql("UPDATE entries SET origin = \(value)")
        let snapshot = try Snapshot.open(directory: rig.directory)
        #expect(throws: HeadwaterError.self) { try all(snapshot.rows()) }
    }

    /// Looking leaves it as it is; the first session that writes adds the column.
    @Test func versionFour_isReadAsItIs_andMadeVersionFive() throws {
        let rig = Rig()
        try rig.fill(20)
        try rig.sql("ALTER TABLE entries DROP COLUMN origin; PRAGMA user_version=4")
        let before = rig.content()
        var looked: [RowOrigin] = []
        _ = try SnapshotMoment.read(rig.directory) { moment in
            try moment.prove(session: "a-b")
            looked = try all(moment.rows()).map(\.origin)
            #expect(try moment.row(at: path("dir/file3"))?.origin == .sent)
        }
        #expect(looked == [RowOrigin](repeating: .sent, count: 20) && rig.content() == before)
        let snapshot = try Snapshot.open(directory: rig.directory)
        #expect(try snapshot.database.number("PRAGMA user_version") == 5)
        #expect(try all(snapshot.rows()).allSatisfy { $0.origin == .sent })
        try snapshot.commit([put("dir/file3", entry(77), .copied)])
        #expect(try snapshot.row(at: path("dir/file3"))?.origin == .copied)
        _ = try SnapshotMoment.read(rig.directory) { try $0.prove(session: "a-b") }
    }
}
