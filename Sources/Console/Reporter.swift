import Core
import Platform

/// What a run tells, brought to terminal, pipe, JSON and log by one thread of its own.
///
///     note(event) ──► queue (bounded in bytes; progress keeps only the latest) ──► writer thread ──► Presenter ──► Output
///
/// `note` may be called by any thread. It waits only while the queue is full, which a stopped terminal may cause.
package final class Reporter: Sendable {
    /// What may wait to be written, in bytes of its text.
    private static let queuedBytesMax = 1 << 20
    /// Redrawn at most so often.
    private static let frameNanoseconds: UInt64 = 100_000_000

    /// Whether somebody else has the terminal.
    private enum Pause: Sendable { case none, wanted, granted }

    private struct Queue: Sendable {
        var events: [Event] = []
        var bytes = 0
        var progress: [String: (EdgeIdentity, Progress)] = [:]
        var isClosed = false
        var pause = Pause.none
        var isEmpty: Bool { events.isEmpty && progress.isEmpty }
    }

    private let queue = Monitor(Queue())
    private let writer: WorkerThread<Presenter>

    package init(edges: [EdgeIdentity], options: Presenter.Options, output: any Output) {
        let queue = queue
        writer = WorkerThread("console") {
            var presenter = Presenter(edges: edges, options: options, output: output)
            presenter.begin()
            Reporter.drain(queue, &presenter)
            return presenter
        }
    }

    package func note(_ event: Event) {
        if case .progress(let edge, let progress) = event {
            queue.update { $0.progress[edge.session] = (edge, progress) }
            return
        }
        let bytes = event.estimatedBytes
        queue.wait { queue in
            if queue.bytes > 0 && queue.bytes + bytes > Reporter.queuedBytesMax && !queue.isClosed {
                return nil as Void?
            }
            queue.events.append(event)
            queue.bytes += bytes
            return ()
        }
    }

    /// Runs `body` while nothing is written and no picture stands on the terminal; what is noted meanwhile waits. One `body` at a time.
    package func whileQuiet<Result>(_ body: () -> Result) -> Result {
        queue.wait { queue in
            if queue.pause != .none { return nil as Void? }
            queue.pause = .wanted
            return ()
        }
        queue.wait { $0.pause == .granted || $0.isClosed ? () : nil as Void? }
        defer { queue.update { $0.pause = .none } }
        return body()
    }

    /// As `note`, but never waits: where the queue is full, the event is dropped.
    package func noteIfRoom(_ event: Event) {
        let bytes = event.estimatedBytes
        queue.update { queue in
            if queue.isClosed || queue.bytes + bytes > Reporter.queuedBytesMax { return }
            queue.events.append(event)
            queue.bytes += bytes
        }
    }

    /// Writes what is left and the summary, and ends the thread. To be called once, when nobody calls `note` any more.
    package func finish(_ summaries: [EdgeSummary], seconds: Double) {
        queue.update { $0.isClosed = true }
        guard var presenter = try? writer.join() else { return }
        presenter.end(summaries, seconds: seconds)
    }

    /// Ends the thread without a summary, where nothing ran. To be called in place of `finish`.
    package func abandon() {
        queue.update { $0.isClosed = true }
        guard var presenter = try? writer.join() else { return }
        presenter.pause()
    }

    /// A frame at a time: what came since the last one is shown together.
    private static func drain(_ queue: Monitor<Queue>, _ presenter: inout Presenter) {
        while true {
            let batch = take(queue, wakeForFrame: presenter.redrawsByItself)
            let now = MonotonicClock.now
            presenter.show(batch.events + batch.progress.values.map { Event.progress(edge: $0, $1) }, now: now)
            if batch.isClosed { return }
            if batch.pause == .wanted { pause(queue, &presenter) }
            _ = queue.wait(until: now + frameNanoseconds) { $0.isClosed || $0.pause == .wanted ? () : nil }
        }
    }

    private static func pause(_ queue: Monitor<Queue>, _ presenter: inout Presenter) {
        presenter.pause()
        queue.update { $0.pause = .granted }
        queue.wait { $0.pause != .granted || $0.isClosed ? () : nil as Void? }
        presenter.resume()
    }

    /// Waits for something to show, or half a second where rates and times on a terminal must go on.
    private static func take(_ queue: Monitor<Queue>, wakeForFrame: Bool) -> Queue {
        let take: @Sendable (inout Queue) -> Queue? = { queue in
            if queue.isEmpty && !queue.isClosed && queue.pause != .wanted { return nil }
            let batch = queue
            queue = Queue(isClosed: queue.isClosed, pause: queue.pause)
            return batch
        }
        if !wakeForFrame { return queue.wait(take) }
        return queue.wait(until: MonotonicClock.now + 5 * frameNanoseconds, take) ?? Queue()
    }
}

extension Event {
    /// Rather more than the text that this event becomes.
    fileprivate var estimatedBytes: Int {
        func bytes(_ error: HeadwaterError?) -> Int {
            guard let error else { return 0 }
            let texts = error.message.utf8.count + error.remedy.utf8.count + (error.cause?.utf8.count ?? 0)
            return texts + (error.path?.key.count ?? 0)
        }
        return switch self {
        case .started, .progress: 256
        case .problem(_, let error), .warning(_, let error): 256 + bytes(error)
        case .finished(let summary): 512 + bytes(summary.error)
        case .detail(_, let text): 256 + text.utf8.count
        }
    }
}
