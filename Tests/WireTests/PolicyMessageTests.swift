import Core
import Testing

@testable import Wire

/// What policies bring to messages: rows told in a commit, the beginning of a file that is there, symlinks, verifying.
@Suite struct PolicyMessageTests {
    private static let file = Attributes(
        kind: .file, mode: 0o644, size: 5 << 20, mtime: Timestamp(seconds: 7, nanoseconds: 1))
    private static let entry = AgreedEntry(attributes: file, digest: Digest(high: 1, low: 2))

    @Test func committedRows_comeBackAsSent() throws {
        let conflict = Conflict(
            path: try TreePath(slashed: "a"), ancestor: nil, upstream: Self.entry, downstream: Self.entry, since: .zero)
        let states: [RowsMessage.Item.State] = [
            .conflict(conflict), .gone, .agreed(Self.entry), .kept(Self.entry), .withheld(Self.entry),
        ]
        let rows = try zip(["a", "b", "b/c", "d", "e"], states).map { path, state in
            RowsMessage.Item(path: try TreePath(slashed: path), state: state)
        }
        let back = try CommittedMessage(
            decoding: CommittedMessage(number: 3, indices: [1, 2], rows: rows, counts: CycleCounts()).encoded())
        #expect(back.rows == rows && back.runs == [1..<3] && back.number == 3)
        #expect(try RowsMessage(decoding: RowsMessage(items: rows, through: 9, isLast: true).encoded()).items == rows)
    }

    @Test func wants_comeBackAsSent_andUnknownKindsAreRefused() throws {
        let items = [
            WantMessage.Item(index: 1, has: nil),
            WantMessage.Item(index: 2, has: Digest(high: 1, low: 1), isComparison: true),
            WantMessage.Item(
                index: 3, has: nil, received: WantMessage.Received(segments: 9, digest: Digest(high: 3, low: 4))),
        ]
        var bytes = WantMessage(decidedBefore: 4, items: items).encoded()
        #expect(try WantMessage(decoding: bytes).items == items)
        let plain = WantMessage(decidedBefore: 4, items: [items[0]]).encoded()
        bytes = plain.dropLast() + [3]
        #expect(throws: WireFault.self) { try WantMessage(decoding: bytes) }
        bytes = plain.dropLast() + [2]
        #expect(throws: WireFault.self) { try WantMessage(decoding: bytes) }
    }

    @Test func symlinksAndVerifying_areInTheRequest() throws {
        for symlinks in SessionPolicy.Symlinks.allCases {
            let request = SessionRequest(
                edge: EdgeIdentity(upstream: "a", downstream: "b", session: "s", mode: .push), maxDelete: .percent(50),
                policy: SessionPolicy(overwrite: .older, symlinks: symlinks), isVerifying: symlinks == .skip, owner: "o"
            )
            var out = ByteWriter()
            out.put(request)
            var input = ByteReader(out.bytes)
            #expect(try input.sessionRequest() == request)
            try input.finish()
        }
    }
}
