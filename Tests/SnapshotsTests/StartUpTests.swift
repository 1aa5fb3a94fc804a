import Core
import Testing

@testable import Snapshots

/// The two tables of the design, case by case.
@Suite struct StartUpTests {
    enum Expectation: Sendable, Equatable {
        case first(UInt64, Set<End>)
        case incremental(Int64?, Int64?)
        case refused(String, String)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var local: SnapshotState
        var remote: SnapshotState
        var expect: Expectation
        var sibling: End?
        var testDescription: String { name }

        init(
            _ name: String, _ local: SnapshotState, _ remote: SnapshotState, _ expect: Expectation, sibling: End? = nil
        ) {
            (self.name, self.local, self.remote, self.expect, self.sibling) = (name, local, remote, expect, sibling)
        }
    }

    static let newID = SnapshotID(Digest(high: 99, low: 7))

    /// A sound snapshot: name, `mine`, `theirs`, and what a test alters.
    static func ok(
        _ id: UInt64, _ mine: Int64, _ theirs: Int64, remote: Bool, _ alter: (inout SnapshotMeta) -> Void
    ) -> SnapshotState {
        var meta = sampleMeta(id)
        if remote { meta.terms = meta.terms.mirrored }
        (meta.mine, meta.theirs) = (mine, theirs)
        alter(&meta)
        return .ok(meta)
    }

    static func here(id: UInt64 = 1, _ mine: Int64, _ theirs: Int64, _ alter: (inout SnapshotMeta) -> Void = { _ in })
        -> SnapshotState
    { ok(id, mine, theirs, remote: false, alter) }

    static func there(id: UInt64 = 1, _ mine: Int64, _ theirs: Int64, _ alter: (inout SnapshotMeta) -> Void = { _ in })
        -> SnapshotState
    { ok(id, mine, theirs, remote: true, alter) }

    static func replacing(_ id: UInt64) -> (inout SnapshotMeta) -> Void {
        { $0.replaces = SnapshotID(Digest(high: id, low: 7)) }
    }

    static let remoteMissing =
        "Failed. Peer error: Local snapshot DB exists but remote snapshot DB /R/snap.db does not exist"
    static let localMissing = "Failed. Remote snapshot DB exists but local snapshot DB /L/snap.db does not exist"
    static let restoredLocal =
        "Failed. Database /L/snap.db is at commit 3, but the other end has recorded its commit 7: it was restored from a backup or lost what it had written"
    static let restoredRemote =
        "Failed. Peer error: Database /R/snap.db is at commit 3, but the other end has recorded its commit 7: it was restored from a backup or lost what it had written"
    static let otherIDs = "Failed. Databases /L/snap.db and /R/snap.db belong to different sessions"
    static let renamed = "Session a-b has no database, but session old has one for the same two directories"

    static let firstCycles = [
        Case("none, none", .none, .none, .first(99, [.local, .remote])),
        Case("0, none: killed between the creations", here(0, 0), .none, .first(1, [.remote])),
        Case("none, 0: killed between the creations", .none, there(0, 0), .first(1, [.local])),
        Case("0, 0: killed before the first commit", here(0, 0), there(0, 0), .first(1, [])),
        Case(
            "reset killed: remote still old", here(id: 2, 0, 0, replacing(1)), there(id: 1, 8, 5), .first(2, [.remote])),
        Case("reset killed: local still old", here(id: 1, 8, 5), there(id: 2, 0, 0, replacing(1)), .first(2, [.local])),
        Case(
            "reset killed: old one was fresh too", here(id: 2, 0, 0, replacing(1)), there(id: 1, 0, 0),
            .first(2, [.remote])),
        Case(
            "reset to another mode killed", here(id: 2, 0, 0, replacing(1)),
            there(id: 1, 8, 5) { $0.terms.mode = .pull },
            .first(2, [.remote])),
    ]

