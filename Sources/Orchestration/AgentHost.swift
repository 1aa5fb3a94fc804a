import Core
import Platform
import SSH
import Sessions

/// One far machine, as one user: its connections, and the one agent there that all its sessions attach to.
///
///     idle ──► starting ──► serving ──► idle (the agent is gone: the next session starts another)
///                  └──► failed(error): nobody tries again in this run         any ──► closed
final class AgentHost: Sendable {
    fileprivate struct Serving: Sendable {
        let connections: HostConnections
        let channel: Channel
        let control: AgentControl
        /// What this agent process and the channels that attach to it find each other by.
        let token: String
    }

    private enum Phase: Sendable {
        case idle
        case starting(HostConnections?)
        case serving(Serving)
        case failed(HeadwaterError)
        case closed
    }

    private let target: SSHTarget
    private let agent: AgentFile
    private let ssh: SSHRun
    private let retry: HostConnections.Retry
    private let phase = Monitor(Phase.idle)

    /// Connects at the first `openSession`, not here.
    init(
        _ target: SSHTarget, agent: AgentFile, in ssh: SSHRun, retry: HostConnections.Retry = HostConnections.Retry()
    ) {
        self.target = target
        self.retry = retry
        self.agent = agent
        self.ssh = ssh
    }

    /// A stream to a session's other half in the agent, which the caller closes. The first caller connects, deploys and starts; the
    /// others wait for that.
    ///
    /// - Parameter name: lends the stream to the agent under this name, for a session that it is ordered to open.
    /// - Throws: what connecting and deploying throw, after the tries of `HostConnections`; `run.ending` after `close`.
    func openSession(lentAs name: String? = nil) throws(HeadwaterError) -> Channel {
        let serving = try serving()
        let arguments = ["attach", serving.token] + (name.map { [$0] } ?? [])
        return try channel(arguments, AgentGreeting.attached(serving.token), serving.connections)
    }

    /// Where the directories at `paths` really are on that host, and nil for what cannot be found there; starts the agent if need be.
    func survey(_ paths: [String]) throws(HeadwaterError) -> [PlaceIdentity?] { try serving().control.survey(paths) }

    /// What a peer's directory on that host is like, and the host; starts the agent if need be.
    func examine(_ request: ExaminationRequest) throws(HeadwaterError) -> (HostFacts, RootFacts) {
        try serving().control.examine(request)
    }

    /// Renames one end of a session on that host; starts the agent if need be.
    func rename(_ request: RenameRequest) throws(HeadwaterError) -> RenameReply {
        try serving().control.rename(request)
    }

    /// Ends the agent and all connections, also those that are being made. Does not wait.
    func close() {
        let before = phase.update { phase in
            defer { phase = .closed }
            return phase
        }
        switch before {
        case .serving(let serving): serving.end()
        case .starting(let connections): connections?.close()
        case .idle, .failed, .closed: break
        }
    }

    /// Gives up connecting and starting; sessions that run already are left to end by themselves.
    func stopStarting() {
        let begun = phase.update { phase -> HostConnections? in
            switch phase {
            case .starting(let connections):
                phase = .closed
                return connections
            case .idle: phase = .closed
            case .serving, .failed, .closed: break
            }
            return nil
        }
        begun?.close()
    }

    private func serving() throws(HeadwaterError) -> Serving {
        var dead: Serving?
        let running = try phase.wait { (phase) throws(HeadwaterError) -> Serving?? in
            switch phase {
            case .starting: return nil
            case .failed(let error): throw error
            case .closed: throw AgentHost.ending
            case .serving(let serving) where serving.isAlive: return .some(serving)
            case .serving(let gone):
                dead = gone
                phase = .starting(nil)
                return .some(nil)
            case .idle:
                phase = .starting(nil)
                return .some(nil)
            }
        }
        if let running { return running }
        dead?.end()
        do throws(HeadwaterError) {
            return try start()
        } catch {
            phase.update { if case .starting = $0 { $0 = .failed(error) } }
            throw error
        }
    }

    private func start() throws(HeadwaterError) -> Serving {
        let connections = HostConnections(try SSHSettings.resolve(target), in: ssh, retry: retry)
        try advance(to: .starting(connections), else: { connections.close() })
        // New for every agent process: two hosts may be one machine, and an agent whose link was lost may not be gone yet.
        let token = AgentGreeting.newToken()
        let channel = try channel(["serve", token], AgentGreeting.serving(token), connections)
        let serving = Serving(connections: connections, channel: channel, control: AgentControl(channel), token: token)
        try advance(to: .serving(serving), else: serving.end)
        return serving
    }

    private func advance(to next: Phase, else undo: () -> Void) throws(HeadwaterError) {
        let isWanted = phase.update { phase -> Bool in
            guard case .starting = phase else { return false }
            phase = next
            return true
        }
        if isWanted { return }
        undo()
        throw AgentHost.ending
    }

    /// A channel that runs the agent with `arguments`, read up to and with its greeting.
    private func channel(_ arguments: [String], _ greeting: String, _ connections: HostConnections)
        throws(HeadwaterError) -> Channel
    {
        let channel = try AgentDeployment.start(try agent.binary(), arguments: arguments, on: connections)
        do throws(HeadwaterError) {
            try AgentGreeting.find(greeting, on: channel)
            return channel
        } catch {
            var said = error
            if !channel.stderrTail.isEmpty { said.cause = Printable.text(channel.stderrTail) }
            channel.close()
            throw said
        }
    }

    private static var ending: HeadwaterError {
        HeadwaterError("run.ending", "the run is ending", remedy: "run again to go on from here", exit: .unreachable)
    }
}

extension AgentHost.Serving {
    fileprivate var isAlive: Bool { !channel.isOver && channel.exitStatus == nil }

    fileprivate func end() {
        control.end()
        connections.close()
    }
}
