import Core
import Glibc
import Platform
import Roots
import Sessions

/// The agent process of one orchestrator on this host: all its sessions here share the trees that it holds.
///
/// Says `HEADWATER-AGENT <protocol> <version> <token>` on standard output, answers the orchestrator's questions there, and takes the channels
/// that `attach` hands over. Ends at once when standard input does, and when nothing has come there for `Heartbeat.silenceSeconds`.
final class Serve: Sendable {
    private let token: String
    private let registry = RootRegistry()
    private let lent = LentStreams()

    init(token: String) { self.token = token }

    func run() -> Int32 {
        defer { registry.letGo() }
        do {
            try Host.requireAddressSpace()
            let socket = try LocalSocket.listen(AgentGreeting.socketName(token))
            _ = WorkerThread<Void>("hw-accept") { [self] in acceptAll(socket) }
            try writeFully(1, Array(AgentGreeting.serving(token).utf8))
            AgentControl.serve(try DescriptorStream(input: Descriptor(owning: 0), output: Descriptor(owning: 1)))
        } catch {
            complain("\(error)")
            return 1
        }
        return 0
    }

    private func acceptAll(_ socket: LocalSocket) {
        while true {
            guard let connection = try? socket.accept() else {
                // Out of descriptors, or a caller that has gone: the next one may fare better.
                usleep(100_000)
                continue
            }
            _ = WorkerThread<Void>("hw-session") { [self] in
                let (channel, name) = try connection.receive(2)
                let stream = try DescriptorStream(input: channel[0], output: channel[1])
                if name.isEmpty {
                    let exit = Responder.serve(stream, registry: registry, lent: lent)
                    try connection.send(exit.rawValue)
                } else {
                    lent.put(name, stream) { try? connection.send(ExitCode.inStep.rawValue) }
                }
            }
        }
    }
}

/// Lends this process's standard input and output to the agent that serves `token`, and waits until it is done with them.
///
/// - Parameter name: of the stream, for a session that is ordered to use it; empty where a session begins on it at once.
func attach(_ token: String, as name: String) -> Int32 {
    do {
        let socket = try connectPatiently(token)
        try writeFully(1, Array(AgentGreeting.attached(token).utf8))
        try socket.send([0, 1], note: name)
        return Int32(try socket.receiveByte() ?? ExitCode.edgeFailed.rawValue)
    } catch {
        complain("no agent serves this channel: \(error)")
        return 1
    }
}

/// The agent has said that it serves before a channel is asked for; a moment is for a machine that is out of breath.
private func connectPatiently(_ token: String) throws(SystemError) -> LocalSocket {
    let deadline = MonotonicClock.after(seconds: 2)
    while true {
        do throws(SystemError) {
            return try LocalSocket.connect(AgentGreeting.socketName(token))
        } catch {
            if error.errno != ECONNREFUSED || MonotonicClock.now > deadline { throw error }
            usleep(2000)
        }
    }
}
