import Core
import Platform
import Roots
import SSH
import Sessions
import Snapshots
import Topologies
import Wire

/// Brings edges in step by sessions: the half here in this process, the other in an agent over SSH, or in this process for an edge
/// within this machine. Nothing else differs between the two.
package final class SessionRunner: EdgeRunner {
    private let topology: Topology
    private let edges: [Int]
    private let isReset: Bool
    private let halts: HaltGuard
    private let interruption: Interruption
    private let observe: @Sendable (Event) -> Void
    private let registry = RootRegistry()
    private let cancellation = Cancellation()
    private let hosts: [SSHTarget: AgentHost]
    private let owner = LockOwner.current()
    private let moments = Monitor(Moments())

    /// The moments of a run are numbered by the edges that ended; its start is 0.
    private struct Moments: Sendable {
        var ofEnd: [Int: UInt64] = [:]

        mutating func end(_ edge: Int) { ofEnd[edge] = UInt64(ofEnd.count + 1) }
    }

    /// - Parameters:
    ///   - edges: indices into `topology.edges`; `run` counts in this list.
    ///   - agent: path of the program that far machines are to run.
    package init(
        _ topology: Topology, edges: [Int], isReset: Bool, halts: HaltStore, agent: String, interruption: Interruption,
        observe: @escaping @Sendable (Event) -> Void
    ) {
        self.topology = topology
        self.edges = edges
        self.isReset = isReset
        self.halts = HaltGuard(store: halts) { WallClock.now }
        self.interruption = interruption
        self.observe = observe
        hosts = SessionRunner.hosts(topology, edges, AgentFile(path: agent))
        let (cancellation, hosts) = (cancellation, hosts)
        interruption.onRequest {
            cancellation.request()
            for host in hosts.values { host.stopStarting() }
        }
    }

    package func run(edgeIndex: Int) -> EdgeSummary {
        let edge = edges[edgeIndex]
        let identity = topology.identity(of: edge)
        defer { moments.update { $0.end(edge) } }
        var summary = halts.run(identity) { permits, list in attempt(edge, identity, permits, list) }
        summary.error = summary.error?.withCommands(file: topology.file, session: identity.session)
        return summary
    }

    /// Ends agents and connections. To be called when no edge runs any more.
    package func close() { for host in hosts.values { host.close() } }

    /// Tries again by itself where the link was lost in the middle.
    private func attempt(_ edge: Int, _ identity: EdgeIdentity, _ permits: [Permit], _ list: HaltedPaths)
        -> EdgeSummary
    {
        let begun = MonotonicClock.now
        var retry = Retry()
        var takesOver = false
        while true {
            var stream: (any ByteStream)?
            defer { stream?.close() }
            do throws(HeadwaterError) {
                stream = try open(edge, identity)
                list.clear()
                return try cycle(plan(edge, identity, permits, takesOver: takesOver), stream!, list)
            } catch {
                if !takesOver, SessionRunner.isAbandoned(error) {
                    takesOver = true
                    observe(.detail(edge: identity, "ending the agent that a dead run left behind"))
                    continue
                }
                let elapsed = Double(MonotonicClock.now - begun) / 1e9
                let jitter = Double(Host.randomBytes(1)[0]) / 255
                // Connections have their own tries behind them.
                if stream == nil && error.code != "agent.no-greeting" { return failed(identity, error) }
                guard let delay = retry.delay(after: error, elapsed: elapsed, jitter: jitter),
                    !interruption.wait(seconds: delay)
                else { return failed(identity, error) }
                observe(.detail(edge: identity, "\(error.code): \(error.message); trying again"))
            }
        }
    }

    private func cycle(_ plan: SessionPlan, _ stream: any ByteStream, _ list: HaltedPaths) throws(HeadwaterError)
        -> EdgeSummary
    {
        let identity = plan.request.edge
        let outcome = try EdgeSession.run(
            plan, registry: registry, stream: stream, cancellation: cancellation,
            observer: EdgeObserver(identity, list, observe))
        var summary = EdgeSummary(edge: identity)
        summary.counts = outcome.counts
        summary.bytesSent = outcome.bytesSent
        summary.bytesReceived = outcome.bytesReceived
        summary.exit = outcome.wasCancelled ? interruption.exit ?? .interrupted : outcome.counts.exit
        return summary
    }

    /// The session is opened here; at a far upstream peer only where the downstream one is here.
    private func plan(_ edge: Int, _ identity: EdgeIdentity, _ permits: [Permit], takesOver: Bool) -> SessionPlan {
        let declared = topology.edges[edge]
        let (upstream, downstream) = (end(declared, declared.upstream), end(declared, declared.downstream))
        let hereIsUpstream = topology.peers[declared.upstream].host == nil
        var request = SessionRequest(
            edge: identity, maxDelete: DeleteLimit(declared.maxDelete), owner: owner.text, takesOver: takesOver)
        request.isReset = isReset
        request.released = permits.map { ReleasedHalt(code: $0.code, facts: $0.facts) }
        var plan = SessionPlan(
            request: request, here: hereIsUpstream ? upstream : downstream,
            there: hereIsUpstream ? downstream : upstream, hereIsUpstream: hereIsUpstream)
        let moment = viewSince(edge)
        if hereIsUpstream { plan.here.viewSince = moment } else { plan.there.viewSince = moment }
        return plan
    }

    private func end(_ edge: Edge, _ peer: Int) -> EndRequest {
        let peer = topology.peers[peer]
        return EndRequest(path: peer.path, subpath: edge.subpath, database: peer.database, mount: peer.mount)
    }

    /// Whether a lock is held for an orchestrator that was a process of this host and is dead.
    private static func isAbandoned(_ error: HeadwaterError) -> Bool {
        guard error.exit == .alreadyRunning, let text = error.facts else { return false }
        return LockOwner(parsing: Array(text.utf8))?.isDeadProcessOfThisHost ?? false
    }

    /// How fresh the upstream tree must be seen: since the run's start, or the end of the last edge that wrote it. So all edges of a
    /// root share one scan.
    private func viewSince(_ edge: Int) -> UInt64 {
        let feeders = topology.feeders(of: edge)
        return moments.read { moments in feeders.compactMap { moments.ofEnd[$0] }.max() } ?? 0
    }

    /// The stream to the other half of the session.
    private func open(_ edge: Int, _ identity: EdgeIdentity) throws(HeadwaterError) -> any ByteStream {
        guard let host = SessionRunner.farHost(topology, edge) else { return try openHere() }
        observe(.progress(edge: identity, Progress(phase: .connecting)))
        return try hosts[SSHTarget(host)]!.openSession()
    }

    /// The host of the end that answers; nil where that is this process.
    private static func farHost(_ topology: Topology, _ edge: Int) -> HostReference? {
        let edge = topology.edges[edge]
        return topology.peers[edge.downstream].host ?? topology.peers[edge.upstream].host
    }

    /// The other half on a thread of this process, behind a socket pair. It ends with the stream.
    private func openHere() throws(HeadwaterError) -> any ByteStream {
        do {
            let (mine, other) = try DescriptorStream.pair()
            let registry = registry
            _ = WorkerThread<Void>("responder") { _ = Responder.serve(other, registry: registry) }
            return mine
        } catch {
            throw HeadwaterError(
                "run.no-descriptors", "the system refuses another socket",
                remedy: "raise the limit of open files (ulimit -n, LimitNOFILE=) and run again", isTransient: true,
                cause: error.description)
        }
    }

    private func failed(_ identity: EdgeIdentity, _ error: HeadwaterError) -> EdgeSummary {
        var summary = EdgeSummary(edge: identity)
        if let exit = interruption.exit, error.exit == .unreachable || error.isTransient {
            summary.exit = exit
        } else {
            summary.exit = error.exit
            summary.error = error
        }
        return summary
    }

    private static func hosts(_ topology: Topology, _ edges: [Int], _ agent: AgentFile) -> [SSHTarget: AgentHost] {
        let targets = Set(edges.compactMap { farHost(topology, $0).map(SSHTarget.init) })
        return Dictionary(uniqueKeysWithValues: targets.map { ($0, AgentHost($0, agent: agent)) })
    }
}

