import Core
import Platform
import Wire

/// The frames of one session at one end: a link, the inbox that a thread fills from it, and the signs of life.
final class Conversation: Sendable {
    let link: FrameLink
    let inbox = Inbox()
    private let pulse: Pulse
    private let filling: WorkerThread<Void>
    private let observer: any SessionObserver

    init(_ link: FrameLink, observer: any SessionObserver) {
        self.link = link
        self.observer = observer
        pulse = Pulse(link)
        filling = WorkerThread("hw-receive") { [inbox] in inbox.fill(from: link) }
    }

    /// Closes the stream and waits for the threads that use it.
    func end() {
        pulse.stop()
        inbox.close()
        link.close()
        try? filling.join()
    }

    /// Waits for the other end's hello.
    func expectHello<Message>(_ decode: ([UInt8]) throws(WireFault) -> Message) throws(HeadwaterError) -> Message {
        let frame = try expect(.hello)
        return try decoding { () throws(WireFault) in try decode(frame.payload) }
    }

    func awaitGoodbye() throws(HeadwaterError) { _ = try expect(.goodbye) }

    /// Tells the other end why this one ends, if it can still be told.
    func tell(_ error: HeadwaterError) { try? link.send(.failure, ErrorMessage.encoded(error)) }

    /// What really ended the cycle: an end that cannot write any more may still have the other's reason to read.
    func reason(for error: HeadwaterError) -> HeadwaterError {
        if error.code != "peer.lost" { return error }
        let deadline = MonotonicClock.after(seconds: 5)
        while let item = try? inbox.next(until: deadline) {
            if case .frame(let frame) = item, frame.kind == .failure {
                return (try? ErrorMessage.decode(frame.payload)) ?? error
            }
        }
        return error
    }

    /// The next frame, which must be of this kind; problems are shown on the way, a failure is thrown.
    func expect(_ kind: Frame.Kind) throws(HeadwaterError) -> Frame {
        while true {
            guard let item = try inbox.next() else { continue }
            switch item {
            case .cancelled: throw .cancelled
            case .frame(let frame):
                switch frame.kind {
                case kind: return frame
                case .failure: throw try decoding { () throws(WireFault) in try ErrorMessage.decode(frame.payload) }
                case .problem:
                    observer.note(
                        problem: try decoding { () throws(WireFault) in try ErrorMessage.decode(frame.payload) })
                default: throw .protocolBroken(WireFault("\(frame.kind) where \(kind) was due"))
                }
            }
        }
    }
}

extension HeadwaterError {
    /// An operator ended the run before this session had begun to change anything.
    static var cancelled: HeadwaterError {
        HeadwaterError(
            "session.cancelled", "ended before it began to transfer", remedy: "run again", exit: .interrupted, isTransient: true)
    }
}

/// Shows nothing itself: tells the initiating end, where somebody looks.
final class TellingObserver: SessionObserver {
    private let link: FrameLink

    init(_ link: FrameLink) { self.link = link }

    func note(problem: HeadwaterError) { try? link.send(.problem, ErrorMessage.encoded(problem)) }
    func note(progress: Progress) {}
    func note(detail: String) {}
}