    static let incrementals = [
        Case("level", here(5, 3), there(3, 5), .incremental(nil, nil)),
        Case("killed after the target's commit", here(0, 0), there(1, 0), .incremental(0, nil)),
        Case("killed after the source's commit", here(1, 0), there(0, 0), .incremental(nil, 0)),
        Case("local behind by far", here(5, 3), there(300, 5), .incremental(3, nil)),
        Case("remote behind", here(9, 3), there(3, 5), .incremental(nil, 5)),
        Case("both behind", here(9, 3), there(4, 5), .incremental(3, 5)),
        Case("sums differ while one catches up", here(5, 3) { $0.sum.low = 1 }, there(4, 5), .incremental(3, nil)),
        Case(
            "a finished reset is forgotten", here(id: 2, 4, 4, replacing(1)), there(id: 2, 4, 4), .incremental(nil, nil)
        ),
    ]

    static let refusals = [
        Case("ok, none", here(5, 3), .none, .refused("snapshot.remote-missing", remoteMissing)),
        Case("none, ok", .none, there(5, 3), .refused("snapshot.local-missing", localMissing)),
        Case(
            "commits nobody acknowledged, none", here(1, 0), .none, .refused("snapshot.remote-missing", remoteMissing)),
        Case("local restored", here(3, 3), there(3, 7), .refused("snapshot.restored", restoredLocal)),
        Case("remote restored", here(3, 7), there(3, 3), .refused("snapshot.restored", restoredRemote)),
        Case("other uuid", here(id: 1, 3, 3), there(id: 2, 3, 3), .refused("snapshot.other-session", otherIDs)),
        Case(
            "other uuid, both fresh", here(id: 1, 0, 0), there(id: 2, 0, 0),
            .refused("snapshot.other-session", otherIDs)),
        Case(
            "the old one came back after a reset was finished", here(id: 2, 4, 4, replacing(1)), there(id: 1, 8, 8),
            .refused("snapshot.other-session", otherIDs)),
        Case(
            "level but different rows", here(5, 3) { $0.sum.low = 1 }, there(3, 5),
            .refused(
                "snapshot.diverged",
                "Failed. Database /L/snap.db and the one of the other end name the same commits but hold different rows"
            )),
        Case(
            "local not SQLite", .refused(.notDatabase), .none,
            .refused("snapshot.not-a-database", "Failed. file is encrypted or is not a database")),
        Case(
            "remote not SQLite", here(5, 3), .refused(.notDatabase),
            .refused("snapshot.not-a-database", "Failed. Peer error: file is encrypted or is not a database")),
        Case(
            "local corrupt", .refused(.corrupt), there(3, 5),
            .refused("snapshot.corrupt", "Failed. Corrupt database /L/snap.db")),
        Case(
            "remote corrupt, local none", .none, .refused(.corrupt),
            .refused("snapshot.corrupt", "Failed. Peer error: Corrupt database /R/snap.db")),
        Case(
            "remote newer", here(5, 3), .refused(.newerSchema(6)),
            .refused(
                "snapshot.newer-schema",
                "Failed. Peer error: Database /R/snap.db has schema 6, this Headwater reads 5")),
        Case(
            "other mode", here(5, 3) { $0.terms.mode = .bidi }, there(3, 5),
            .refused("snapshot.direction-changed", "Failed. Synchronization direction changed from bidi to push")),
        Case(
            "turned round", here(5, 3) { $0.terms.isUpstream = false }, there(3, 5),
            .refused(
                "snapshot.direction-changed",
                "Failed. Synchronization direction changed from push (/srv/b upstream) to push (/srv/a upstream)")),
        Case(
            "other place", here(5, 3) { $0.terms.placeThere = "/srv/c" }, there(3, 5),
            .refused("snapshot.other-places", "Failed. Database /L/snap.db was recorded for other directories")),
        Case(
            "other machine at the remote", here(5, 3), there(3, 5) { $0.terms.machineHere = "m9" },
            .refused(
                "snapshot.other-machine", "Failed. Peer error: Database /R/snap.db was recorded between other machines")
        ),
        Case(
            "other session's file", here(5, 3) { $0.terms.session = "x" }, there(3, 5),
            .refused("snapshot.other-session", "Failed. Database /L/snap.db belongs to session x")),
        Case(
            "renamed at the local end", .none, .none, .refused("snapshot.renamed", "Failed. " + renamed),
            sibling: .local),
        Case(
            "renamed at the remote end", here(0, 0), .none,
            .refused("snapshot.renamed", "Failed. Peer error: " + renamed), sibling: .remote),
        Case(
            "renamed at the local end only", here(5, 3), .none,
            .refused("snapshot.renamed", "Failed. Peer error: " + renamed), sibling: .remote),
        Case(
            "renamed at the remote end only", .none, there(5, 3),
            .refused("snapshot.renamed", "Failed. " + renamed), sibling: .local),
    ]

