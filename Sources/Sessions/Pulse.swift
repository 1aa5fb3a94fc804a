import Core
import Platform

/// How long an end waits for the other one before it gives up. Tests shorten it.
package struct Patience: Sendable {
    /// A sign of life is sent this often.
    package var pingSeconds = Double(Heartbeat.everySeconds)
    /// Nothing is heard, nothing can be written: the other end is taken for dead.
    package var silenceSeconds = Double(Heartbeat.silenceSeconds)
    /// The same once an operator has asked to end: a run is safe to end at any moment.
    package var endingSeconds = 10.0
    /// Nothing but signs of life, from an end that says that it is at work (scanning, hashing a large file).
    package var workSeconds = 24.0 * 3600

    package init() {}
}

/// Sends signs of life on a link until it is stopped, on a thread of its own, and watches that the other end lives and takes what it is
/// sent: a thread that waits for it in a write cannot see that itself.
final class Pulse: Sendable {
    private struct State: Sendable {
        var isStopped = false
        var endingSince: UInt64?
        /// Raised by what changes when the thread has to look again.
        var wishes = 0
    }

    private let state = Monitor(State())
    private let link: FrameLink
    private let inbox: Inbox
    private let patience: Patience

    init(_ link: FrameLink, _ inbox: Inbox, _ patience: Patience) {
        (self.link, self.inbox, self.patience) = (link, inbox, patience)
        _ = WorkerThread<Void>("hw-pulse") { [self] in beat() }
    }

    /// Of a link that no session waits on.
    convenience init(_ link: FrameLink) { self.init(link, Inbox(), Patience()) }

    func stop() { state.update { $0.isStopped = true } }

    /// From here on the other end gets `Patience.endingSeconds` for each step.
    func noteEnding() {
        state.update {
            $0.endingSince = $0.endingSince ?? MonotonicClock.now
            $0.wishes += 1
        }
    }

    private func beat() {
        var nextPing = MonotonicClock.after(seconds: patience.pingSeconds)
        var seen = 0
        while true {
            let current = state.read { $0 }
            let step = current.endingSince == nil ? patience.silenceSeconds / 9 : patience.endingSeconds / 9
            let deadline = min(nextPing, MonotonicClock.after(seconds: step))
            let isStopped = state.wait(until: deadline) { state -> Bool? in
                if state.isStopped { return true }
                if state.wishes == seen { return nil }
                seen = state.wishes
                return false
            }
            if isStopped == true { return }
            if let error = fault() {
                inbox.fail(error)
                return link.close()
            }
            if MonotonicClock.now < nextPing { continue }
            link.sendPing(inbox.standing)
            nextPing = MonotonicClock.after(seconds: patience.pingSeconds)
        }
    }

    /// Why waiting for the other end is over; nil while it is not.
    private func fault() -> HeadwaterError? {
        let (life, waiting) = (link.life, inbox.waitingSince)
        // At work of its own, this end waits for nobody.
        guard waiting != nil || life.writingSince != nil else { return nil }
        let last = max(life.heardAt, life.writtenAt, waiting ?? 0, life.writingSince ?? 0)
        let lastStep = max(life.heardFrameAt, life.writtenAt, waiting ?? 0, life.writingSince ?? 0)
        if Pulse.seconds(since: last) > patience.silenceSeconds { return .peerSilent }
        if let ending = state.read({ $0.endingSince }), Pulse.seconds(since: max(last, ending)) > patience.endingSeconds
        {
            return .peerSilent
        }
        // Who says that he waits takes what he is sent.
        if life.writingSince != nil, life.peerIsWaiting, Pulse.seconds(since: lastStep) > patience.silenceSeconds {
            return .peerSilent
        }
        return Pulse.seconds(since: lastStep) > patience.workSeconds ? .peerSilent : nil
    }

    private static func seconds(since moment: UInt64) -> Double {
        let now = MonotonicClock.now
        return now > moment ? Double(now - moment) / 1e9 : 0
    }
}
