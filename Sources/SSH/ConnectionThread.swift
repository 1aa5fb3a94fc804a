import CSSH2
import Core
import Glibc
import Platform

/// The thread of one connection: connects, logs in, then moves bytes between libssh2 and the rings of the channels until the end.
///
///   connect ─► handshake ─► host key ─► login ─► loop ─► end
///        └──────────┴───────────┴─────────┴──────────────►│   every failure ends all channels with the same error
///
/// One pass of the loop: take new channels, pump every channel, flush, poll. As any call of libssh2 may take the packets of all
/// channels off the socket, the poll waits only after a pass in which nothing arrived and nothing moved.
final class ConnectionThread {
    /// POLLRDHUP, which Swift's Glibc lacks: the peer ended its direction.
    private static let pollHangUp: Int16 = 0x2000

    let core: Connection.Shared
    let settings: SSHSettings
    let transport: Transport
    let session: OpaquePointer
    private var entries: [ChannelDriver] = []

    /// The body of the thread.
    static func run(_ core: Connection.Shared, _ check: HostKeyCheck, _ hostKeyTypes: [String], _ carrier: Descriptor?)
    {
        do {
            let thread = try ConnectionThread(core, carrier)
            defer { thread.free() }
            let failure = thread.live(check, hostKeyTypes)
            end(core, failure)
            thread.endChannels(failure)
        } catch {
            end(core, error)
        }
    }

    /// Everything from the handshake on; returns why it ended.
    private func live(_ check: HostKeyCheck, _ hostKeyTypes: [String]) -> HeadwaterError {
        do {
            try logIn(check, hostKeyTypes)
        } catch {
            return error
        }
        core.state.update { $0.phase = .ready }
        return loop()
    }

    /// From here on nobody is given this connection; channels that were not taken up yet fail.
    private static func end(_ core: Connection.Shared, _ failure: HeadwaterError) {
        let pending = core.state.update { state in
            state.phase = .ended(failure)
            defer { state.pending = [] }
            return state.pending
        }
        for channel in pending { channel.state.update { $0.failure = failure } }
    }

    private init(_ core: Connection.Shared, _ carrier: Descriptor?) throws(HeadwaterError) {
        self.core = core
        settings = core.settings
        let socket: Descriptor
        if let carrier { socket = carrier } else { socket = try ConnectionThread.connect(settings) }
        if var bytes = settings.sendBufferBytes {
            setsockopt(socket.raw, SOL_SOCKET, SO_SNDBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
        }
        transport = Transport(socket: socket)
        guard let session = transport.makeSession() else {
            throw .protocolFailure(settings.alias, "no memory for a session", "libssh2_session_init_ex")
        }
        self.session = session
    }

    private static func connect(_ settings: SSHSettings) throws(HeadwaterError) -> Descriptor {
        do throws(StreamSocket.ConnectFailure) {
            return try StreamSocket.connect(
                host: settings.hostName, port: settings.port,
                timeoutMilliseconds: Int32(settings.connectTimeoutSeconds * 1000))
        } catch {
            throw .connectFailed(settings.hostName, settings.port, error, seconds: settings.connectTimeoutSeconds)
        }
    }

    /// What libssh2 said last; valid until its next call.
    var lastWords: String {
        var words: UnsafeMutablePointer<CChar>?
        libssh2_session_last_error(session, &words, nil, 0)
        let said = words.map { Printable.text(String(cString: $0)) } ?? ""
        let code = libssh2_session_last_errno(session)
        let system = transport.error.map { ": " + String(cString: strerror($0)) } ?? ""
        return "\(said) (libssh2 \(code))\(system)"
    }

    /// Waits for the socket or a wake-up, having given the socket what it takes.
    ///
    /// - Parameters:
    ///   - watchesInput: false while nothing would read: only the end of the link is noticed then.
    ///   - milliseconds: -1 for no limit.
    func poll(watchesInput: Bool, milliseconds: Int32) {
        transport.flush()
        var wanted = watchesInput ? Int16(POLLIN) : ConnectionThread.pollHangUp
        if transport.queued > 0 { wanted |= Int16(POLLOUT) }
        var polls = [
            pollfd(fd: transport.socket.raw, events: wanted, revents: 0),
            pollfd(fd: core.wake.raw, events: Int16(POLLIN), revents: 0),
        ]
        let isBuffered = watchesInput && !transport.isBufferEmpty
        let ready = Glibc.poll(&polls, 2, isBuffered ? 0 : milliseconds)
        if ready > 0, polls[1].revents != 0 { core.wake.clear() }
        let ended = Int16(POLLHUP) | Int16(POLLERR) | ConnectionThread.pollHangUp
        if ready > 0, !watchesInput, polls[0].revents & ended != 0 { isPeerGone = true }
        transport.beginPass(readable: ready > 0 && polls[0].revents & (Int16(POLLIN) | ended) != 0)
        transport.flush()
    }

    /// The link ended while no channel was there to notice.
    private var isPeerGone = false

    var isClosing: Bool { core.state.read { $0.isClosing } }

    private func loop() -> HeadwaterError {
        transport.beginPass(readable: true)
        while true {
            let (isClosing, new) = core.state.update { state in
                defer { state.pending = [] }
                return (state.isClosing, state.pending)
            }
            entries += new.map { ChannelDriver($0, host: settings.alias) }
            if isClosing { return .connectionClosed(settings.alias) }
            if isPeerGone || transport.error != nil {
                return .connectionLost(
                    settings.alias, transport.error.map { String(cString: strerror($0)) } ?? "it ended")
            }
            do {
                let hasMoved = try pass()
                poll(watchesInput: !entries.isEmpty, milliseconds: hasMoved || transport.hasReceived ? 0 : pollLimit)
            } catch {
                return error
            }
        }
    }

    /// Pumps every channel once; true when something moved.
    private func pass() throws(HeadwaterError) -> Bool {
        var hasMoved = false
        for entry in entries where !entry.isWaiting {
            if try entry.advance(self) { hasMoved = true }
        }
        // libssh2 opens one channel at a time.
        if !entries.contains(where: \.isOpening), let next = entries.first(where: \.isWaiting) {
            next.beginOpening()
            if try next.advance(self) { hasMoved = true }
        }
        let before = entries.count
        entries.removeAll(where: \.isFreed)
        return hasMoved || before != entries.count
    }

    /// Channels that the server has accepted and not freed yet.
    var standingCount: Int { entries.count(where: \.isStanding) }

    /// While a channel opens its deadline must be seen; otherwise nothing depends on time.
    private var pollLimit: Int32 { entries.contains { $0.isWaiting || $0.isStarting } ? 1000 : -1 }

    private func endChannels(_ failure: HeadwaterError) {
        for entry in entries { entry.channel.state.update { if $0.failure == nil { $0.failure = failure } } }
    }

    /// Says goodbye where the link still stands (at most 1 s), then frees everything without waiting for the peer.
    private func free() {
        if transport.error == nil, !isPeerGone {
            libssh2_session_disconnect_ex(session, 11, "", "")
            let deadline = MonotonicClock.after(seconds: 1)
            while transport.queued > 0, transport.error == nil, MonotonicClock.now < deadline {
                var socket = pollfd(fd: transport.socket.raw, events: Int16(POLLOUT), revents: 0)
                _ = Glibc.poll(&socket, 1, 100)
                transport.flush()
            }
        }
        transport.isCut = true
        shutdown(transport.socket.raw, Int32(SHUT_RDWR))
        var tries = 0
        while libssh2_session_free(session) == LIBSSH2_ERROR_EAGAIN, tries < 1000 { tries += 1 }
    }
}
