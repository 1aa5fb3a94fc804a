import Core
import Testing

@testable import Snapshots

/// Rows that hold metadata beside mode and time.
@Suite struct MetadataRowTests {
    private func owned(_ seed: Int, _ name: String?) -> AgreedEntry {
        var owned = entry(seed)
        let account = Account(id: 1000, name: name.map { Array($0.utf8) })
        owned.attributes.metadata = Metadata(owner: account, group: Account(id: 100, name: nil))
        return owned
    }

    @Test func metadata_comesBack_andIsPartOfWhatIsAgreed() throws {
        let rig = Rig()
        let snapshot = try rig.create()
        #expect(try snapshot.commit([put("a", owned(1, "alice")), put("b", entry(2))]) == 1)
        let sum = snapshot.meta.sum
        #expect(try snapshot.commit([put("a", owned(1, "alice"))]) == 1)
        #expect(try snapshot.commit([put("a", owned(1, "bob"))]) == 2)
        #expect(snapshot.meta.sum != sum)
        #expect(try all(snapshot.rows()).map(\.agreed) == [owned(1, "bob"), entry(2)])
        #expect(try snapshot.commit([put("a", entry(1))]) == 3)
        #expect(try snapshot.row(at: path("a"))?.agreed == entry(1))
        _ = try SnapshotMoment.read(rig.directory) { try $0.prove(session: "a-b") }
    }

    @Test func bothSidesOfAConflict_keepTheirs() throws {
        let rig = Rig()
        let snapshot = try rig.create()
        let flagged = Conflict(
            path: path("a"), ancestor: owned(1, nil), upstream: owned(2, "alice"), downstream: entry(3),
            since: Timestamp(seconds: 1, nanoseconds: 2))
        try snapshot.commit([.conflict(flagged, local: nil)])
        #expect(try snapshot.conflicts() == [flagged])
    }

    @Test(arguments: ["x'00'", "x'05E8030000'", "NULL", "zeroblob(600)"])
    func damagedMetadata_isRefused(_ bytes: String) throws {
        let rig = Rig()
        do {
            let snapshot = try rig.create()
            try snapshot.commit([put("a", owned(1, "alice"))])
        }
        try rig.sql("UPDATE entries SET metadata = \(bytes)")
        let snapshot = try Snapshot.open(directory: rig.directory)
        #expect(throws: HeadwaterError.self) { try all(snapshot.rows()) }
    }
}
