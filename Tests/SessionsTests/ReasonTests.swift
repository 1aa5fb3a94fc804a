import Core
import Platform
import Testing
import Wire

@testable import Sessions

/// An end that cannot write any more says what the other end died of, not that it could not write.
@Suite struct ReasonTests {
    private final class Listening: SessionObserver {
        let problems = Monitor<[HeadwaterError]>([])
        func note(problem: HeadwaterError) { problems.update { $0.append(problem) } }
        func note(progress: Progress) {}
        func note(detail: String) {}
    }

    /// The far end sends `frames`, then goes; this end found the stream broken with `code`.
    private func reason(
        _ code: String, after frames: [(Frame.Kind, [UInt8])], observer: Listening = Listening()
    ) throws -> HeadwaterError {
        let (near, far) = try DescriptorStream.pair()
        let conversation = Conversation(FrameLink(near), observer: observer)
        defer { conversation.end() }
        let other = FrameLink(far)
        for (kind, payload) in frames { try other.send(kind, payload) }
        other.close()
        return conversation.reason(for: HeadwaterError(code, "it broke", remedy: "run again", exit: .unreachable))
    }

    private static let full = HeadwaterError("stage.no-space", "the disk is full", remedy: "free space")

    @Test(arguments: ["peer.lost", "ssh.channel-closed", "ssh.connection-lost", "ssh.connection-closed"])
    func aBrokenStream_isExplainedByTheFarEndsFailure(code: String) throws {
        let failure = ErrorMessage.encoded(Self.full)
        let found = try reason(
            code, after: [(.ping, PingMessage(isWaiting: false, taken: 0).encoded()), (.failure, failure)])
        #expect(found.code == "stage.no-space" && found.exit == .edgeFailed)
        #expect(found.message.contains("the disk is full"))
    }

    @Test func withoutAFailure_theStreamsOwnWordsStand() throws {
        #expect(
            try reason("ssh.channel-closed", after: [(.ping, PingMessage(isWaiting: false, taken: 0).encoded())]).code
                == "ssh.channel-closed")
    }

    /// As a halt's list of paths comes: all of it, whenever this end finds that it cannot write.
    @Test func theProblemsToldBefore_areShown() throws {
        let told = try (0..<13).map { index in
            HeadwaterError(HaltedPaths.code, "would be deleted", remedy: "", path: try TreePath(slashed: "f\(index)"))
        }
        let observer = Listening()
        let found = try reason(
            "peer.lost",
            after: told.map { (.problem, ErrorMessage.encoded($0)) } + [(.failure, ErrorMessage.encoded(Self.full))],
            observer: observer)
        #expect(found.code == "stage.no-space")
        #expect(observer.problems.read { $0 }.map(\.path) == told.map(\.path))
    }

    @Test func anErrorOfThisEnd_isNotReplaced() throws {
        let failure = ErrorMessage.encoded(Self.full)
        #expect(try reason("path.unreadable", after: [(.failure, failure)]).code == "path.unreadable")
    }
}
