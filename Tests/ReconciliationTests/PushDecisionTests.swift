import Core
import Reconciliation
import Testing

/// The outcome table of push and pull, case by case.
@Suite struct PushDecisionTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var source: SourceState
        var target: TargetState
        var agreed: AgreedEntry?
        var policy = SessionPolicy.standard
        var expected: PushDecision
        var testDescription: String { name }
    }

    static func file(_ size: UInt64, _ second: Int64 = 1, mode: UInt16 = 0o644) -> Attributes {
        Attributes(kind: .file, mode: mode, size: size, mtime: Timestamp(seconds: second, nanoseconds: 0))
    }
    static let directory = Attributes(kind: .directory, mode: 0o755, size: 0, mtime: .zero)
    static let link = Attributes(kind: .symlink, mode: 0, size: 3, mtime: .zero)
    static let row = AgreedEntry(attributes: file(5), digest: Digest(high: 1, low: 1))

    static let cases: [Case] = [
        Case(name: "created", source: .present(file(5)), target: .absent, expected: .fetch(replaces: false)),
        Case(
            name: "created directory", source: .present(directory), target: .absent,
            expected: .makeDirectory(replaces: false)),
        Case(name: "created symlink", source: .present(link), target: .absent, expected: .makeSymlink(replaces: false)),
        Case(
            name: "changed size", source: .present(file(6)), target: .present(file(5), isUntouched: true), agreed: row,
            expected: .fetch(replaces: true)),
        Case(
            name: "changed time, same size, target untouched: its row's digest will do", source: .present(file(5, 2)),
            target: .present(file(5), isUntouched: true), agreed: row, expected: .fetchUnlessSame(mayTrustRow: true)),
        Case(
            name: "target touched: its row says nothing about its content", source: .present(file(5)),
            target: .present(file(5, 9), isUntouched: false), agreed: row,
            expected: .fetchUnlessSame(mayTrustRow: false)),
        Case(
            name: "first cycle, candidate of equal size", source: .present(file(5)),
            target: .present(file(5), isUntouched: false),
            expected: .fetchUnlessSame(mayTrustRow: false)),
        Case(
            name: "untouched but the row has no digest", source: .present(file(5)),
            target: .present(file(5), isUntouched: true),
            agreed: AgreedEntry(attributes: file(5), digest: nil), expected: .fetchUnlessSame(mayTrustRow: false)),
        Case(
            name: "directory as it should be", source: .present(directory),
            target: .present(directory, isUntouched: false), expected: .adopt),
        Case(
            name: "directory with another mode", source: .present(directory),
            target: .present(Attributes(kind: .directory, mode: 0o700, size: 0, mtime: .zero), isUntouched: true),
            expected: .setAttributes),
        Case(
            name: "symlink stands there", source: .present(link), target: .present(link, isUntouched: true),
            expected: .makeSymlink(replaces: true)),
        Case(
            name: "file becomes directory", source: .present(directory), target: .present(file(5), isUntouched: true),
            agreed: row,
            expected: .makeDirectory(replaces: true)),
        Case(
            name: "directory becomes file", source: .present(file(5)), target: .present(directory, isUntouched: true),
            expected: .fetch(replaces: true)),
        Case(
            name: "file becomes symlink", source: .present(link), target: .present(file(5), isUntouched: true),
            expected: .makeSymlink(replaces: true)),
        Case(
            name: "deleted", source: .absent, target: .present(file(5), isUntouched: true), agreed: row,
            expected: .remove),
        Case(
            name: "deleted here, changed there: the source wins", source: .absent,
            target: .present(file(6), isUntouched: false), agreed: row, expected: .remove),
        Case(name: "deleted on both", source: .absent, target: .absent, agreed: row, expected: .forget),
        Case(name: "a socket stands in the way", source: .present(file(5)), target: .unsynced, expected: .blocked),
        Case(
            name: "deleted, but a socket has taken the place", source: .absent, target: .unsynced, agreed: row,
            expected: .blocked),
        Case(
            name: "deletions never: withheld", source: .absent, target: .present(file(5), isUntouched: true),
            agreed: row, policy: SessionPolicy(delete: .never), expected: .withhold),
        Case(
            name: "deletions never, changed there: withheld", source: .absent,
            target: .present(file(6), isUntouched: false, hasOtherContent: true), agreed: row,
            policy: SessionPolicy(delete: .never, drift: .keep), expected: .withhold),
        Case(
            name: "deletions never, gone there as well: withheld", source: .absent, target: .absent, agreed: row,
            policy: SessionPolicy(delete: .never), expected: .withhold),
        Case(
            name: "deletions never, a socket there: nothing needs to be touched", source: .absent, target: .unsynced,
            agreed: row, policy: SessionPolicy(delete: .never), expected: .withhold),
        Case(
            name: "deletions never: changes are applied", source: .present(file(6)),
            target: .present(file(5), isUntouched: true), agreed: row, policy: SessionPolicy(delete: .never),
            expected: .fetch(replaces: true)),
        Case(
            name: "withheld and created again", source: .present(file(6)),
            target: .present(file(5), isUntouched: true), agreed: row, policy: SessionPolicy(delete: .never),
            expected: .fetch(replaces: true)),
        Case(
            name: "drift kept, deleted upstream: kept", source: .absent,
            target: .present(file(6), isUntouched: false, hasOtherContent: true), agreed: row,
            policy: SessionPolicy(drift: .keep), expected: .keepChanged),
        Case(
            name: "drift kept, only touched there: deleted", source: .absent,
            target: .present(file(5, 9), isUntouched: false), agreed: row, policy: SessionPolicy(drift: .keep),
            expected: .remove),
        Case(
            name: "drift repaired or halted: deleted all the same", source: .absent,
            target: .present(file(6), isUntouched: false, hasOtherContent: true), agreed: row,
            policy: SessionPolicy(drift: .halt), expected: .remove),
        Case(
            name: "drift kept, changed upstream: the source's", source: .present(file(7)),
            target: .present(file(6), isUntouched: false, hasOtherContent: true), agreed: row,
            policy: SessionPolicy(drift: .keep), expected: .fetch(replaces: true)),
        Case(
            name: "drift kept, deleted there, changed upstream: made again", source: .present(file(7)), target: .absent,
            agreed: row, policy: SessionPolicy(drift: .keep), expected: .fetch(replaces: false)),
    ]

    @Test(arguments: cases) func outcome(_ test: Case) {
        #expect(
            decidePush(source: test.source, target: test.target, agreed: test.agreed, policy: test.policy)
                == test.expected)
    }
}
