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
    }

    /// What the thread and the callers share; the thread holds no reference to the connection itself.
    final class Shared: Sendable {
        let state = Monitor(State())
        let wake: WakeUp
        let settings: SSHSettings

        init(_ settings: SSHSettings) throws(SystemError) {
            self.settings = settings
            wake = try WakeUp()
        }
    }

    let core: Shared

    private static let libraryStarted: Int32 = {
        Crypto.prepare()
        return libssh2_init(0)
    }()

    /// Name, version and licence family of the SSH library that is linked.
    package static var libraryVersion: String { String(cString: libssh2_version(0)) }

    /// Connects, checks the host key and logs in. Blocks at most the settings' two limits.
    ///
    /// - Throws: transient `ssh.name`, `ssh.connect`, `ssh.timeout`, `ssh.protocol`, `ssh.connection-lost` (exit 7); `ssh.host-key-*`,
    ///   `ssh.login-refused`, `ssh.no-key`, `ssh.key-*`, `ssh.algorithms` (exit 1).
    package static func open(_ settings: SSHSettings) throws(HeadwaterError) -> Connection {
        precondition(libraryStarted == 0, "libssh2_init")
        let check = try HostKeyCheck(settings)
        var failure: HeadwaterError?
        for types in check.attempts {
            do {
                return try Connection(settings, check, types)
            } catch {
                guard check.attempts.count > 1, ["ssh.host-key-changed", "ssh.algorithms"].contains(error.code) else {
                    throw error
                }
                if failure?.code != "ssh.host-key-changed" { failure = error }
            }
        }
        throw failure!
    }

    private init(_ settings: SSHSettings, _ check: HostKeyCheck, _ hostKeyTypes: [String]) throws(HeadwaterError) {
        do { core = try Shared(settings) } catch { throw .protocolFailure(settings.alias, "no eventfd", "\(error)") }
        let core = core
        _ = WorkerThread("ssh") { ConnectionThread.run(core, check, hostKeyTypes) }
        let limit = settings.connectTimeoutSeconds + settings.loginTimeoutSeconds + 5
        let outcome = core.state.wait(until: MonotonicClock.after(seconds: limit)) { state -> Phase? in
            if case .connecting = state.phase { return nil }
            return state.phase
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
        let channel = Channel(
            command: command, wake: core.wake, silence: core.settings.silenceSeconds, stall: stallSeconds)
        try core.state.update { (state) throws(HeadwaterError) in
            if case .ended(let error) = state.phase { throw error }
            state.pending.append(channel)
        }
        core.wake.signal()
        return try channel.state.wait { (state) throws(HeadwaterError) -> Channel? in
            if let failure = state.failure { throw failure }
            return state.isOpen ? channel : nil
        }
    }

    /// Ends the connection and all its channels; the far commands see the end of their input. Does not wait.
    package func close() {
        core.state.update { $0.isClosing = true }
        core.wake.signal()
    }
}
