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
    }

    private let state = Monitor(State())

    /// Waits for the next item, at most until `deadline` (monotonic nanoseconds); nil when that passes.
    func next(until deadline: UInt64? = nil) throws(HeadwaterError) -> Item? {
        if let deadline {
            return try state.wait(until: deadline) { (s) throws(HeadwaterError) in try Inbox.take(&s) }
        }
        return try state.wait { (s) throws(HeadwaterError) in try Inbox.take(&s) }
    }

    /// The next item if one is there.
    func poll() throws(HeadwaterError) -> Item? { try state.read { (s) throws(HeadwaterError) in try Inbox.take(&s) } }

    private static func take(_ state: inout State) throws(HeadwaterError) -> Item? {
        if state.isCancelled && !state.isCancellationDelivered {
            state.isCancellationDelivered = true
            return .cancelled
        }
        if state.head < state.frames.count {
            let frame = state.frames[state.head]
            state.frames[state.head].payload = []
            state.head += 1
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
        do throws(HeadwaterError) {
            while true {
                let frame = try receiver.next()
                let isOpen = state.wait { state -> Bool? in
                    if state.isClosed { return false }
                    if state.bytes >= Inbox.bytesMax && state.refusesMore {
                        state.failure = .protocolBroken(WireFault("more than \(Inbox.bytesMax) bytes sent unasked"))
                        return false
                    }
                    if state.bytes >= Inbox.bytesMax { return nil }
                    state.frames.append(frame)
                    state.bytes += frame.payload.count + Inbox.frameOverhead
                    return true
                }
                if !isOpen || frame.kind == .goodbye { return }
            }
        } catch {
            state.update { $0.failure = $0.failure ?? error }
        }
    }
}
