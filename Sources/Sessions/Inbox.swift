import Core
import Platform
import Wire

/// What the main thread of a session half waits for: frames, a request to stop, the death of the stream.
///
/// The thread that receives waits while `bytesMax` are held, which in turn lets the stream fill up: a target that writes slowly
/// slows its source down. A source never gets there, since what a target may have under way is bounded
/// (`Source.recordsInFlightMax`): so the two cannot wait for each other.
final class Inbox: Sendable {
    static let bytesMax = 16 << 20
    /// What a frame takes beside its payload.
    private static let frameOverhead = 64

    enum Item: Sendable {
        case frame(Frame)
        /// An operator asked to end; once.
        case cancelled
    }

    private struct State: Sendable {
        var frames: [Frame] = []
        var head = 0
        var bytes = 0
        var failure: HeadwaterError?
        var isCancelled = false
        var isCancellationDelivered = false
        var isClosed = false
        var refusesMore = false
        /// Frames that were handed out.
        var taken: UInt64 = 0
        /// Since when a thread waits for the other end, and whether it has nothing else to do then.
        var waitingSince: UInt64?
        var isDue = false
    }

    /// Problems and details that the other end may have shown here, in bytes of frames; see `TellingObserver`.
    private static let toldBytesMax = TellingObserver.bytesMax

    private let state = Monitor(State())

    /// Waits for the next item, at most until `deadline` (monotonic nanoseconds); nil when that passes.
    ///
    /// - Parameter isDue: the session cannot go on without it: where both ends say so, they wait for each other.
    func next(until deadline: UInt64? = nil, isDue: Bool = true) throws(HeadwaterError) -> Item? {
        let since = MonotonicClock.now
        defer { state.read { $0.waitingSince = nil } }
        return try state.wait(until: deadline ?? UInt64(Int64.max)) { (s) throws(HeadwaterError) in
            if let item = try Inbox.take(&s) { return item }
            (s.waitingSince, s.isDue) = (since, isDue && deadline == nil)
            return nil
        }
    }

    /// The next item if one is there.
    func poll() throws(HeadwaterError) -> Item? { try state.read { (s) throws(HeadwaterError) in try Inbox.take(&s) } }

    /// Since when somebody waits here; nil while nobody does.
    var waitingSince: UInt64? { state.read { $0.waitingSince } }

    /// What the next ping says of this end.
    var standing: PingMessage {
        state.read {
            PingMessage(isWaiting: $0.waitingSince != nil && $0.isDue && $0.head == $0.frames.count, taken: $0.taken)
        }
    }

    /// Ends every wait with this error, unless another one came first.
    func fail(_ error: HeadwaterError) { state.update { $0.failure = $0.failure ?? error } }

    private static func take(_ state: inout State) throws(HeadwaterError) -> Item? {
        if state.isCancelled && !state.isCancellationDelivered {
            state.isCancellationDelivered = true
            return .cancelled
        }
        if state.head < state.frames.count {
            let frame = state.frames[state.head]
            state.frames[state.head].payload = []
            state.head += 1
            state.taken += 1
            state.bytes -= frame.payload.count + frameOverhead
            if state.head == state.frames.count || state.head > 1024 {
                state.frames.removeFirst(state.head)
                state.head = 0
            }
            return .frame(frame)
        }
        if let failure = state.failure { throw failure }
        if state.isClosed { throw .peerLost }
        return nil
    }

    /// From here on too much is a fault of the other end, not a reason to wait: for a source, whose target may have little under way.
    func refuseMore() { state.update { $0.refusesMore = true } }

    /// From here on too much is a reason to wait again: for a target that was the source of the direction before.
    func takeMore() { state.update { $0.refusesMore = false } }

    /// Nobody takes anything any more: whoever fills stops.
    func close() {
        state.update {
            $0.isClosed = true
            $0.frames = []
        }
    }

    /// Whether an operator asked to end, delivered or not.
    var isCancelled: Bool { state.read { $0.isCancelled } }

    func cancel() { state.update { $0.isCancelled = true } }

    /// Receives frames until the stream ends, on a thread of its own. `goodbye` ends it without a failure.
    func fill(from link: FrameLink) {
        var receiver = FrameLink.Receiver(link)
        var deadlock = DeadlockProof()
        var toldBytes = 0
        do throws(HeadwaterError) {
            while true {
                let frame = try receiver.nextOrPing()
                switch frame.kind {
                case .ping:
                    let ping = try decoding { () throws(WireFault) in try PingMessage(decoding: frame.payload) }
                    link.note(ping)
                    if deadlock.isProven(by: ping, here: standing, framesSent: link.counted.framesSent) {
                        throw .protocolBroken(WireFault("both ends wait for each other"))
                    }
                    continue
                case .problem, .detail:
                    toldBytes += frame.payload.count + TellingObserver.overheadBytes
                    if toldBytes > Inbox.toldBytesMax { throw .protocolBroken(WireFault("problems without end")) }
                default: break
                }
                if try !put(frame) || frame.kind == .goodbye { return }
            }
        } catch {
            fail(error)
            // Nothing more will be heard: whoever waits for room to write would wait in vain.
            if error.code != HeadwaterError.protocolCode { link.close() }
        }
    }

    /// Waits for room; false when nobody takes anything any more.
    private func put(_ frame: Frame) throws(HeadwaterError) -> Bool {
        try state.wait { (state) throws(HeadwaterError) -> Bool? in
            if state.isClosed { return false }
            if state.bytes >= Inbox.bytesMax && state.refusesMore {
                throw .protocolBroken(WireFault("more than \(Inbox.bytesMax) bytes sent unasked"))
            }
            if state.bytes >= Inbox.bytesMax { return nil }
            state.frames.append(frame)
            state.bytes += frame.payload.count + Inbox.frameOverhead
            return true
        }
    }
}

/// Finds that both ends wait for each other: the other one says that it does and has taken all that was sent to it, and so does this
/// one, and by the next ping nothing has changed. Pings come behind what was sent before them, so none is still under way.
private struct DeadlockProof {
    private static let pingsNeeded = 3
    private var last: (sent: UInt64, taken: UInt64)?
    private var count = 0

    mutating func isProven(by ping: PingMessage, here: PingMessage, framesSent: UInt64) -> Bool {
        guard ping.isWaiting, here.isWaiting, ping.taken == framesSent else {
            last = nil
            return false
        }
        count = last.map { $0 == (framesSent, here.taken) } ?? false ? count + 1 : 1
        last = (framesSent, here.taken)
        return count >= DeadlockProof.pingsNeeded
    }
}
