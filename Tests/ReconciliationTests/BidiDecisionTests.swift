import Core
import Reconciliation
import Testing

/// The outcome table of bidirectional sessions, path by path.
@Suite struct BidiDecisionTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var agreed: AgreedEntry?
        var up: SideChange
        var down: SideChange
        var below: BelowDirectory = []
        var overwrite = SessionPolicy.Overwrite.conflict
        var areEqual: Bool?
        var expected: BidiDecision
        var testDescription: String { name }
    }

    static func file(_ size: UInt64, _ second: Int64 = 1, mode: UInt16 = 0o644, digest: UInt64? = 1) -> AgreedEntry {
        AgreedEntry(
            attributes: Attributes(
                kind: .file, mode: mode, size: size, mtime: Timestamp(seconds: second, nanoseconds: 0)),
            digest: digest.map { Digest(high: $0, low: $0) })
    }
    static func link(_ digest: UInt64) -> AgreedEntry {
        AgreedEntry(
            attributes: Attributes(kind: .symlink, mode: 0, size: 4, mtime: .zero),
            digest: Digest(high: digest, low: digest))
    }
    static let directory = AgreedEntry(
        attributes: Attributes(kind: .directory, mode: 0o755, size: 0, mtime: .zero), digest: nil)
    static let old = file(5)
    static let touched = file(5, 9).attributes
    static let moded = file(5, mode: 0o600).attributes

    static let cases: [Case] = [
        Case(name: "created / –", up: .content(file(3)), down: .none, expected: .downward),
        Case(name: "– / created", up: .none, down: .content(file(3)), expected: .upward),
        Case(
            name: "created / created, one size: content decides", up: .content(file(3)), down: .content(file(3, 2)),
            expected: .compare),
        Case(
            name: "created / created the same", up: .content(file(3)), down: .content(file(3, 2)), areEqual: true,
            expected: .downward),
        Case(
            name: "created / created, different", up: .content(file(3)), down: .content(file(3, 2)), areEqual: false,
            expected: .conflict),
        Case(
            name: "created / created, other sizes", up: .content(file(3)), down: .content(file(4)),
            expected: .conflict),
        Case(name: "link / the same link", up: .content(link(1)), down: .content(link(1)), expected: .downward),
        Case(name: "link / another link", up: .content(link(1)), down: .content(link(2)), expected: .conflict),
        Case(name: "changed / –", agreed: old, up: .content(file(6)), down: .none, expected: .downward),
        Case(
            name: "changed / changed differently", agreed: old, up: .content(file(6)), down: .content(file(7)),
            expected: .conflict),
        Case(
            name: "changed / changed, equal size and time", agreed: old, up: .content(file(6, 3)),
            down: .content(file(6, 3)), areEqual: false, expected: .conflict),
        Case(name: "deleted / –", agreed: old, up: .gone, down: .none, expected: .downward),
        Case(name: "deleted / deleted", agreed: old, up: .gone, down: .gone, expected: .forget),
        Case(name: "changed / deleted", agreed: old, up: .content(file(6)), down: .gone, expected: .conflict),
        Case(name: "deleted / changed", agreed: old, up: .gone, down: .content(file(6)), expected: .conflict),
        Case(
            name: "directory deleted / created inside", agreed: directory, up: .gone, down: .none, below: .created,
            expected: .restoreUpward),
        Case(
            name: "directory deleted / a child changed", agreed: directory, up: .gone, down: .none, below: .changed,
            expected: .downward),
        Case(
            name: "directory deleted / holds what is not synced", agreed: directory, up: .gone, down: .none,
            below: .unsynced, expected: .downward),
        Case(
            name: "directory → file / –", agreed: directory, up: .content(file(3)), down: .none, expected: .downward),
        Case(
            name: "directory → file / changed below", agreed: directory, up: .content(file(3)), down: .none,
            below: .changed, expected: .conflict),
        Case(
            name: "directory → file / created below", agreed: directory, up: .content(file(3)), down: .none,
            below: .created, expected: .conflict),
        Case(
            name: "directory → file / holds what is not synced", agreed: directory, up: .content(file(3)),
            down: .none, below: .unsynced, expected: .blocked),
        Case(
            name: "file → directory on both", agreed: old, up: .content(directory), down: .content(directory),
            expected: .downward),
        Case(
            name: "file / directory created under one name", up: .content(file(3)), down: .content(directory),
            expected: .conflict),
        Case(
            name: "mode / content", agreed: old, up: .attributes(moded), down: .content(file(6)),
            expected: .upwardWithMode(0o600)),
        Case(
            name: "time / content", agreed: old, up: .attributes(touched), down: .content(file(6)),
            expected: .upward),
        Case(
            name: "content / mode", agreed: old, up: .content(file(6)), down: .attributes(moded),
            expected: .downwardKeepingMode(0o600)),
        Case(
            name: "content / time", agreed: old, up: .content(file(6)), down: .attributes(touched),
            expected: .downward),
        Case(name: "mode / mode", agreed: old, up: .attributes(moded), down: .attributes(touched), expected: .downward),
        Case(name: "mode / deleted", agreed: old, up: .attributes(moded), down: .gone, expected: .upward),
        Case(name: "deleted / mode", agreed: old, up: .gone, down: .attributes(moded), expected: .downward),
        Case(
            name: "created / not synced", up: .content(file(3)), down: .unsynced, expected: .blocked),
        Case(
            name: "older: the newer one wins, upstream", up: .content(file(3, 9)), down: .content(file(4, 2)),
            overwrite: .older, expected: .downward),
        Case(
            name: "older: the newer one wins, downstream", up: .content(file(3, 1)), down: .content(file(4, 2)),
            overwrite: .older, expected: .upward),
        Case(
            name: "older: one time decides nothing", up: .content(file(3, 2)), down: .content(file(4, 2)),
            overwrite: .older, expected: .conflict),
        Case(
            name: "older: changed / deleted stays a conflict", agreed: old, up: .content(file(6)), down: .gone,
            overwrite: .older, expected: .conflict),
        Case(
            name: "always: deleted / changed", agreed: old, up: .gone, down: .content(file(6)), overwrite: .always,
            expected: .downward),
        Case(
            name: "always: changed / changed", agreed: old, up: .content(file(6)), down: .content(file(7)),
            overwrite: .always, expected: .downward),
    ]

    @Test(arguments: cases)
    func decides(_ one: Case) {
        #expect(
            decideBidi(
                agreed: one.agreed, up: one.up, down: one.down, below: one.below, overwrite: one.overwrite,
                areEqual: one.areEqual) == one.expected)
    }
}

