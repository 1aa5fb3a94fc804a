import Core
import Roots
import Testing

@Suite struct WritingBrakesTests {
    private typealias Current = RootBrakes.Current

    private static let recorded = RootBrakes.Recorded(device: 1, inode: 2, topLevelRows: 2)

    private static func current(
        _ kind: EntryKind = .directory, device: UInt64 = 1, inode: UInt64 = 2, entries: Int = 5, mark: Bool = true
    ) -> RootBrakes.Current {
        Current(kind: kind, device: device, inode: inode, topLevelEntries: entries, hasMark: mark)
    }

    @Test(
        arguments: [
            ("the same", current(), nil),
            ("gone", nil, .missing),
            ("a file", current(.file), .retyped),
            ("a symlink", current(.symlink), .retyped),
            ("without its mark", current(mark: false), .unmounted),
            ("an empty mount point", current(device: 9, inode: 9, entries: 0), .unmounted),
            ("on another file system", current(device: 9), .otherFileSystem),
            ("another directory", current(inode: 3), .replaced),
            ("emptied", current(entries: 0), .emptied),
            ("down to one entry", current(entries: 1), nil),
        ] as [(String, RootBrakes.Current?, HaltReason?)])
    func aRoot(_ name: String, _ now: RootBrakes.Current?, halts reason: HaltReason?) {
        #expect(RootBrakes.halt(recorded: Self.recorded, current: now) == reason)
    }

    @Test func aRootThatHeldOneEntry_mayBecomeEmpty() {
        let one = RootBrakes.Recorded(device: 1, inode: 2, topLevelRows: 1)
        #expect(RootBrakes.halt(recorded: one, current: Self.current(entries: 0)) == nil)
    }

    @Test func aFirstCycle_haltsOnlyWithoutARoot() {
        #expect(RootBrakes.halt(recorded: nil, current: Self.current(device: 7, inode: 7, entries: 0)) == nil)
        #expect(RootBrakes.halt(recorded: nil, current: nil) == .missing)
        #expect(RootBrakes.halt(recorded: nil, current: Self.current(mark: false)) == .unmounted)
    }

    @Test func everyReason_comesBackFromItsCode() {
        for code in UInt8(1)...7 { #expect(HaltReason(code: code)?.code == code) }
        #expect(HaltReason(code: 0) == nil && HaltReason(code: 8) == nil)
    }

    @Test(
        arguments: [
            ("half of a large tree", .percent(50), 1000, 0, 500, nil),
            ("more than half", .percent(50), 1000, 0, 501, 500),
            ("all of a small tree, 99 deletions", .percent(50), 99, 0, 99, nil),
            ("the 100th deletion brings the percentage in", .percent(50), 100, 0, 100, 50),
            ("in pieces within the window", .percent(50), 1000, 450, 51, 500),
            ("nothing planned after a full window", .percent(50), 1000, 900, 0, nil),
            ("zero percent permits fewer than a hundred", .percent(0), 1000, 0, 99, nil),
            ("zero percent", .percent(0), 1000, 0, 100, 0),
            ("a hundred percent", .percent(100), 1000, 0, 1000, nil),
            ("a count is absolute", .count(10), 1_000_000, 0, 11, 10),
            ("up to the count", .count(10), 5, 4, 6, nil),
            ("a count of zero", .count(0), 5, 0, 1, 0),
            ("without overflow", .percent(50), .max, .max, .max, Int.max / 2),
            ("no rows at all", .percent(50), 0, 0, 100, 0),
        ] as [(String, MaxDelete, Int, Int, Int, Int?)])
    func deletions(_ name: String, _ limit: MaxDelete, rows: Int, deleted: Int, planned: Int, exceed most: Int?) {
        let verdict = DeletionBrake.evaluate(limit, rows: rows, deleted: deleted, planned: planned)
        switch verdict {
        case .permitted: #expect(most == nil)
        case .exceeded(_, let figure, _): #expect(figure == most)
        }
    }
}
