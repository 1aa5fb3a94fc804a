import Core
import Testing

@testable import Wire

@Suite struct ExamineTests {
    static let request = ExaminationRequest(
        path: "~/tree", mount: ".mounted", database: nil, subpaths: ["", "docs/new"], sessions: ["s-a-b"])

    static let reply: ExamineReply = {
        var host = HostFacts()
        (host.system, host.name, host.boot, host.user) = ("Linux 6 x86_64", "eu", "0a", 4_000_000_000)
        (host.watchesMax, host.askedAt, host.answeredAt) = (.max, Timestamp(seconds: -1, nanoseconds: 5), .zero)
        var disk = FileSystemFacts()
        (disk.type, disk.device, disk.isReadOnly, disk.freeBytes) = ("ext4", "8:1", true, .max)
        disk.timeStepNanoseconds = 100
        disk.abilities = Ability.allCases.map { AbilityAnswer($0, $0 != .reflink, .seen) }
        var root = RootFacts(kind: .directory, path: "/home/x/tree")
        (root.isReadable, root.isMarkThere, root.cause, root.fileSystem) = (true, false, "why", disk)
        var size = TreeSize()
        (size.entries, size.bytes, size.source, size.isComplete) = (7, 8, .snapshot, false)
        root.trees = [size, nil]
        root.database = DatabasePlace(path: "/var", isThere: true, isWritable: false)
        let error = HeadwaterError("snapshot.corrupt", "Corrupt", remedy: "reset", exit: .databaseRefuses)
        root.sessions = [
            SessionFacts(session: "a", state: .none), SessionFacts(session: "b", state: .known(size)),
            SessionFacts(session: "c", state: .known(nil)), SessionFacts(session: "d", state: .refused(error)),
        ]
        return ExamineReply(host: host, root: root)
    }()

    @Test func questionAndAnswer_comeBackAsSent() throws {
        #expect(try ExamineMessage.decode(ExamineMessage.encoded(Self.request)) == Self.request)
        let back = try ExamineReply(decoding: Self.reply.encoded())
        #expect(back.host == Self.reply.host)
        #expect(back.encoded() == Self.reply.encoded())
        #expect(back.root.fileSystem == Self.reply.root.fileSystem && back.root.trees == Self.reply.root.trees)
        guard case .refused(let error) = back.root.sessions[3].state else {
            Issue.record("\(back.root.sessions)")
            return
        }
        #expect(error.code == "snapshot.corrupt" && error.exit == .databaseRefuses)
    }

    @Test func everyCut_andEveryByteTooMany_isAFault() {
        let (question, answer) = (ExamineMessage.encoded(Self.request), Self.reply.encoded())
        for length in 0..<question.count {
            #expect(throws: WireFault.self) { try ExamineMessage.decode(Array(question.prefix(length))) }
        }
        for length in 0..<answer.count {
            #expect(throws: WireFault.self) { try ExamineReply(decoding: Array(answer.prefix(length))) }
        }
        #expect(throws: WireFault.self) { try ExamineMessage.decode(question + [0]) }
        #expect(throws: WireFault.self) { try ExamineReply(decoding: answer + [0]) }
    }

    @Test func damagedAnswers_areFaultsOrFacts_neverTraps() {
        var random = SeededGenerator(seed: 25)
        let whole = Self.reply.encoded()
        for _ in 0..<4000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = try? ExamineReply(decoding: bytes)
            _ = try? ExamineMessage.decode(bytes)
        }
    }

    @Test func tooManyParts_areRefused() {
        var many = Self.request
        many.sessions = Array(repeating: "s", count: ExamineMessage.partsMax + 1)
        #expect(throws: WireFault.self) { try ExamineMessage.decode(ExamineMessage.encoded(many)) }
    }
}
