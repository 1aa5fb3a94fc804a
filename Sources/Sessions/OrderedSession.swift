import Core
import Platform
import Roots
import Wire

/// A session between two far ends, as the orchestrator sees it: one end is ordered to open it.
package enum OrderedSession {
    /// Orders `plan.here` to run the cycle and waits for its end. Blocks.
    ///
    /// - Parameters:
    ///   - control: a stream to the agent at `plan.here`, for this order alone.
    ///   - stream: the name under which that agent was lent the stream to the other end; nil where that is in the same agent.
    /// - Throws: what ended the cycle, as `EdgeSession.run` does.
    package static func run(
        _ plan: SessionPlan, permits: [ForeseenStep] = [], over stream: String?, control: any ByteStream,
        cancellation: Cancellation,
        observer: any SessionObserver
    ) throws(HeadwaterError) -> SessionOutcome {
        let link = FrameLink(control)
        let conversation = Conversation(link, observer: observer)
        let listener = cancellation.listen { conversation.cancel() }
        defer {
            cancellation.forget(listener)
            conversation.end()
        }
        do throws(HeadwaterError) {
            try link.send(.order, OrderMessage(plan: plan, stream: stream).encoded())
            try conversation.send(permits: permits)
            while true {
                guard let item = try conversation.inbox.next() else { continue }
                switch item {
                case .cancelled: try link.send(.stop)
                case .frame(let frame): if let outcome = try handle(frame, observer) { return outcome }
                }
            }
        } catch {
            throw conversation.reason(for: error)
        }
    }

    /// The outcome when the frame brings it.
    private static func handle(_ frame: Frame, _ observer: any SessionObserver) throws(HeadwaterError)
        -> SessionOutcome?
    {
        func decoded<Message>(_ body: ([UInt8]) throws(WireFault) -> Message) throws(HeadwaterError) -> Message {
            try decoding { () throws(WireFault) in try body(frame.payload) }
        }
        switch frame.kind {
        case .progress: observer.note(progress: try decoded(ProgressMessage.decode))
        case .detail: observer.note(detail: try decoded(DetailMessage.decode))
        case .problem: observer.note(problem: try decoded(ErrorMessage.decode))
        case .planned:
            let planned = try decoded(PlannedMessage.init(decoding:))
            observer.note(planned: planned.steps, recorded: planned.recorded)
        case .moved: observer.note(moved: try decoded(MovedMessage.decode))
        case .failure: throw try Conversation.failure(frame)
        case .outcome:
            let message = try decoded(OutcomeMessage.init(decoding:))
            return SessionOutcome(
                counts: message.counts, bytesSent: message.bytesSent, bytesReceived: message.bytesReceived,
                wasCancelled: message.wasCancelled, position: message.position)
        default: throw .protocolBroken(WireFault("\(frame.kind) in answer to an order"))
        }
        return nil
    }

    /// Obeys an order at the agent's side; the outcome goes to who gave it.
    static func obey(
        _ frame: Frame, _ conversation: Conversation, _ registry: RootRegistry, _ lent: LentStreams
    ) throws(HeadwaterError) {
        let order = try decoding { () throws(WireFault) in try OrderMessage(decoding: frame.payload) }
        var permits: [ForeseenStep] = []
        if case .carryOut(let count) = order.plan.request.purpose { permits = try conversation.expectPermits(count) }
        var stream: LentStreams.Lent?
        if let name = order.stream { stream = try lent.take(name) }
        let here = stream == nil ? try Responder.inThisProcess(registry) : nil
        let data = stream?.stream ?? here!.stream
        let cancellation = Cancellation()
        defer {
            data.close()
            here?.end()
            stream?.giveBack()
        }
        // Ends with the conversation, which the caller does.
        _ = WorkerThread<Void>("hw-order") { heed(conversation.inbox, cancellation, data) }
        let outcome = try EdgeSession.run(
            order.plan, permits: permits, isAgent: true, registry: registry, stream: data, lent: here?.files,
            cancellation: cancellation,
            observer: TellingObserver(conversation.link, tellsAll: true))
        let message = OutcomeMessage(
            counts: outcome.counts, bytesSent: outcome.bytesSent, bytesReceived: outcome.bytesReceived,
            wasCancelled: outcome.wasCancelled, position: outcome.position)
        try conversation.link.send(.outcome, message.encoded())
    }

    /// Waits for what the orchestrator may still say: to stop; or nothing more, since it is gone.
    private static func heed(_ inbox: Inbox, _ cancellation: Cancellation, _ data: any ByteStream) {
        while let item = try? inbox.next(isDue: false) {
            if case .frame(let frame) = item, frame.kind == .stop { cancellation.request() }
        }
        data.close()
    }
}

/// Streams that the orchestrator has lent to an agent, by name, until a session takes them.
package final class LentStreams: Sendable {
    package struct Lent: Sendable {
        let stream: any ByteStream
        /// Tells whoever lent it that nobody uses it any more.
        let giveBack: @Sendable () -> Void
    }

    /// More than an orchestrator of 64 edges at once could need; beyond it the oldest go.
    private static let countMax = 256
    private let waiting = Monitor<[(name: String, lent: Lent)]>([])

    package init() {}

    package func put(_ name: String, _ stream: any ByteStream, giveBack: @escaping @Sendable () -> Void) {
        let dropped = waiting.update { waiting -> Lent? in
            waiting.append((name, Lent(stream: stream, giveBack: giveBack)))
            return waiting.count > LentStreams.countMax ? waiting.removeFirst().lent : nil
        }
        dropped?.stream.close()
        dropped?.giveBack()
    }

    /// The stream lent as `name`, which may be on its way still.
    func take(_ name: String) throws(HeadwaterError) -> Lent {
        let taken = waiting.wait(until: MonotonicClock.after(seconds: 10)) { waiting -> Lent? in
            waiting.firstIndex { $0.name == name }.map { waiting.remove(at: $0).lent }
        }
        guard let taken else { throw .protocolBroken(WireFault("no stream was lent under that name")) }
        return taken
    }
}
