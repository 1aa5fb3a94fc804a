import Core
import Testing

@testable import Wire

private func path(_ text: String) -> TreePath { try! TreePath(slashed: text) }

@Suite struct MessageTests {
    static let file = Attributes(
        kind: .file, mode: 0o644, size: 5, mtime: Timestamp(seconds: -7, nanoseconds: 999_999_999))
    static let error: HeadwaterError = {
        var error = HeadwaterError(
            "path.unreadable", "no", remedy: "do", exit: .halted, isTransient: true, path: path("a/b"), cause: "why")
        error.facts = "deletions=3"
        error.peer = "eu"
        return error
    }()

    @Test func changesComeBackAsSent() throws {
        let records = [
            ChangeRecord(path: path("a"), state: .directory(mode: 0o1777, mtime: .zero)),
            ChangeRecord(path: path("a/b"), state: .file(Self.file)),
            ChangeRecord(
                path: TreePath(trusted: [0x61, 0, 0xFF, 0x0A]),
                state: .symlink(target: [0xFE, 0x2F], mtime: Timestamp(seconds: 1 << 40, nanoseconds: 1))),
            ChangeRecord(path: path("b"), state: .absent),
        ]
        let message = ChangesMessage(isLast: true, isAnswer: false, firstIndex: 77, records: records)
        let back = try ChangesMessage(decoding: message.encoded())
        #expect(back.records == records)
        #expect(back.firstIndex == 77 && back.isLast && !back.isAnswer)
    }

    @Test func metadata_comesBackAsSent_onceForAllThatHaveIt() throws {
        let metadata = Metadata(owner: Account(id: 1000, name: Array("alice".utf8)), group: Account(id: 7, name: nil))!
        func message(_ metadata: Metadata?) -> ChangesMessage {
            var file = Self.file
            (file.mode, file.metadata) = (0o6755, metadata)
            let records = (0..<100).map { ChangeRecord(path: path("f\($0 + 100)"), state: .file(file)) }
            let others = [
                ChangeRecord(path: path("g"), state: .directory(mode: 0o755, mtime: .zero, metadata: metadata)),
                ChangeRecord(path: path("h"), state: .symlink(target: [1], mtime: .zero, metadata: metadata)),
            ]
            return ChangesMessage(isLast: true, isAnswer: false, firstIndex: 0, records: records + others)
        }
        let (with, without) = (message(metadata), message(nil))
        #expect(try ChangesMessage(decoding: with.encoded()).records == with.records)
        #expect(with.encoded().count == without.encoded().count + metadata.bytes.count + 1)
    }

    @Test(
        arguments: [
            [], [0], [16], [4, 0, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0, 0, 0], [5, 0, 0, 0, 0, 0],
            [5, 0, 0, 0, 0, 2, 0x61],
            [5, 0, 0, 0, 0, 1, 0], [3, 0, 0, 0, 0],
        ] as [[UInt8]])
    func hostileMetadataIsRefused(_ bytes: [UInt8]) {
        var out = ByteWriter()
        out.put(UInt8(0x21))
        out.put(unsigned: 0o644)
        out.put(unsigned: 5)
        out.put(Timestamp.zero)
        out.put(bytes)
        var input = ByteReader(out.bytes)
        #expect(throws: WireFault.self) { try input.attributes() }
    }

    @Test(arguments: [UInt8(0x41), 0x61, 0x24, 0x81])
    func oddTagsOfMetadataAreRefused(_ tag: UInt8) {
        var input = ByteReader([tag] + [UInt8](repeating: 1, count: 64))
        #expect(throws: WireFault.self) { try input.attributes() }
    }

