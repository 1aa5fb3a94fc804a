import Core
import Platform

/// Sends signs of life on a link until it is stopped, on a thread of its own.
final class Pulse: Sendable {
    private let isStopped = Monitor(false)
    private let link: FrameLink

    init(_ link: FrameLink) {
        self.link = link
        _ = WorkerThread<Void>("hw-pulse") { [isStopped, link] in
            while isStopped.wait(
                until: MonotonicClock.after(seconds: Double(Heartbeat.everySeconds)), { $0 ? true : nil }) == nil
            {
                link.sendPing()
            }
        }
    }

    func stop() { isStopped.update { $0 = true } }
}
