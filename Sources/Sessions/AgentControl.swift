import Core
import Platform
import Wire

/// The orchestrator's line to an agent process, beside all sessions: signs of life, and questions about its host.
package final class AgentControl: Sendable {
    private struct State: Sendable {
        var isAsking = false
        var receiver: FrameLink.Receiver
    }

    private let link: FrameLink
    private let pulse: Pulse
    private let state: Monitor<State>

    /// - Parameter stream: of `headwater-agent serve`, behind its greeting.
    package init(_ stream: any ByteStream) {
        link = FrameLink(stream)
        pulse = Pulse(link)
        state = Monitor(State(receiver: FrameLink.Receiver(link)))
    }

    /// Ends the agent.
    package func end() {
        pulse.stop()
        link.close()
    }

    /// Where the directories at `paths` really are on that host; nil for what cannot be found there. Blocks for a round trip.
    package func survey(_ paths: [String]) throws(HeadwaterError) -> [PlaceIdentity?] {
        var found: [PlaceIdentity?] = []
        for begin in stride(from: 0, to: paths.count, by: AgentControl.pathsAtOnce) {
            let part = Array(paths[begin..<min(begin + AgentControl.pathsAtOnce, paths.count)])
            let answer = try ask(.survey, SurveyMessage.encoded(part), for: .surveyed)
            let reply = try decoding { () throws(WireFault) in try SurveyReply(decoding: answer) }
            guard reply.places.count == part.count else {
                throw .protocolBroken(WireFault("\(reply.places.count) places for \(part.count) paths"))
            }
            found += reply.places.map { place in
                place.map { PlaceIdentity(boot: reply.boot, device: $0.device, path: $0.path) }
            }
        }
        return found
    }

    /// What one peer's directory and its host are like, before anything runs. Blocks while the agent counts, some seconds.
    package func examine(_ request: ExaminationRequest) throws(HeadwaterError) -> (HostFacts, RootFacts) {
        let answer = try ask(.examine, ExamineMessage.encoded(request), for: .examined)
        let reply = try decoding { () throws(WireFault) in try ExamineReply(decoding: answer) }
        guard reply.root.trees.count == request.subpaths.count, reply.root.sessions.count == request.sessions.count
        else { throw .protocolBroken(WireFault("an examination of something else")) }
        return (reply.host, reply.root)
    }

    /// Gives one end of a session on that host another name, or asks whether that could be done.
    package func rename(_ request: RenameRequest) throws(HeadwaterError) -> RenameReply {
        let answer = try ask(.rename, RenameMessage.encoded(request), for: .renamed)
        return try decoding { () throws(WireFault) in try RenameReply(decoding: answer) }
    }

    /// So that both ways fit into a frame: a path is at most 4 096 bytes.
    private static let pathsAtOnce = 64

    private func ask(_ kind: Frame.Kind, _ payload: [UInt8], for answer: Frame.Kind) throws(HeadwaterError) -> [UInt8] {
        var receiver = state.wait { state -> FrameLink.Receiver? in
            if state.isAsking { return nil }
            state.isAsking = true
            return state.receiver
        }
        defer {
            state.update { [receiver] in
                $0.isAsking = false
                $0.receiver = receiver
            }
        }
        try link.send(kind, payload)
        let frame = try receiver.next()
        if frame.kind == .failure { throw try Conversation.failure(frame) }
        guard frame.kind == answer else { throw .protocolBroken(WireFault("\(frame.kind) where \(answer) was due")) }
        return frame.payload
    }

    /// The agent's side: answers until the orchestrator is gone, or was not heard for `Heartbeat.silenceSeconds`.
    package static func serve(_ stream: any ByteStream) {
        let link = FrameLink(stream)
        defer { link.close() }
        var receiver = FrameLink.Receiver(link)
        do throws(HeadwaterError) {
            while true {
                let frame = try receiver.next()
                switch frame.kind {
                case .survey:
                    let paths = try decoding { () throws(WireFault) in try SurveyMessage.decode(frame.payload) }
                    try link.send(.surveyed, surveyed(paths).encoded())
                case .examine:
                    let request = try decoding { () throws(WireFault) in try ExamineMessage.decode(frame.payload) }
                    let (host, root) = Examination.run(request)
                    try link.send(.examined, ExamineReply(host: host, root: root).encoded())
                case .rename:
                    let request = try decoding { () throws(WireFault) in try RenameMessage.decode(frame.payload) }
                    try link.send(.renamed, Renaming.run(request, isAgent: true).encoded())
                default: throw .protocolBroken(WireFault("\(frame.kind) sent to an agent's control"))
                }
            }
        } catch { try? link.send(.failure, ErrorMessage.encoded(error)) }
    }

    private static func surveyed(_ paths: [String]) -> SurveyReply {
        let places = paths.map { path -> SurveyReply.Place? in
            let identity = (try? Opening.expanded(path)).flatMap { PlaceIdentity(path: $0) }
            return identity.map { SurveyReply.Place(device: $0.device, path: $0.path) }
        }
        return SurveyReply(boot: Host.bootID, places: places)
    }
}

extension PlaceIdentity {
    /// Of a peer's directory on this machine: absolute or beginning `~/`.
    package init?(peer path: String) {
        guard let path = try? Opening.expanded(path) else { return nil }
        self.init(path: path)
    }
}