    @Test func filterRulesComeBackAsSent_andAreBounded() throws {
        func back(_ rules: [FilterRule]) throws -> [FilterRule] {
            var out = ByteWriter()
            out.put(rules)
            var input = ByteReader(out.bytes)
            let rules = try input.filterRules()
            try input.finish()
            return rules
        }
        let rules = [
            FilterRule(isIncluded: true, pattern: Array("*.iso".utf8)),
            FilterRule(isIncluded: false, pattern: [0xFF, 0x2A]),
        ]
        #expect(try back(rules) == rules && back([]) == [])
        let one = FilterRule(isIncluded: false, pattern: [0x61])
        #expect(try back(Array(repeating: one, count: FilterRule.countMax)).count == FilterRule.countMax)
        #expect(throws: WireFault.self) { try back(Array(repeating: one, count: FilterRule.countMax + 1)) }
        let long = FilterRule(isIncluded: false, pattern: [UInt8](repeating: 1, count: FilterRule.patternBytesMax + 1))
        #expect(throws: WireFault.self) { try back([long]) }
        let most = FilterRule(isIncluded: false, pattern: [UInt8](repeating: 1, count: FilterRule.patternBytesMax))
        #expect(throws: WireFault.self) { try back(Array(repeating: most, count: 161)) }
        // With what else a hello holds they go into one frame.
        #expect(FilterRule.bytesMax + 3 * FilterRule.countMax + (300 << 10) < Frame.payloadBytesMax)
    }

    @Test func changesOutOfScanOrderAreRefused() {
        let records = [ChangeRecord(path: path("b"), state: .absent), ChangeRecord(path: path("a"), state: .absent)]
        let message = ChangesMessage(isLast: true, isAnswer: false, firstIndex: 0, records: records)
        #expect(throws: WireFault.self) { try ChangesMessage(decoding: message.encoded()) }
        let answer = ChangesMessage(isLast: true, isAnswer: true, firstIndex: 0, records: records)
        #expect(throws: Never.self) { try ChangesMessage(decoding: answer.encoded()) }
    }

    /// A path on the wire is a key as `snap.db` has it; these are what a hostile peer would try.
    @Test(arguments: [
        "..", "a\0..", ".", "a\0.\0b", "a\0\0b", "\0a", "a\0", "etc/passwd", ".headwater", "a\0.headwater\0x",
        String(repeating: "x", count: 256),
        String(repeating: "x\0", count: 1024) + "x",
        String(repeating: String(repeating: "y", count: 200) + "\0", count: 170) + "y", "",
    ])
    func hostilePathsAreRefused(_ key: String) {
        let message = ChangesMessage(
            isLast: true, isAnswer: false, firstIndex: 0,
            records: [ChangeRecord(path: TreePath(trusted: Array(key.utf8)), state: .absent)])
        #expect(throws: WireFault.self) { try ChangesMessage(decoding: message.encoded()) }
    }

    @Test func modesSizesTimesAndLinksAreBounded() {
        func decode(_ body: (inout ByteWriter) -> Void) throws {
            var out = ByteWriter()
            out.put(true)
            out.put(false)
            out.put(0)
            out.put(1)
            out.put(0)
            out.put(Array("f".utf8))
            body(&out)
            _ = try ChangesMessage(decoding: out.bytes)
        }
        func attributes(_ kind: UInt8, mode: UInt64, size: UInt64, nanoseconds: UInt64) -> (inout ByteWriter) -> Void {
            { out in
                out.put(kind)
                out.put(unsigned: mode)
                out.put(unsigned: size)
                out.put(signed: 0)
                out.put(unsigned: nanoseconds)
            }
        }
        #expect(throws: Never.self) { try decode(attributes(1, mode: 0o644, size: 1, nanoseconds: 0)) }
        #expect(throws: WireFault.self) { try decode(attributes(1, mode: 0o14755, size: 1, nanoseconds: 0)) }
        #expect(throws: WireFault.self) { try decode(attributes(1, mode: 0o644, size: .max, nanoseconds: 0)) }
        #expect(throws: WireFault.self) { try decode(attributes(1, mode: 0o644, size: 1, nanoseconds: 1_000_000_000)) }
        #expect(throws: WireFault.self) { try decode(attributes(2, mode: 0o755, size: 1, nanoseconds: 0)) }
        #expect(throws: WireFault.self) { try decode(attributes(4, mode: 0, size: 0, nanoseconds: 0)) }
        #expect(throws: WireFault.self) { try decode(attributes(3, mode: 0, size: 0, nanoseconds: 0)) }
    }

