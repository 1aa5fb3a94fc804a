import CLinux
import Core
import Glibc

/// A stream over a pair of descriptors: the pipes of an SSH exec channel at the far end, or a socket pair inside one process.
package final class DescriptorStream: ByteStream {
    private let input: Descriptor
    private let output: Descriptor
    private let wakeUp: WakeUp
    private let turn = Monitor(Turn())

    private struct Turn: Sendable {
        var isWriting = false
        var isClosed = false
    }

    /// Takes both over; they may be one. Sets them non-blocking.
    package init(input: Descriptor, output: Descriptor) throws(SystemError) {
        self.input = input
        self.output = output
        wakeUp = try WakeUp()
        try check("fcntl") { hw_set_nonblocking(input.raw, 1) }
        try check("fcntl") { hw_set_nonblocking(output.raw, 1) }
    }

    /// Two streams that are each other's far end.
    package static func pair() throws(SystemError) -> (DescriptorStream, DescriptorStream) {
        let (one, other) = try StreamSocket.pair()
        return (try DescriptorStream(input: one, output: one), try DescriptorStream(input: other, output: other))
    }

    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(HeadwaterError) -> Int {
        while true {
            if isClosed { return 0 }
            let got = Glibc.read(input.raw, buffer.baseAddress!, buffer.count)
            if got >= 0 { return got }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                guard wait(input.raw, POLLIN, seconds: Heartbeat.silenceSeconds) else { throw .peerSilent }
            case ECONNRESET: return 0
            default: throw .streamBroken(SystemError("read"))
            }
        }
    }

    package func write(_ bytes: UnsafeRawBufferPointer) throws(HeadwaterError) {
        turn.wait { turn -> Void? in
            if turn.isWriting { return nil }
            turn.isWriting = true
            return ()
        }
        defer { turn.update { $0.isWriting = false } }
        var done = 0
        while done < bytes.count {
            if isClosed { throw .streamBroken(SystemError("write", EPIPE)) }
            let count = Glibc.write(output.raw, bytes.baseAddress! + done, bytes.count - done)
            if count >= 0 {
                done += count
            } else if errno == EAGAIN {
                _ = wait(output.raw, POLLOUT, seconds: nil)
            } else if errno != EINTR {
                throw .streamBroken(SystemError("write"))
            }
        }
    }

    package var hasRoom: Bool {
        var ready = pollfd(fd: output.raw, events: Int16(POLLOUT), revents: 0)
        return poll(&ready, 1, 0) == 1 && ready.revents & Int16(POLLOUT) != 0
    }

    package func close() {
        turn.update { $0.isClosed = true }
        // Stays signalled: every wait from now on returns at once.
        wakeUp.signal()
        shutdown(input.raw, Int32(SHUT_RDWR))
    }

    private var isClosed: Bool { turn.read { $0.isClosed } }

    /// False when `seconds` pass first.
    private func wait(_ descriptor: Int32, _ event: Int32, seconds: Int?) -> Bool {
        let deadline = seconds.map { MonotonicClock.after(seconds: Double($0)) }
        while true {
            var polls = [
                pollfd(fd: descriptor, events: Int16(event), revents: 0),
                pollfd(fd: wakeUp.raw, events: Int16(POLLIN), revents: 0),
            ]
            let left = deadline.map { Int32(clamping: (Int64($0) - Int64(MonotonicClock.now)) / 1_000_000 + 1) } ?? -1
            if deadline != nil && left <= 0 { return false }
            if poll(&polls, 2, left) > 0 { return true }
        }
    }
}

extension HeadwaterError {
    /// Nothing came for `Heartbeat.silenceSeconds`, not even a sign of life.
    package static var peerSilent: HeadwaterError {
        HeadwaterError(
            "peer.silent", "nothing was heard from the other end for \(Heartbeat.silenceSeconds) s",
            remedy: "look at the network and at the far host, then run again: it goes on from what is recorded",
            exit: .unreachable,
            isTransient: true)
    }

    fileprivate static func streamBroken(_ error: SystemError) -> HeadwaterError {
        HeadwaterError(
            "peer.lost", "the connection to the other end broke", remedy: "run again: it goes on from what is recorded",
            exit: .unreachable, isTransient: true, cause: error.description)
    }
}
