import CSSH2
import Content
import Core
import Glibc
import Platform

/// One SSH link to a host.
///
/// A thread of its own owns the libssh2 session, the socket and every channel; callers reach it through monitors and an eventfd. It
/// ends, with all its channels, when the peer or `close` ends it, or when the last reference goes.
package final class Connection: Sendable {
    enum Phase: Sendable {
        case connecting
        case ready
        case ended(HeadwaterError)
    }

    struct State: Sendable {
        var phase = Phase.connecting
        var pending: [Channel] = []
        var isClosing = false
        /// Channels that were asked for and that the server has not answered yet.
        var unansweredCount = 0
        /// Channels that stood when the server refused the last one that it refused: in the order of its answers, not of their callers.
        var standingWhenRefused = 0
        /// The encrypted key that the server wants; the login ended to ask for its passphrase.
        var lockedKey: IdentityFile?
    }

    /// What the thread and the callers share; the thread holds no reference to the connection itself.
    final class Shared: Sendable {
        let state = Monitor(State())
        let wake: WakeUp
        let settings: SSHSettings
        let run: SSHRun

        init(_ settings: SSHSettings, _ run: SSHRun) throws(SystemError) {
            self.settings = settings
            self.run = run
            wake = try WakeUp()
        }

        func close() {
            state.update { $0.isClosing = true }
            wake.signal()
        }
    }

    let core: Shared

    private static let libraryStarted: Int32 = {
        Crypto.prepare()
        return libssh2_init(0)
    }()

    /// Name, version and licence family of the SSH library that is linked.
    package static var libraryVersion: String { String(cString: libssh2_version(0)) }

    /// Of zlib, which libssh2 brings; no connection compresses with it.
    package static var compressionVersion: String { String(cString: zlibVersion()) }

    /// Connects, through jump hosts where the settings name one, checks the host key and logs in.
    ///
    /// Blocks at most the settings' two limits, longer while a person is asked for a passphrase and while a jump host is reached.
    /// - Throws: transient `ssh.name`, `ssh.connect`, `ssh.timeout`, `ssh.protocol`, `ssh.busy`, `ssh.connection-lost`,
    ///   `ssh.jump-connect` (exit 7); `ssh.host-key-*`, `ssh.login-refused`, `ssh.no-key`, `ssh.key-*`, `ssh.passphrase`,
    ///   `ssh.algorithms`, `ssh.jump-refused` (exit 1).
    package static func open(_ settings: SSHSettings, in run: SSHRun = SSHRun()) throws(HeadwaterError) -> Connection {
        try open(settings, in: run) { _ in }
    }

    /// - Parameter begun: gets what each attempt can be given up by, before it begins.
    static func open(_ settings: SSHSettings, in run: SSHRun, _ begun: (Shared) -> Void) throws(HeadwaterError)
        -> Connection
    {
        precondition(libraryStarted == 0, "libssh2_init")
        let check = try HostKeyCheck(settings, run)
        var failure: HeadwaterError?
        for types in check.attempts {
            do {
                return try unlocking(settings, check, types, run, begun)
            } catch {
                guard check.attempts.count > 1, ["ssh.host-key-changed", "ssh.algorithms"].contains(error.code) else {
                    throw error
                }
                if failure?.code != "ssh.host-key-changed" { failure = error }
            }
        }
        throw failure!
    }

    /// As often as there are encrypted keys that the server wants.
    private static func unlocking(
        _ settings: SSHSettings, _ check: HostKeyCheck, _ hostKeyTypes: [String], _ run: SSHRun,
        _ begun: (Shared) -> Void
    ) throws(HeadwaterError) -> Connection {
        while true {
            let carrier = try settings.via.first.map { (hop) throws(HeadwaterError) in
                try Tunnel.open(to: settings, over: hop, run)
            }
            let core: Shared
            do {
                core = try Shared(settings, run)
            } catch {
                throw .protocolFailure(settings.alias, "no eventfd", "\(error)")
            }
            begun(core)
            do throws(HeadwaterError) {
                return try Connection(core, check, hostKeyTypes, carrier)
            } catch {
                guard let key = core.state.read({ $0.lockedKey }) else { throw error }
                run.passphrases.resolve(key)
                if run.passphrases.isClosed { throw .connectionClosed(settings.alias) }
            }
        }
    }

    /// - Parameter carrier: a socket that leads to the host already.
    private init(_ core: Shared, _ check: HostKeyCheck, _ hostKeyTypes: [String], _ carrier: Descriptor?)
        throws(HeadwaterError)
    {
        self.core = core
        let settings = core.settings
        _ = WorkerThread("ssh") { ConnectionThread.run(core, check, hostKeyTypes, carrier) }
        let limit = settings.connectTimeoutSeconds + settings.loginTimeoutSeconds + 5
        let outcome = core.state.wait(until: MonotonicClock.after(seconds: limit)) { state -> Phase? in
            guard case .connecting = state.phase else { return state.phase }
            // The thread may still wait for a resolver; it ends by itself.
            return state.isClosing ? .ended(.connectionClosed(settings.alias)) : nil
        }
        switch outcome {
        case .ready: return
        case .ended(let error): throw error
        default: throw .timeout(settings.alias, "resolving its name", seconds: limit)
        }
    }

    deinit { close() }

    /// False once the link is lost or closed: a new connection is needed.
    package var isAlive: Bool {
        core.state.read { state in
            if case .ready = state.phase { return !state.isClosing }
            return false
        }
    }

    /// Starts `command` by the user's login shell at the far end; returns when the server has accepted it. Blocks at most 30 s.
    ///
    /// The channel must be closed by the caller.
    /// - Parameter stallSeconds: how long a `write` may wait for room; nil is for ever.
    /// - Throws: `ssh.session-limit` when the server allows no further session on this connection; `ssh.exec-refused`; what ended the
    ///   connection.
    package func openChannel(command: String, stallSeconds: Double? = nil) throws(HeadwaterError) -> Channel {
        try open(.command(command), silence: core.settings.silenceSeconds, stall: stallSeconds, limit: nil)
    }

    /// A stream to a port that the far host reaches. It is never found silent: what runs in it has its own limits.
    ///
    /// - Parameter seconds: how long the far host may take to connect. An opening that takes longer occupies this connection, which opens
    ///   one channel at a time, until the server answers; see `unansweredCount`.
    /// - Throws: `ssh.jump-connect`, `ssh.jump-refused`; what ended the connection.
    func openTunnel(host: String, port: Int, seconds: Double) throws(HeadwaterError) -> Channel {
        try open(.tunnel(host: host, port: port), silence: nil, stall: nil, limit: seconds)
    }

    var unansweredCount: Int { core.state.read { $0.unansweredCount } }

    /// Channels that stood when the server last refused one; 0 where it never did.
    var standingWhenRefused: Int { core.state.read { $0.standingWhenRefused } }

    private func open(_ request: ChannelRequest, silence: Double?, stall: Double?, limit: Double?)
        throws(HeadwaterError) -> Channel
    {
        let channel = Channel(request, wake: core.wake, silence: silence, stall: stall)
        try core.state.update { (state) throws(HeadwaterError) in
            if case .ended(let error) = state.phase { throw error }
            state.pending.append(channel)
            state.unansweredCount += 1
        }
        core.wake.signal()
        let end = limit.map { MonotonicClock.after(seconds: $0) } ?? MonotonicClock.never
        let opened = try channel.state.wait(until: end) { (state) throws(HeadwaterError) -> Channel? in
            if let failure = state.failure { throw failure }
            return state.isOpen ? channel : nil
        }
        if let opened { return opened }
        channel.close()
        throw .jumpConnect(core.settings.alias, request, "it did not answer within \(Int(limit ?? 0)) seconds")
    }

    /// Ends the connection and all its channels; the far commands see the end of their input. Does not wait.
    package func close() { core.close() }
}
