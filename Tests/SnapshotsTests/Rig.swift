import Content
import Core
import Foundation
import Platform
import Testing
import TestSupport

@testable import Snapshots

/// A session directory of its own, and what every test of a snapshot needs.
struct Rig {
    let root: TemporaryDirectory
    let directory: SessionDirectory

    init(_ session: String = "a-b") {
        root = TemporaryDirectory("snapshot")
        directory = SessionDirectory(database: root.path, session: session)
    }

    var file: String { directory.databaseFile }

    func create(_ meta: SnapshotMeta = sampleMeta()) throws -> Snapshot {
        try Snapshot.create(directory: directory, meta: meta)
    }

    /// Makes a snapshot with `rows` rows, closed.
    func fill(_ rows: Int) throws {
        let snapshot = try create()
        try snapshot.commit((0..<rows).map { put("dir/file\($0)", entry($0), identity($0)) }, theirs: 3)
    }

    func content() -> Data? { FileManager.default.contents(atPath: file) }

    func overwrite(_ bytes: some Sequence<UInt8>) throws { try Data(bytes).write(to: URL(fileURLWithPath: file)) }

    /// Runs SQL with the sqlite3 that is linked, on a connection without our settings.
    func sql(_ text: String) throws {
        let database = try Database(path: file, .readWrite)
        try database.execute(text)
    }

    func names() -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []).sorted()
    }
}

func sampleTerms() -> SessionTerms {
    SessionTerms(
        session: "a-b", mode: .push, isUpstream: true, machineHere: "m1", machineThere: "m2", placeHere: "/srv/a",
        placeThere: "/srv/b")
}

func sampleMeta(_ id: UInt64 = 1) -> SnapshotMeta {
    SnapshotMeta(
        terms: sampleTerms(), id: SnapshotID(Digest(high: id, low: 7)), filterDigest: Digest(high: 0, low: 9),
        root: RootIdentity(device: 5, inode: 2))
}

func path(_ text: String) -> TreePath { try! TreePath(slashed: text) }

func entry(_ seed: Int, _ kind: EntryKind = .file) -> AgreedEntry {
    AgreedEntry(
        attributes: Attributes(
            kind: kind, mode: 0o644, size: UInt64(seed),
            mtime: Timestamp(seconds: Int64(seed) - 5, nanoseconds: 999_999_999)),
        digest: kind == .directory ? nil : Digest(high: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15, low: UInt64(seed)))
}

func identity(_ seed: Int) -> LocalIdentity {
    LocalIdentity(
        device: 0x8_0000_0001, inode: UInt64(seed) + 100, birth: .zero,
        mtime: Timestamp(seconds: Int64(seed), nanoseconds: 1), ctime: Timestamp(seconds: -1, nanoseconds: 2))
}

func put(_ text: String, _ agreed: AgreedEntry, _ local: LocalIdentity? = nil, _ state: RowState = .agreed) -> RowChange
{
    put(path(text), agreed, local, state)
}

/// A conflict has the given entry as its ancestor, and nothing downstream.
func put(_ path: TreePath, _ agreed: AgreedEntry, _ local: LocalIdentity?, _ state: RowState) -> RowChange {
    guard state == .conflict else { return .put(path, agreed, local: local, state: state) }
    let since = Timestamp(seconds: 1, nanoseconds: 2)
    return .conflict(
        Conflict(path: path, ancestor: agreed, upstream: agreed, downstream: nil, since: since), local: local)
}

func all(_ cursor: RowCursor) throws -> [Row] {
    var rows: [Row] = []
    while let row = try cursor.next() { rows.append(row) }
    return rows
}

/// Waits until nobody holds the session any more: a child that another test forked just then has a copy of a lock's descriptor until it
/// becomes another program.
func awaitFree(_ directories: SessionDirectory...) throws {
    for directory in directories {
        while case .held = try Glance.ownership(of: directory) { sched_yield() }
    }
}

/// The error that `body` throws; a test fails when it throws none.
func failure(_ body: () throws -> Void) -> HeadwaterError? {
    do { try body() } catch { return error as? HeadwaterError }
    Issue.record("nothing was thrown")
    return nil
}

/// Numbers from a seed (SplitMix64), so that a failure can be replayed.
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
