import CSSH2
import Core
import Glibc
import Platform

/// The half of a channel that lives on the connection's thread.
///
///   waiting ─► opening ─► requesting ─► open ─► closing ─► freed
///                 └────────────┴──────────────────┴────────►
final class ChannelDriver {
    private enum Phase { case waiting, opening, requesting, open, closing, freed }

    /// Bytes that the far end may send before it must wait for us; also what one unread channel may cost in memory.
    private static let windowBytes: UInt32 = 4 << 20
    /// More breaks reading in libssh2 1.10 (error -41).
    private static let packetBytes: UInt32 = 32768
    private static let openSeconds = 30.0
    /// One channel's share of a pass, so that a busy one does not starve the others.
    private static let callsPerPassMax = 8
    private static let readBytesMax = 256 * 1024

    let channel: Channel
    private let host: String
    private let deadline = MonotonicClock.after(seconds: ChannelDriver.openSeconds)
    private var phase = Phase.waiting
    private var handle: OpaquePointer?
    /// What a tunnel's opening says beyond its kind; libssh2 wants the same bytes at every try.
    private let message: [UInt8]
    private var isAnswered = false
    private var isEOFSent = false
    private var isRemoteEnded = false
    private var isRemoteClosed = false

    init(_ channel: Channel, host: String) {
        self.channel = channel
        self.host = host
        if case .tunnel(let target, let port) = channel.request {
            message =
                SSHBytes.string(Array(target.utf8)) + SSHBytes.uint32(port) + SSHBytes.string(Array("127.0.0.1".utf8))
                + SSHBytes.uint32(0)
        } else {
            message = []
        }
    }

    var isWaiting: Bool { phase == .waiting }
    var isOpening: Bool { phase == .opening }
    var isStarting: Bool { phase == .opening || phase == .requesting }
    var isFreed: Bool { phase == .freed }
    var isStanding: Bool { phase == .requesting || phase == .open || phase == .closing }

    func beginOpening() { phase = .opening }

    /// Does what can be done without waiting; true when something moved.
    ///
    /// - Throws: what ends the whole connection.
    func advance(_ thread: ConnectionThread) throws(HeadwaterError) -> Bool {
        let before = phase
        switch phase {
        case .waiting, .freed: return false
        case .opening: try open(thread)
        case .requesting: try request(thread)
        case .open: return try pump(thread)
        case .closing: close()
        }
        if isStarting, !channel.request.isTunnel, MonotonicClock.now > deadline {
            throw .timeout(host, "opening a channel", seconds: ChannelDriver.openSeconds)
        }
        return phase != before
    }

    private func open(_ thread: ConnectionThread) throws(HeadwaterError) {
        let kind = channel.request.isTunnel ? "direct-tcpip" : "session"
        handle = message.withUnsafeBytes { message in
            libssh2_channel_open_ex(
                thread.session, kind, UInt32(kind.utf8.count), ChannelDriver.windowBytes, ChannelDriver.packetBytes,
                message.baseAddress?.assumingMemoryBound(to: CChar.self), UInt32(message.count))
        }
        if handle != nil {
            phase = .requesting
            return try request(thread)
        }
        switch libssh2_session_last_errno(thread.session) {
        case LIBSSH2_ERROR_EAGAIN: return
        case LIBSSH2_ERROR_CHANNEL_FAILURE:
            let standing = thread.standingCount
            thread.core.state.update { $0.standingWhenRefused = standing }
            fail(.channelRefused(host, channel.request, thread.lastWords), thread)
            phase = .freed
        default: throw .connectionLost(host, thread.lastWords)
        }
    }

    /// The server has said yes or no.
    private func answer(_ thread: ConnectionThread) {
        if isAnswered { return }
        isAnswered = true
        thread.core.state.update { $0.unansweredCount -= 1 }
    }

    private func request(_ thread: ConnectionThread) throws(HeadwaterError) {
        guard case .command(let command) = channel.request else { return begin(thread) }
        let code = libssh2_channel_process_startup(handle, "exec", 4, command, UInt32(command.utf8.count))
        switch code {
        case 0: begin(thread)
        case LIBSSH2_ERROR_EAGAIN: return
        case LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED:
            fail(
                HeadwaterError(
                    "ssh.exec-refused", "\(host) refuses to run a command",
                    remedy: "allow the user to run commands over SSH on \(host)", cause: thread.lastWords), thread)
            phase = .closing
        default: throw .connectionLost(host, thread.lastWords)
        }
    }

    private func begin(_ thread: ConnectionThread) {
        phase = .open
        answer(thread)
        channel.state.update { $0.isOpen = true }
    }

    private func fail(_ error: HeadwaterError, _ thread: ConnectionThread) {
        answer(thread)
        channel.state.update { $0.failure = error }
    }

    /// Waits for the far end's own close, pass after pass; what it still sends is thrown away.
    private func close() {
        if libssh2_channel_free(handle) == LIBSSH2_ERROR_EAGAIN { return }
        phase = .freed
        channel.state.update { $0.isFreed = true }
    }

