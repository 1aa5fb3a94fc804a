import Core
import Testing

@testable import Wire

@Suite struct RenameTests {
    static let request = RenameRequest(
        path: "~/tree", database: "/var/lib/hw", old: "net-a-b", new: "net-a-c", isTrial: true,
        owner: "headwater-lock 1\n")
    static let replies = [
        RenameReply(standing: .none, id: nil, file: "/x/snap.db"),
        RenameReply(standing: .half, id: Digest(high: 1, low: .max), file: "/x/snap.db"),
    ]

    @Test func questionAndAnswer_comeBackAsSent() throws {
        #expect(try RenameMessage.decode(RenameMessage.encoded(Self.request)) == Self.request)
        var plain = Self.request
        (plain.database, plain.isTrial) = (nil, false)
        #expect(try RenameMessage.decode(RenameMessage.encoded(plain)) == plain)
        for reply in Self.replies { #expect(try RenameReply(decoding: reply.encoded()) == reply) }
    }

    @Test func everyCut_andEveryByteTooMany_isAFault() {
        let (question, answer) = (RenameMessage.encoded(Self.request), Self.replies[1].encoded())
        for length in 0..<question.count {
            #expect(throws: WireFault.self) { try RenameMessage.decode(Array(question.prefix(length))) }
        }
        for length in 0..<answer.count {
            #expect(throws: WireFault.self) { try RenameReply(decoding: Array(answer.prefix(length))) }
        }
        #expect(throws: WireFault.self) { try RenameMessage.decode(question + [0]) }
        #expect(throws: WireFault.self) { try RenameReply(decoding: answer + [0]) }
    }

    /// Names become names of directories.
    @Test(arguments: ["", "..", "a/b", "a b", String(repeating: "x", count: 65), "net-a-b"])
    func namesThatAreNone_areRefused(name: String) {
        var wrong = Self.request
        wrong.new = name
        #expect(throws: WireFault.self) { try RenameMessage.decode(RenameMessage.encoded(wrong)) }
    }

    @Test func standingAndSnapshot_belongTogether() {
        #expect(throws: WireFault.self) {
            try RenameReply(decoding: RenameReply(standing: .done, id: nil, file: "").encoded())
        }
        #expect(throws: WireFault.self) {
            try RenameReply(decoding: RenameReply(standing: .none, id: Digest(high: 1, low: 2), file: "").encoded())
        }
    }
}