/// How conflicts that stand are settled.
@Suite struct SettlementTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var flagged: (ancestor: AgreedEntry?, up: AgreedEntry?, down: AgreedEntry?)
        var up: AgreedEntry?
        var down: AgreedEntry?
        var keep: Keep?
        var expected: Settlement
        var testDescription: String { name }
    }

    static let old = BidiDecisionTests.file(5)
    static let one = BidiDecisionTests.file(6, digest: 2)
    static let two = BidiDecisionTests.file(7, 8, digest: 3)
    static let three = BidiDecisionTests.file(8, digest: 4)

    static let cases: [Case] = [
        Case(name: "as flagged", flagged: (old, one, two), up: one, down: two, expected: .stands),
        Case(name: "both became equal", flagged: (old, one, two), up: three, down: three, expected: .equal),
        Case(name: "upstream's was deleted", flagged: (old, one, two), up: nil, down: two, expected: .upward),
        Case(name: "downstream's was deleted", flagged: (old, one, two), up: one, down: nil, expected: .downward),
        Case(
            name: "one was deleted and the other changed again", flagged: (old, one, two), up: nil, down: three,
            expected: .upward),
        Case(name: "both were deleted", flagged: (old, one, two), up: nil, down: nil, expected: .forget),
        Case(
            name: "changed / deleted does not settle itself", flagged: (old, one, nil), up: one, down: nil,
            expected: .stands),
        Case(
            name: "deleted / changed does not settle itself", flagged: (old, nil, two), up: nil, down: two,
            expected: .stands),
        Case(
            name: "the survivor of changed / deleted changed again", flagged: (old, one, nil), up: three, down: nil,
            expected: .flaggedAnew),
        Case(
            name: "the survivor of changed / deleted was deleted", flagged: (old, one, nil), up: nil, down: nil,
            expected: .forget),
        Case(
            name: "changed / deleted became equal", flagged: (old, one, nil), up: one, down: one, expected: .equal),
        Case(
            name: "a side changed again", flagged: (old, one, two), up: three, down: two, expected: .flaggedAnew),
        Case(
            name: "upstream's was set back", flagged: (old, one, two), up: old, down: two, expected: .upward),
        Case(
            name: "downstream's was set back", flagged: (old, one, two), up: one, down: old, expected: .downward),
        Case(
            name: "resolved for upstream", flagged: (nil, one, two), up: one, down: two, keep: .upstream,
            expected: .downward),
        Case(
            name: "resolved for downstream", flagged: (nil, one, two), up: one, down: two, keep: .downstream,
            expected: .upward),
        Case(
            name: "resolved for the newer one", flagged: (nil, one, two), up: one, down: two, keep: .newer,
            expected: .upward),
        Case(
            name: "newer of changed / deleted keeps the survivor", flagged: (old, one, nil), up: one, down: nil,
            keep: .newer, expected: .downward),
        Case(
            name: "changed / deleted resolved for the deletion", flagged: (old, one, nil), up: one, down: nil,
            keep: .downstream, expected: .upward),
    ]

    @Test(arguments: cases)
    func settles(_ one: Case) throws {
        let conflict = Conflict(
            path: try TreePath(slashed: "x"), ancestor: one.flagged.ancestor, upstream: one.flagged.up,
            downstream: one.flagged.down, since: .zero)
        #expect(settle(conflict, upstream: one.up, downstream: one.down, keep: one.keep) == one.expected)
    }
}