    private func pump(_ thread: ConnectionThread) throws(HeadwaterError) -> Bool {
        if channel.state.read({ $0.isClosed }) {
            phase = .closing
            close()
            return true
        }
        var hasMoved = try readErrors(thread)
        if try readOutput(thread) { hasMoved = true }
        if try writeInput(thread) { hasMoved = true }
        if try noticeClose(thread) { hasMoved = true }
        return hasMoved
    }

    /// EAGAIN and 0 are "nothing now"; everything else below 0 is the end of the link.
    private func check(_ result: Int, _ thread: ConnectionThread) throws(HeadwaterError) -> Int {
        if result >= 0 { return result }
        if result == Int(LIBSSH2_ERROR_EAGAIN) { return 0 }
        throw .connectionLost(host, thread.lastWords)
    }
}

extension ChannelDriver {
    private func readOutput(_ thread: ConnectionThread) throws(HeadwaterError) -> Bool {
        var hasMoved = false
        for _ in 0..<ChannelDriver.callsPerPassMax where !isRemoteEnded {
            let position = channel.state.read { state in
                state.threadWaitsForRoom = state.inbound.free == 0
                return state.inbound
            }
            let back = channel.inbound.back(position)
            if back.isEmpty { break }
            let count = min(back.count, ChannelDriver.readBytesMax)
            let got = try check(
                libssh2_channel_read_ex(handle, 0, back.baseAddress!.assumingMemoryBound(to: CChar.self), count), thread
            )
            if got == 0 {
                isRemoteEnded = libssh2_channel_eof(handle) == 1
                if isRemoteEnded { channel.state.update { $0.isRemoteEnded = true } }
                break
            }
            channel.state.update { $0.inbound.produced += UInt64(got) }
            hasMoved = true
        }
        return hasMoved
    }

    private func readErrors(_ thread: ConnectionThread) throws(HeadwaterError) -> Bool {
        var hasMoved = false
        try withUnsafeTemporaryAllocation(byteCount: 16384, alignment: 1) { (buffer) throws(HeadwaterError) in
            for _ in 0..<ChannelDriver.callsPerPassMax where !isRemoteClosed {
                let bytes = buffer.baseAddress!.assumingMemoryBound(to: CChar.self)
                let got = try check(libssh2_channel_read_ex(handle, 1, bytes, buffer.count), thread)
                if got == 0 { break }
                keep(UnsafeRawBufferPointer(rebasing: buffer[..<got]))
                hasMoved = true
            }
        }
        return hasMoved
    }

    private func keep(_ errors: UnsafeRawBufferPointer) {
        channel.state.read { state in
            state.stderrTail += errors.suffix(Channel.stderrTailBytesMax)
            let surplus = state.stderrTail.count - Channel.stderrTailBytesMax
            if surplus > 0 { state.stderrTail.removeFirst(surplus) }
        }
    }

    private func writeInput(_ thread: ConnectionThread) throws(HeadwaterError) -> Bool {
        var hasMoved = false
        for _ in 0..<ChannelDriver.callsPerPassMax * 2 {
            if isEOFSent || isRemoteClosed || thread.transport.queued > Transport.queuedBytesSoft { break }
            let (position, isEnded) = channel.state.read { state in
                state.threadWaitsForOutput = state.outbound.filled == 0
                return (state.outbound, state.isWriteEnded)
            }
            let front = channel.outbound.front(position)
            if front.isEmpty {
                if isEnded { try sendEOF(thread) }
                break
            }
            let bytes = front.baseAddress!.assumingMemoryBound(to: CChar.self)
            let sent = try check(libssh2_channel_write_ex(handle, 0, bytes, front.count), thread)
            if sent == 0 { break }
            channel.state.read { $0.outbound.consumed += UInt64(sent) }
            hasMoved = true
        }
        if hasMoved, channel.state.read({ $0.roomAwaited > 0 && $0.outbound.free >= $0.roomAwaited }) {
            channel.state.update { _ in }
        }
        return hasMoved
    }

    private func sendEOF(_ thread: ConnectionThread) throws(HeadwaterError) {
        let code = libssh2_channel_send_eof(handle)
        if code == LIBSSH2_ERROR_EAGAIN { return }
        if code != 0 { throw .connectionLost(host, thread.lastWords) }
        isEOFSent = true
    }

    /// After its end of output the far side sends the exit status and closes the channel.
    private func noticeClose(_ thread: ConnectionThread) throws(HeadwaterError) -> Bool {
        guard isRemoteEnded, !isRemoteClosed else { return false }
        let code = libssh2_channel_wait_closed(handle)
        if code == LIBSSH2_ERROR_EAGAIN { return false }
        if code != 0 { throw .connectionLost(host, thread.lastWords) }
        isRemoteClosed = true
        let status = libssh2_channel_get_exit_status(handle)
        channel.state.update { state in
            state.isRemoteClosed = true
            state.exitStatus = status
        }
        return true
    }
}