/// A session's observer that says which edge it speaks of.
private final class EdgeObserver: SessionObserver {
    private let edge: EdgeIdentity
    private let list: HaltedPaths
    private let observe: @Sendable (Event) -> Void

    init(_ edge: EdgeIdentity, _ list: HaltedPaths, _ observe: @escaping @Sendable (Event) -> Void) {
        self.edge = edge
        self.list = list
        self.observe = observe
    }

    func note(problem: HeadwaterError) { if !list.take(problem) { observe(.problem(edge: edge, problem)) } }
    func note(progress: Progress) { observe(.progress(edge: edge, progress)) }
    func note(detail: String) { observe(.detail(edge: edge, detail)) }
}

extension SSHTarget {
    fileprivate init(_ reference: HostReference) {
        self.init(
            host: reference.host, user: reference.user, port: reference.port.map(Int.init),
            identity: reference.identity, knownHosts: reference.knownHosts, hostKey: reference.hostKey)
    }
}

extension DeleteLimit {
    fileprivate init(_ limit: Topologies.MaxDelete) {
        switch limit {
        case .percent(let percent): self = .percent(percent)
        case .count(let count): self = .count(count)
        }
    }
}

extension CycleCounts {
    /// Of a cycle that came to its end.
    fileprivate var exit: ExitCode { problems > 0 ? .problems : conflicts > 0 ? .conflicts : .inStep }
}
