import Core
import Reconciliation
import Testing

/// What `overwrite` makes of a path of a push or pull that both sides changed, case by case.
@Suite struct OverwriteDecisionTests {
    private static func file(_ size: UInt64, _ second: Int64, _ digest: UInt64) -> AgreedEntry {
        AgreedEntry(
            attributes: Attributes(
                kind: .file, mode: 0o644, size: size, mtime: Timestamp(seconds: second, nanoseconds: 0)),
            digest: Digest(high: 1, low: digest))
    }
    private static func link(_ second: Int64, _ digest: UInt64) -> AgreedEntry {
        AgreedEntry(
            attributes: Attributes(
                kind: .symlink, mode: 0, size: 3, mtime: Timestamp(seconds: second, nanoseconds: 0)),
            digest: Digest(high: 2, low: digest))
    }
    private static func directory(_ second: Int64) -> AgreedEntry {
        AgreedEntry(
            attributes: Attributes(
                kind: .directory, mode: 0o755, size: 0, mtime: Timestamp(seconds: second, nanoseconds: 0)),
            digest: nil)
    }
    private static let (old, new) = (file(5, 10, 1), file(5, 20, 2))

    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var source: AgreedEntry?
        var target: AgreedEntry
        var areEqual: Bool?
        /// Of always, older, conflict.
        var expected: [OverwriteDecision]
        var testDescription: String { name }
    }

    static let cases: [Case] = [
        Case(name: "source newer", source: new, target: old, expected: [.asSource, .asSource, .compare]),
        Case(name: "target newer", source: old, target: new, expected: [.asSource, .compare, .compare]),
        Case(
            name: "target newer, other content", source: old, target: new, areEqual: false,
            expected: [.asSource, .conflict, .conflict]),
        Case(
            name: "target newer, same content", source: old, target: new, areEqual: true,
            expected: [.asSource, .asSource, .asSource]),
        Case(
            name: "equal times, other size", source: file(6, 10, 3), target: old,
            expected: [.asSource, .conflict, .conflict]),
        Case(
            name: "equal times, other content", source: file(5, 10, 3), target: old, areEqual: false,
            expected: [.asSource, .conflict, .conflict]),
        Case(name: "deleted upstream", source: nil, target: old, expected: [.asSource, .conflict, .conflict]),
        Case(
            name: "directories", source: directory(1), target: directory(2),
            expected: [.asSource, .asSource, .asSource]),
        Case(
            name: "newer directory, file", source: directory(99), target: old,
            expected: [.asSource, .conflict, .conflict]),
        Case(
            name: "newer file, directory", source: new, target: directory(1),
            expected: [.asSource, .conflict, .conflict]),
        Case(
            name: "newer file, symlink", source: new, target: link(1, 1), expected: [.asSource, .asSource, .conflict]),
        Case(
            name: "newer symlink", source: link(20, 2), target: link(10, 1),
            expected: [.asSource, .asSource, .conflict]
        ),
        Case(
            name: "older symlink", source: link(10, 2), target: link(20, 1),
            expected: [.asSource, .conflict, .conflict]
        ),
        Case(
            name: "same symlink", source: link(10, 1), target: link(20, 1), expected: [.asSource, .asSource, .asSource]),
    ]

    @Test(arguments: cases)
    func overwrite(_ one: Case) {
        for (policy, expected) in zip(SessionPolicy.Overwrite.allCases, one.expected) {
            let found = decideOverwrite(
                source: one.source, target: one.target, overwrite: policy, areEqual: one.areEqual)
            #expect(found == expected, "\(policy)")
        }
    }

    /// One conflict that stands, and what becomes of it.
    struct Settling: Sendable, CustomTestStringConvertible {
        var name: String
        var up: AgreedEntry?
        var down: AgreedEntry?
        var keep: Keep?
        var overwrite = SessionPolicy.Overwrite.conflict
        var expected: PushSettlement
        var testDescription: String { name }
    }

    private static let ancestor = file(4, 1, 9)
    static let settlings: [Settling] = [
        Settling(name: "as flagged", up: old, down: new, expected: .stands),
        Settling(name: "a side changed again", up: file(7, 30, 7), down: new, expected: .flaggedAnew),
        Settling(name: "both gone", up: nil, down: nil, expected: .forget),
        Settling(name: "made equal", up: old, down: file(5, 99, 1), expected: .asSource),
        Settling(name: "deleted downstream", up: old, down: nil, expected: .asSource),
        Settling(name: "deleted upstream", up: nil, down: new, expected: .kept),
        Settling(name: "set back upstream", up: ancestor, down: new, expected: .agreedAgain),
        Settling(name: "set back downstream", up: old, down: ancestor, expected: .asSource),
        Settling(name: "keep upstream", up: old, down: new, keep: .upstream, expected: .asSource),
        Settling(name: "keep downstream", up: old, down: new, keep: .downstream, expected: .kept),
        Settling(name: "keep newer, downstream is", up: old, down: new, keep: .newer, expected: .kept),
        Settling(name: "keep both", up: old, down: new, keep: .both, expected: .both),
        Settling(name: "always", up: old, down: new, overwrite: .always, expected: .asSource),
        Settling(name: "older, downstream newer", up: old, down: new, overwrite: .older, expected: .stands),
        Settling(
            name: "older, upstream newer by now", up: file(5, 30, 3), down: new, overwrite: .older, expected: .asSource),
    ]

    @Test(arguments: settlings)
    func settlement(_ one: Settling) {
        let conflict = Conflict(
            path: TreePath(trusted: [0x61]), ancestor: Self.ancestor, upstream: Self.old, downstream: Self.new,
            since: .zero)
        let found = settlePush(
            conflict, upstream: one.up, downstream: one.down, keep: one.keep, overwrite: one.overwrite)
        #expect(found == one.expected)
    }

    @Test func deletedUpstream_changedDownstream_standsUntilAlwaysDecides() {
        let conflict = Conflict(
            path: TreePath(trusted: [0x61]), ancestor: Self.ancestor, upstream: nil, downstream: Self.new, since: .zero)
        func settled(_ keep: Keep?, _ overwrite: SessionPolicy.Overwrite = .conflict) -> PushSettlement {
            settlePush(conflict, upstream: nil, downstream: Self.new, keep: keep, overwrite: overwrite)
        }
        #expect(settled(nil) == .stands && settled(nil, .older) == .stands)
        #expect(settled(nil, .always) == .asSource && settled(.upstream) == .asSource)
        #expect(settled(.downstream) == .kept && settled(.newer) == .kept && settled(.both) == .kept)
    }
}
