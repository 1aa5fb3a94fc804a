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
    /// Reasons of a halt that go when the root is back.
    private static let clearingByThemselves: Set<String> = ["halt.missing", "halt.unmounted", "halt.unreadable"]

    private let topology: Topology
    private let edges: [Int]
    private let isReset: Bool
    private let halts: HaltGuard
    private let interruption: Interruption
    private let observe: @Sendable (Event) -> Void
    private let registry = RootRegistry()
    private let cancellation = Cancellation()
    private let ssh: SSHRun
    private let hosts: [SSHTarget: AgentHost]
    private let owner = LockOwner.current()
    private let begun = MonotonicClock.now
    /// When each edge ended.
    private let ended = Monitor<[Int: UInt64]>([:])

    /// - Parameters:
    ///   - edges: indices into `topology.edges`; `run` counts in this list.
    ///   - agent: path of the program that far machines are to run.
    ///   - askPassphrase: asks a person for the passphrase of a private key; nil where nobody is there.
    package init(
        _ topology: Topology, edges: [Int], isReset: Bool, halts: HaltStore, agent: String, interruption: Interruption,
        askPassphrase: SSHRun.Ask? = nil, observe: @escaping @Sendable (Event) -> Void
    ) {
        self.topology = topology
        self.edges = edges
        self.isReset = isReset
        self.halts = HaltGuard(store: halts, clearingByThemselves: SessionRunner.clearingByThemselves) { WallClock.now }
        self.interruption = interruption
        self.observe = observe
        ssh = SSHRun(
            ask: askPassphrase, note: { observe(.detail(edge: nil, $0)) }, warn: { observe(.warning(edge: nil, $0)) })
        hosts = SessionRunner.hosts(topology, edges, AgentFile(path: agent), ssh)
        let (cancellation, hosts, ssh) = (cancellation, hosts, ssh)
        interruption.onRequest {
            cancellation.request()
            ssh.stopAsking()
            for host in hosts.values { host.stopStarting() }
        }
    }

    package func run(edgeIndex: Int) -> EdgeSummary {
        let edge = edges[edgeIndex]
        let identity = topology.identity(of: edge)
        defer { ended.update { $0[edge] = MonotonicClock.now } }
        var summary = halts.run(identity) { permits in attempt(edge, identity, permits) }
        if summary.exit == .halted, let error = summary.error { summary.error = named(error, identity) }
        return summary
    }

    /// Ends agents and connections. To be called when no edge runs any more.
    package func close() {
        for host in hosts.values { host.close() }
        ssh.close()
    }

    /// Tries again by itself where the link was lost in the middle.
    private func attempt(_ edge: Int, _ identity: EdgeIdentity, _ permits: [Permit]) -> EdgeSummary {
        let begun = MonotonicClock.now
        var retry = Retry()
        var takesOver = false
        while true {
            var stream: (any ByteStream)?
            defer { stream?.close() }
            do throws(HeadwaterError) {
                stream = try open(edge, identity)
                return try cycle(edge, identity, permits, stream!, takesOver: takesOver)
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

    private func cycle(
        _ edge: Int, _ identity: EdgeIdentity, _ permits: [Permit], _ stream: any ByteStream, takesOver: Bool
    ) throws(HeadwaterError) -> EdgeSummary {
        let (here, there) = (
            topology.peers[topology.edges[edge].upstream], topology.peers[topology.edges[edge].downstream]
        )
        let plan = SessionPlan(
            edge: identity, here: EndPlace(path: here.path, mount: here.mount),
            there: EndPlace(path: there.path, mount: there.mount), hereIsSource: true,
            maxDelete: DeleteLimit(topology.edges[edge].maxDelete), isReset: isReset,
            released: permits.map { ReleasedHalt(code: $0.code, facts: $0.facts) }, owner: owner,
            takesOver: takesOver, viewSince: viewSince(edge))
        let outcome = try EdgeSession.run(
            plan, registry: registry, stream: stream, cancellation: cancellation,
            observer: EdgeObserver(identity, observe))
        var summary = EdgeSummary(edge: identity)
        summary.counts = outcome.counts
        summary.bytesSent = outcome.bytesSent
        summary.bytesReceived = outcome.bytesReceived
        summary.exit = outcome.wasCancelled ? interruption.exit ?? .interrupted : outcome.counts.exit
        return summary
    }

    /// Whether a lock is held for an orchestrator that was a process of this host and is dead.
    private static func isAbandoned(_ error: HeadwaterError) -> Bool {
        guard error.exit == .alreadyRunning, let text = error.facts else { return false }
        return LockOwner(parsing: Array(text.utf8))?.isDeadProcessOfThisHost ?? false
    }

    /// The run's start, or the end of the last edge that wrote this one's upstream: so all edges of a root share one scan.
    private func viewSince(_ edge: Int) -> UInt64 {
        let feeders = topology.feeders(of: edge)
        return ended.read { ended in feeders.compactMap { ended[$0] }.max() } ?? begun
    }

    /// The stream to the other half of the session.
    private func open(_ edge: Int, _ identity: EdgeIdentity) throws(HeadwaterError) -> any ByteStream {
        guard let host = topology.peers[topology.edges[edge].downstream].host else { return try openHere() }
        observe(.progress(edge: identity, Progress(phase: .connecting)))
        return try hosts[SSHTarget(host)]!.openSession()
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

    /// The error with the words to type in the place of FILE and SESSION.
    private func named(_ error: HeadwaterError, _ identity: EdgeIdentity) -> HeadwaterError {
        var error = error
        error.remedy = error.remedy.replacing(
            "FILE --edge SESSION", with: "\(Printable.text(topology.file)) --edge \(identity.session)")
        return error
    }

    private static func hosts(_ topology: Topology, _ edges: [Int], _ agent: AgentFile, _ ssh: SSHRun)
        -> [SSHTarget: AgentHost]
    {
        let targets = Set(edges.compactMap { topology.peers[topology.edges[$0].downstream].host.map(SSHTarget.init) })
        return Dictionary(uniqueKeysWithValues: targets.map { ($0, AgentHost($0, agent: agent, in: ssh)) })
    }
}

/// A session's observer that says which edge it speaks of.
private final class EdgeObserver: SessionObserver {
    private let edge: EdgeIdentity
    private let observe: @Sendable (Event) -> Void

    init(_ edge: EdgeIdentity, _ observe: @escaping @Sendable (Event) -> Void) {
        self.edge = edge
        self.observe = observe
    }

    func note(problem: HeadwaterError) { observe(.problem(edge: edge, problem)) }
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
