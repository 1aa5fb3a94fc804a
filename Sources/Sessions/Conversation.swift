import Core
import Platform
import Wire

/// The frames of one session at one end: a link, the inbox that a thread fills from it, and the signs of life.
final class Conversation: Sendable {
    let link: FrameLink
    let inbox = Inbox()
    let observer: any SessionObserver
    /// Whether the other end may end the session early: only the one that opened it has an operator.
    let mayBeStopped: Bool
    private let pulse: Pulse
    private let filling: WorkerThread<Void>

    init(
        _ link: FrameLink, observer: any SessionObserver, mayBeStopped: Bool = false, patience: Patience = Patience()
    ) {
        self.link = link
        self.observer = observer
        self.mayBeStopped = mayBeStopped
        pulse = Pulse(link, inbox, patience)
        filling = WorkerThread("hw-receive") { [inbox] in inbox.fill(from: link) }
    }

    /// An operator asks to end: the other end is told, and gets little time to answer.
    func cancel() {
        inbox.cancel()
        pulse.noteEnding()
    }

    /// Closes the stream and waits for the threads that use it.
    func end() {
        pulse.stop()
        inbox.close()
        link.close()
        try? filling.join()
    }

    /// Waits for the first frame, which may be of several kinds.
    func expect(first kinds: [Frame.Kind]) throws(HeadwaterError) -> Frame {
        guard case .frame(let frame)? = try inbox.next() else { throw .cancelled }
        if frame.kind == .failure { throw try Conversation.failure(frame) }
        guard kinds.contains(frame.kind) else {
            throw .protocolBroken(WireFault("\(frame.kind) before a hello"))
        }
        return frame
    }

    /// Waits for the other end's hello.
    func expectHello<Message>(_ decode: ([UInt8]) throws(WireFault) -> Message) throws(HeadwaterError) -> Message {
        let frame = try expect(.hello)
        return try decoding { () throws(WireFault) in try decode(frame.payload) }
    }

    /// Sends the steps that a plan permits, in frames of bounded size.
    func send(permits: [ForeseenStep]) throws(HeadwaterError) {
        var rest = permits[...]
        while !rest.isEmpty {
            var bytes = 0
            let some = rest.prefix(PlannedMessage.stepsMax / 2).prefix { step in
                bytes += step.path.key.count + 96
                return bytes <= PlannedMessage.bytesTarget
            }
            let taken = some.isEmpty ? rest.prefix(1) : some
            try link.send(.planned, PlannedMessage(steps: Array(taken)).encoded())
            rest = rest.dropFirst(taken.count)
        }
    }

    /// Takes them at the other end.
    func expectPermits(_ count: Int) throws(HeadwaterError) -> [ForeseenStep] {
        var steps: [ForeseenStep] = []
        while steps.count < count {
            let frame = try expect(.planned)
            let message = try decoding { () throws(WireFault) in try PlannedMessage(decoding: frame.payload) }
            guard !message.steps.isEmpty, steps.count + message.steps.count <= count else {
                throw .protocolBroken(WireFault("\(steps.count + message.steps.count) steps where \(count) were due"))
            }
            steps += message.steps
        }
        return steps
    }

    /// The cycle is over: a wish to end it comes too late.
    func awaitGoodbye() throws(HeadwaterError) {
        while true {
            do throws(HeadwaterError) {
                _ = try expect(.goodbye)
                return
            } catch { if error.code != HeadwaterError.cancelled.code { throw error } }
        }
    }

    /// How a stream says that the other end is gone, whatever carries it.
    private static let brokenStream: Set<String> = [
        "peer.lost", "ssh.channel-closed", "ssh.connection-lost", "ssh.connection-closed",
    ]

    /// Whether the link is gone, and with it all that could still be said.
    static func isBroken(_ error: HeadwaterError) -> Bool {
        brokenStream.contains(error.code) || error.code == "peer.silent"
    }

