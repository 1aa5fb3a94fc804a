import Core
import Glibc
import Platform

/// One channel of a connection as a stream of bytes: the standard input and output of a far command, or a port that the far host reaches.
///
/// Two bounded rings lie between the callers and the thread of the connection, 1 MiB each way. When the inbound ring is full the thread
/// stops reading this channel, its window (4 MiB) closes and the far end waits; other channels go on.
///
///   read(into:) ◄─ inbound ring ◄─┐                      ┌─► stderrTail (last 4 KiB)
///                                 ├─ thread of Connection ┤
///   write(_:)  ─► outbound ring ─►┘                      └─► exitStatus
package final class Channel: ByteStream {
    static let ringBytes = 1 << 20
    static let stderrTailBytesMax = 4096
    /// Who waits for room is woken for so much of it, not for each packet that went.
    private static let roomBytes = Channel.ringBytes / 4

    struct State: Sendable {
        var inbound = RingPosition(capacity: Channel.ringBytes)
        var outbound = RingPosition(capacity: Channel.ringBytes)
        /// One of the writers holds the outbound ring's back; others wait for that.
        var isWriting = false
        var writersWaiting = 0
        /// Free bytes that who writes waits for; 0 while nobody does.
        var roomAwaited = 0
        /// The thread saw the inbound ring full: wake it when there is room.
        var threadWaitsForRoom = false
        /// The thread saw the outbound ring empty: wake it when there is more.
        var threadWaitsForOutput = false
        var isOpen = false
        var isWriteEnded = false
        var isRemoteEnded = false
        var isRemoteClosed = false
        var isClosed = false
        /// The server has closed its side as well and the thread has let go.
        var isFreed = false
        var failure: HeadwaterError?
        var stderrTail: [UInt8] = []
        var exitStatus: Int32?
    }

    let request: ChannelRequest
    let state = Monitor(State())
    let inbound = ByteRing(capacity: Channel.ringBytes)
    let outbound = ByteRing(capacity: Channel.ringBytes)
    private let wakeThread: WakeUp
    private let silenceSeconds: Double?
    private let stallSecondsMax: Double?

    /// - Parameters:
    ///   - silence: seconds that `read` waits for a first byte; nil is for ever.
    ///   - stall: seconds that `write` waits for room; nil is for ever (heartbeats tell then).
    init(_ request: ChannelRequest, wake: WakeUp, silence: Double?, stall: Double?) {
        self.request = request
        wakeThread = wake
        silenceSeconds = silence
        stallSecondsMax = stall
    }

    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(HeadwaterError) -> Int {
        if buffer.isEmpty { return 0 }
        let deadline = silenceSeconds.map { MonotonicClock.after(seconds: $0) } ?? MonotonicClock.never
        let found = try state.waitQuietly(until: deadline) { (state) throws(HeadwaterError) -> RingPosition? in
            if state.isClosed { throw .channelClosed() }
            if state.inbound.filled > 0 || state.isRemoteEnded { return state.inbound }
            if let failure = state.failure { throw failure }
            return nil
        }
        guard let position = found else { throw .silent(seconds: silenceSeconds ?? 0) }
        let front = inbound.front(position)
        let count = min(front.count, buffer.count)
        if count == 0 { return 0 }
        memcpy(buffer.baseAddress!, front.baseAddress!, count)
        let wakes = state.read { state in
            state.inbound.consumed += UInt64(count)
            guard state.threadWaitsForRoom, state.inbound.free >= Channel.roomBytes else { return false }
            state.threadWaitsForRoom = false
            return true
        }
        if wakes { wakeThread.signal() }
        return count
    }

    package func write(_ bytes: UnsafeRawBufferPointer) throws(HeadwaterError) {
        try takeTurn()
        defer { endTurn() }
        var rest = bytes
        while !rest.isEmpty {
            let back = outbound.back(try waitForRoom(rest.count))
            let count = min(back.count, rest.count)
            memcpy(back.baseAddress!, rest.baseAddress!, count)
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            commitOutput(count)
        }
    }

    package var hasRoom: Bool {
        state.read { $0.failure == nil && !$0.isClosed && !$0.isWriting && $0.outbound.free >= 64 * 1024 }
    }

    /// Ends the far command's standard input after what was written. Does not wait.
    package func closeWrite() {
        state.update { $0.isWriteEnded = true }
        wakeThread.signal()
    }

    package func close() {
        state.update { $0.isClosed = true }
        wakeThread.signal()
    }

    /// The last bytes of the far command's standard error, at most 4 KiB; more arrives until the end of the stream.
    package var stderrTail: [UInt8] { state.read { $0.stderrTail } }

    /// The far command's exit status once it has ended and its output was read; nil before. 0 is also reported for a command that a
    /// signal ended (libssh2 does not tell them apart): only the peer's own goodbye means success.
    package var exitStatus: Int32? { state.read { $0.exitStatus } }

    /// The server counts this channel no more: freed, refused, or its connection is gone.
    package var isOver: Bool { state.read { $0.isFreed || $0.failure != nil } }

    /// Waits until the far command has ended, at most `seconds`; nil when it has not.
    package func waitForExit(seconds: Double) -> Int32? {
        state.wait(until: MonotonicClock.after(seconds: seconds)) { state in
            if let status = state.exitStatus { return .some(status) }
            return state.failure != nil || state.isClosed ? .some(Int32?.none) : nil
        } ?? nil
    }
}

extension Channel {
    private static func checkWritable(_ state: State) throws(HeadwaterError) {
        if let failure = state.failure { throw failure }
        if state.isClosed || state.isRemoteClosed || state.isWriteEnded { throw .channelClosed() }
    }

    private func takeTurn() throws(HeadwaterError) {
        var isWaiting = false
        _ = try state.waitQuietly(until: MonotonicClock.never) { (state) throws(HeadwaterError) -> Void? in
            if isWaiting { state.writersWaiting -= 1 }
            isWaiting = false
            try Channel.checkWritable(state)
            if state.isWriting {
                state.writersWaiting += 1
                isWaiting = true
                return nil
            }
            state.isWriting = true
            return ()
        }
    }

    private func endTurn() {
        let wakes = state.read { state in
            state.isWriting = false
            return state.writersWaiting > 0
        }
        if wakes { state.update { _ in } }
    }

    /// Waits for room for `count` bytes, or for a good part of them.
    private func waitForRoom(_ count: Int) throws(HeadwaterError) -> RingPosition {
        let deadline = stallSecondsMax.map { MonotonicClock.after(seconds: $0) } ?? MonotonicClock.never
        let wanted = min(count, Channel.roomBytes)
        let found = try state.waitQuietly(until: deadline) { (state) throws(HeadwaterError) -> RingPosition? in
            try Channel.checkWritable(state)
            state.roomAwaited = state.outbound.free < wanted ? wanted : 0
            return state.roomAwaited == 0 ? state.outbound : nil
        }
        guard let found else { throw .silent(seconds: stallSecondsMax ?? 0) }
        return found
    }

    private func commitOutput(_ count: Int) {
        let wakes = state.read { state in
            state.outbound.produced += UInt64(count)
            defer { state.threadWaitsForOutput = false }
            return state.threadWaitsForOutput
        }
        if wakes { wakeThread.signal() }
    }
}

/// What a channel is opened for.
enum ChannelRequest: Sendable {
    /// Run by the login shell of the user.
    case command(String)
    /// `direct-tcpip` (RFC 4254 §7.2): a connection that the server makes.
    case tunnel(host: String, port: Int)

    var isTunnel: Bool { if case .tunnel = self { true } else { false } }
}