    static func decide(_ item: Case) -> StartDecision {
        let local = EndState(snapshot: item.local, file: "/L/snap.db", sibling: item.sibling == .local ? "old" : nil)
        let remote = EndState(snapshot: item.remote, file: "/R/snap.db", sibling: item.sibling == .remote ? "old" : nil)
        return StartUp(local: local, remote: remote, terms: sampleTerms(), filterDigest: Digest(high: 0, low: 9))
            .decide(newID: newID)
    }

    @Test(arguments: firstCycles + incrementals + refusals) func table(item: Case) {
        switch StartUpTests.decide(item) {
        case .firstCycle(let first): #expect(.first(first.id.value.high, first.creates) == item.expect)
        case .incremental(let plan):
            #expect(.incremental(plan.localLacksAfter, plan.remoteLacksAfter) == item.expect)
            #expect(!plan.filterChanged)
        case .refuse(let error):
            #expect(.refused(error.code, error.message) == item.expect)
            #expect(error.exit == .databaseRefuses && !error.remedy.isEmpty)
        }
    }

    @Test func changedFilter_isNoRefusal() {
        let item = Case(
            "", Self.here(5, 3) { $0.filterDigest = Digest(high: 1, low: 1) }, Self.there(3, 5), .incremental(nil, nil))
        guard case .incremental(let plan) = Self.decide(item) else {
            Issue.record("refused")
            return
        }
        #expect(plan.filterChanged)
    }

    /// Every state a reset can be killed in leads on without `--reset` or by repeating it.
    @Test func reset_killedAnywhere_isFinishedOrRepeatable() {
        let (old, other) = (Self.here(id: 1, 8, 5), Self.there(id: 1, 5, 8))
        let terms = sampleTerms()
        func startUp(_ local: SnapshotState, _ remote: SnapshotState) -> StartUp {
            StartUp(
                local: EndState(snapshot: local, file: "L"), remote: EndState(snapshot: remote, file: "R"),
                terms: terms,
                filterDigest: Digest(high: 0, low: 9))
        }
        let reset = startUp(old, other).reset(newID: Self.newID)
        #expect(reset.creates == [.local, .remote] && reset.id == Self.newID)
        var fresh = sampleMeta()
        (fresh.id, fresh.replaces) = (reset.id, reset.replaces[.local])
        guard case .firstCycle(let rest) = startUp(.ok(fresh), other).decide(newID: SnapshotID(.zero)) else {
            Issue.record("not finished")
            return
        }
        #expect(rest.creates == [.remote] && rest.id == reset.id)
        let again = startUp(.ok(fresh), other).reset(newID: SnapshotID(.zero))
        #expect(again.replaces[.local] == sampleMeta().id && again.replaces[.remote] == reset.id)
        let blind = startUp(.refused(.corrupt), other).reset(newID: Self.newID)
        #expect(blind.replaces[.local] == sampleMeta().id)
    }
}