    /// The error that ended the other end. It never counts as a success here, whatever it says.
    static func failure(_ frame: Frame) throws(HeadwaterError) -> HeadwaterError {
        var error = try decoding { () throws(WireFault) in try ErrorMessage.decode(frame.payload) }
        switch error.exit {
        case .inStep, .conflicts, .problems: error.exit = .edgeFailed
        default: break
        }
        return error
    }

    /// Tells the other end why this one ends, if it can still be told.
    func tell(_ error: HeadwaterError) { try? link.send(.failure, ErrorMessage.encoded(error)) }

    /// What really ended the cycle: an end that cannot write any more may still have the other's reason to read. The problems that it told
    /// before are shown; the paths of a halt are among them.
    func reason(for first: HeadwaterError) -> HeadwaterError {
        guard Conversation.brokenStream.contains(first.code) else { return first }
        let deadline = MonotonicClock.after(seconds: 5)
        do throws(HeadwaterError) {
            while let item = try inbox.next(until: deadline) {
                guard case .frame(let frame) = item else { continue }
                if frame.kind == .failure { return (try? Conversation.failure(frame)) ?? first }
                if frame.kind == .problem, let problem = try? ErrorMessage.decode(frame.payload) {
                    observer.note(problem: problem)
                }
            }
            return first
        } catch {
            // What the receiving side or the watch found out may say more than that a write was refused afterwards.
            return Conversation.brokenStream.contains(error.code) ? first : error
        }
    }

    /// Lets the other end, which comes to the same refusal, take back what it made for this session: until it says so, at most 2 s.
    func awaitRefusal() {
        let deadline = MonotonicClock.after(seconds: 2)
        while let item = try? inbox.next(until: deadline) {
            if case .frame(let frame) = item, frame.kind == .failure { return }
        }
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
                case .failure: throw try Conversation.failure(frame)
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
            "session.cancelled", "ended before it began to transfer", remedy: "run again", exit: .interrupted,
            isTransient: true)
    }
}

/// Shows nothing itself: tells the end where somebody looks.
///
/// A session's first problems and details, at most `bytesMax` of them; the rest are only counted, so that the other end is never flooded.
final class TellingObserver: SessionObserver {
    static let bytesMax = 4 << 20
    static let overheadBytes = 64
    private static let progressEverySeconds = 0.1

    private struct Told: Sendable {
        var bytes = 0
        var nextProgress: UInt64 = 0
    }

    private let link: FrameLink
    private let tellsAll: Bool
    private let told = Monitor(Told())

    /// - Parameter tellsAll: progress and details too, to an orchestrator that has no end of its own.
    init(_ link: FrameLink, tellsAll: Bool = false) {
        self.link = link
        self.tellsAll = tellsAll
    }

    func note(problem: HeadwaterError) {
        tell(.problem, ErrorMessage.encoded(problem))
    }

    func note(detail: String) { if tellsAll { tell(.detail, DetailMessage.encoded(detail)) } }

    func note(moved counts: CycleCounts) { if tellsAll { try? link.send(.moved, MovedMessage.encoded(counts)) } }

    func note(recovered counts: CycleCounts) {}

    /// All of them: what the other end holds of them is its own affair.
    func note(planned steps: [ForeseenStep], recorded: UInt64) {
        try? link.send(.planned, PlannedMessage(steps: steps, recorded: recorded).encoded())
    }

    func note(progress: Progress) {
        guard tellsAll else { return }
        let isDue = told.read { told in
            let now = MonotonicClock.now
            if now < told.nextProgress { return false }
            told.nextProgress = MonotonicClock.after(seconds: TellingObserver.progressEverySeconds)
            return true
        }
        if isDue { try? link.send(.progress, ProgressMessage.encoded(progress)) }
    }

    private func tell(_ kind: Frame.Kind, _ payload: [UInt8]) {
        let isFew = told.read { told in
            told.bytes += payload.count + TellingObserver.overheadBytes
            return told.bytes <= TellingObserver.bytesMax
        }
        if isFew { try? link.send(kind, payload) }
    }
}