    @Test func everyOtherMessageComesBackAsSent() throws {
        let digest = Digest(high: 1, low: .max)
        let want = WantMessage(decidedBefore: 9, items: [.init(index: 3, has: digest), .init(index: 4, has: nil)])
        let wantBack = try WantMessage(decoding: want.encoded())
        #expect(wantBack.items == want.items && wantBack.decidedBefore == 9)
        #expect(
            try AskMessage(decoding: AskMessage(paths: [path("b"), path("a")]).encoded()).paths == [
                path("b"), path("a"),
            ])
        let sent = SentFile(index: 3, attributes: Self.file, digest: digest)
        #expect(try SameMessage(decoding: SameMessage(files: [sent]).encoded()).files == [sent])
        let content = try ContentMessage(
            decoding: ContentMessage(files: [sent], isCompressed: false, body: [1, 2, 3, 4, 5]).encoded())
        #expect(Array(content.body) == [1, 2, 3, 4, 5] && content.files == [sent])
        let committed = CommittedMessage(number: 8, indices: [5, 1, 2, 9], counts: CycleCounts())
        #expect(try CommittedMessage(decoding: committed.encoded()).runs == [1..<3, 5..<6, 9..<10])
        let back = try ErrorMessage.decode(ErrorMessage.encoded(Self.error))
        #expect(
            back.code == "path.unreadable" && back.path == path("a/b") && back.facts == "deletions=3"
                && back.peer == "eu"
                && back.exit == .halted)
        let directory = AgreedEntry(
            attributes: Attributes(kind: .directory, mode: 0o755, size: 0, mtime: .zero), digest: nil)
        let conflict = Conflict(
            path: path("d"), ancestor: nil, upstream: AgreedEntry(attributes: Self.file, digest: digest),
            downstream: directory, since: Timestamp(seconds: 7, nanoseconds: 8))
        let rows = RowsMessage(
            items: [
                .init(path: path("a"), state: .agreed(AgreedEntry(attributes: Self.file, digest: digest))),
                .init(path: path("b"), state: .gone), .init(path: path("c"), state: .residue(directory)),
                .init(path: path("d"), state: .conflict(conflict)),
                .init(path: path("e"), state: .withheld(AgreedEntry(attributes: Self.file, digest: nil))),
            ],
            through: 4, isLast: true)
        #expect(try RowsMessage(decoding: rows.encoded()).items == rows.items)
    }

    @Test func hellosComeBackAsSent() throws {
        let facts = DatabaseFacts(
            id: Digest(high: 7, low: 8), replaces: nil, mine: 4, theirs: 5, session: "t-a-b", mode: .push,
            isUpstream: true, machineHere: "m", machineThere: "n",
            placeHere: "/a", placeThere: "/b", filterDigest: Digest(high: 0, low: 0), sum: Digest(high: 3, low: 4),
            rows: 6)
        let request = SessionRequest(
            edge: EdgeIdentity(upstream: "a", downstream: "b", session: "t-a-b", mode: .push),
            maxDelete: .percent(50),
            policy: SessionPolicy(delete: .before, attic: .path(path("a/b")), drift: .keep, mirror: true),
            isReset: true, released: [ReleasedHalt(code: "halt.x", facts: "y")],
            owner: "headwater-lock 1\n", takesOver: true)
        let there = EndRequest(
            path: "~/x", subpath: "s/t", database: nil, mount: ".m", viewSince: 7, isReadLater: true)
        let hello = Hello(
            request: request, openerIsUpstream: true, there: there, newID: Digest(high: 9, low: 1), machine: "m",
            place: "/a", state: DatabaseState(file: "/a/snap.db", sibling: nil, content: .ok(facts)))
        let back = try Hello(decoding: hello.encoded())
        #expect(back.request == request && back.there == there)
        #expect(back.state == hello.state && back.openerIsUpstream && back.place == "/a" && back.newID == hello.newID)
        let reply = HelloReply(
            machine: "n", place: "/b",
            state: DatabaseState(file: "/f", sibling: "s", content: .refused(fault: 3, detail: "9")))
        #expect(try HelloReply(decoding: reply.encoded()).state == reply.state)
    }

    @Test func policiesComeBackAsSent_andOthersAreRefused() throws {
        func coded(_ policy: SessionPolicy) -> [UInt8] {
            let request = SessionRequest(
                edge: EdgeIdentity(upstream: "a", downstream: "b", session: "s", mode: .push), maxDelete: .count(1),
                policy: policy, owner: "")
            let end = EndRequest(path: "/x")
            return OrderMessage(
                plan: SessionPlan(request: request, here: end, there: end, hereIsUpstream: true), stream: nil
            ).encoded()
        }
        for attic in [nil, .session, .path(path("x"))] as [SessionPolicy.Attic?] {
            for delete in SessionPolicy.Delete.allCases {
                let policy = SessionPolicy(delete: delete, attic: attic, drift: .halt, mirror: delete == .after)
                #expect(try OrderMessage(decoding: coded(policy)).plan.request.policy == policy)
            }
        }
        #expect(throws: WireFault.self) {
            try OrderMessage(decoding: coded(SessionPolicy(delete: .never, mirror: true)))
        }
        for key in ["../out", "/etc", ".headwater", "a//b"] {
            let attic = TreePath(trusted: key.utf8.map { $0 == UInt8(ascii: "/") ? 0 : $0 })
            #expect(throws: WireFault.self) {
                try OrderMessage(decoding: coded(SessionPolicy(attic: .path(attic))))
            }
        }
        let held = HeldMessage(hasEntries: true, isWhole: true, withBelow: false, paths: [path("a"), path("a/b")])
        #expect(try HeldMessage(decoding: held.encoded()) == held)
        #expect(throws: WireFault.self) { try HeldMessage(decoding: Array(held.encoded().dropLast())) }
    }

    /// Content that would come out larger than a frame may hold is refused before anything is allocated for it.
    @Test func contentLargerThanAnnouncedIsRefused() {
        let sent = SentFile(
            index: 0, attributes: Attributes(kind: .file, mode: 0, size: 600 * 1024, mtime: .zero),
            digest: Digest(high: 0, low: 0))
        #expect(throws: WireFault.self) {
            try ContentMessage(decoding: ContentMessage(files: [sent], isCompressed: true, body: [1]).encoded())
        }
    }

    /// Thousands of paths that share 32 KiB take a few kilobytes on the wire and would take hundreds of megabytes here.
    @Test func pathsThatShareMuch_areBoundedByWhatTheyComeOutAs() {
        let stem = (0..<128).map { _ in String(repeating: "x", count: 250) }.joined(separator: "/")
        let paths = (1000..<1100).map { path("\(stem)/\($0)") }
        let rows = RowsMessage(items: paths.map { .init(path: $0, state: .gone) }, through: 1, isLast: true).encoded()
        let changes = ChangesMessage(
            isLast: true, isAnswer: false, firstIndex: 0, records: paths.map { ChangeRecord(path: $0, state: .absent) })
        #expect(rows.count < 40 * 1024)
        #expect(throws: WireFault.self) { try RowsMessage(decoding: rows) }
        #expect(throws: WireFault.self) { try ChangesMessage(decoding: changes.encoded()) }
        #expect(throws: WireFault.self) { try AskMessage(decoding: AskMessage(paths: paths).encoded()) }
        #expect(throws: Never.self) { try AskMessage(decoding: AskMessage(paths: Array(paths.prefix(20))).encoded()) }
    }

    @Test func nameOfASibling_isASessionName() {
        let state = { DatabaseState(file: "/f", sibling: $0, content: .none) }
        let good = HelloReply(machine: "n", place: "/b", state: state("t-a-b")).encoded()
        #expect(throws: Never.self) { try HelloReply(decoding: good) }
        for name in ["x\nerror: y", "$(x)", "", "a b"] {
            let bad = HelloReply(machine: "n", place: "/b", state: state(name)).encoded()
            #expect(throws: WireFault.self) { try HelloReply(decoding: bad) }
        }
    }

    /// Whatever another machine counts can be added up here, for many edges.
    @Test func greatestCounts_canBeAdded_andGreaterOnesAreRefused() throws {
        func counts(_ entries: UInt64, _ bytes: UInt64) -> [UInt8] {
            var out = ByteWriter()
            for position in 0..<9 { out.put(unsigned: position == 7 ? bytes : entries) }
            return out.bytes
        }
        let most = try MovedMessage.decode(counts(CycleCounts.entriesMax, CycleCounts.bytesMax))
        var sum = CycleCounts()
        for _ in 0..<100_000 { sum.add(moved: most) }
        #expect(sum.bytesPayload == .max)
        #expect(sum.hasMoved)
        #expect(throws: WireFault.self) { try MovedMessage.decode(counts(0, CycleCounts.bytesMax + 1)) }
        #expect(throws: WireFault.self) { try MovedMessage.decode(counts(0, .max)) }
        #expect(throws: WireFault.self) { try MovedMessage.decode(counts(CycleCounts.entriesMax + 1, 0)) }
        var tail = ByteWriter()
        for value in [UInt64.max, 0] { tail.put(unsigned: value) }
        #expect(throws: WireFault.self) { try OutcomeMessage(decoding: counts(0, 0) + tail.bytes + [0]) }
        var progress = Progress(phase: .scanning)
        (progress.bytesDone, progress.bytesTotal) = (.max, .max)
        let back = try ProgressMessage.decode(ProgressMessage.encoded(progress))
        #expect(back.bytesDone == CycleCounts.bytesMax && back.bytesTotal == CycleCounts.bytesMax)
        for cut in 0..<4 {
            let huge = [UInt8](repeating: 0, count: cut) + [UInt8](repeating: 0xFF, count: 9) + [0x01]
            _ = try? ProgressMessage.decode(huge)
            _ = try? WantMessage(decoding: huge)
            _ = try? CommittedMessage(decoding: huge)
            _ = try? RecordedMessage(decoding: huge)
            _ = try? PreparedMessage(decoding: huge)
            _ = try? RowsMessage(decoding: huge)
        }
    }

    /// Random damage ends in a fault or in a value, never in a trap; a message cut anywhere is a fault.
    @Test func damagedMessagesNeverTrap() {
        var random = SeededGenerator(seed: 20261121)
        let seeds: [[UInt8]] = [
            ChangesMessage(
                isLast: true, isAnswer: false, firstIndex: 7,
                records: [ChangeRecord(path: path("a/b"), state: .file(Self.file))]
            ).encoded(),
            WantMessage(decidedBefore: 9, items: [.init(index: 3, has: Digest(high: 1, low: 2))]).encoded(),
            CommittedMessage(number: 8, indices: [5, 1, 2, 9], counts: CycleCounts()).encoded(),
            ErrorMessage.encoded(Self.error),
        ]
        for round in 0..<4000 {
            var bytes = seeds[round % seeds.count]
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
            _ = try? ChangesMessage(decoding: bytes)
            _ = try? WantMessage(decoding: bytes)
            _ = try? ContentMessage(decoding: bytes)
            _ = try? SegmentMessage(decoding: bytes)
            _ = try? CommittedMessage(decoding: bytes)
            _ = try? ErrorMessage.decode(bytes)
            _ = try? Hello(decoding: bytes)
            _ = try? RowsMessage(decoding: bytes)
        }
        let whole = seeds[0]
        for length in 0..<whole.count {
            #expect(throws: WireFault.self) { try ChangesMessage(decoding: Array(whole.prefix(length))) }
        }
    }
}

struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
