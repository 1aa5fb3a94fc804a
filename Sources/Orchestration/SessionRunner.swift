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
    private let isVerifying: Bool
    private let halts: HaltGuard
    /// What was decided for conflicts, by session.
    private let resolutions: [String: [Resolution]]
    /// Nil unless nothing is to be done, only planned.
    private let gathering: PlanGathering?
    /// What a plan that is carried out permits, by session; nil where there is none.
    private let permits: [String: [ForeseenStep]]?
    private let interruption: Interruption
    private let observe: @Sendable (Event) -> Void
    private let registry = RootRegistry()
    private let cancellation = Cancellation()
    private let ssh: SSHRun
    /// Of each edge that runs.
    private let routes: [Int: Route]
    private let hosts: [SSHTarget: AgentHost]
    /// The trees that some edge of this run reads.
    private let rootsRead: Set<RootName>
    /// In a plan, for each edge those of this run that read what it writes.
    private let readers: [Int: [Int]]
    private let owner = LockOwner.current()
    private let moments = Monitor(Moments())
    private let ledger: PlaceLedger

    /// The moments of a run are numbered by the edges that ended; its start is 0.
    private struct Moments: Sendable {
        var ofEnd: [Int: UInt64] = [:]
        private var last: UInt64 = 0

        mutating func end(_ edge: Int) {
            last += 1
            ofEnd[edge] = last
        }
    }

    /// - Parameters:
    ///   - edges: indices into `topology.edges`; `run` counts in this list.
    ///   - plan: gathers what a run would do, and none is made.
    ///   - permits: of a plan that is carried out, by session: nothing else is done.
    ///   - agent: path of the program that far machines are to run.
    ///   - askPassphrase: asks a person for the passphrase of a private key; nil where nobody is there.
    package init(
        _ topology: Topology, edges: [Int], isReset: Bool, isVerifying: Bool = false, halts: HaltStore,
        resolutions: [String: [Resolution]] = [:], plan: PlanGathering? = nil, permits: [String: [ForeseenStep]]? = nil,
        agent: String, interruption: Interruption,
        askPassphrase: SSHRun.Ask? = nil, observe: @escaping @Sendable (Event) -> Void
    ) {
        self.topology = topology
        self.edges = edges
        (self.isReset, self.isVerifying) = (isReset, isVerifying)
        self.halts = HaltGuard(store: halts, isPlan: plan != nil) { WallClock.now }
        (gathering, self.permits) = (plan, permits)
        self.interruption = interruption
        self.resolutions = resolutions
        self.observe = observe
        ssh = SSHRun(
            ask: askPassphrase, note: { observe(.detail(edge: nil, $0)) }, warn: { observe(.warning(edge: nil, $0)) })
        routes = Dictionary(uniqueKeysWithValues: edges.map { ($0, Route(topology, $0)) })
        ledger = PlaceLedger(topology, edges: edges)
        readers = plan == nil ? [:] : SessionRunner.readers(topology, edges)
        rootsRead = Set(edges.map { RootName(topology, read: $0) })
        let file = AgentFile(path: agent)
        let targets = Set(routes.values.flatMap(\.hosts))
        let ssh = ssh
        hosts = Dictionary(uniqueKeysWithValues: targets.map { ($0, AgentHost($0, agent: file, in: ssh)) })
        let (cancellation, hosts) = (cancellation, hosts)
        interruption.onRequest {
            cancellation.request()
            ssh.stopStarting()
            for host in hosts.values { host.stopStarting() }
        }
    }

    /// Asks all hosts where their peers really are; returns the loops and clashes that names, links and mounts hide.
    ///
    /// Blocks until all have answered or failed, at most ten seconds: who answers later is compared when its first edge begins.
    package func survey() -> [Diagnostic] { ledger.survey(hosts, interruption) }

    package func run(edgeIndex: Int) -> EdgeSummary {
        let edge = edges[edgeIndex]
        let identity = topology.identity(of: edge)
        defer {
            moments.update { $0.end(edge) }
            gathering?.end(identity)
        }
        var summary = halts.run(identity) { permits, list in
            defer { gathering?.note(identity, heldBack: list.paths) }
            return attempt(edge, identity, permits, list)
        }
        summary.error = summary.error?.withCommands(file: topology.file, session: identity.session)
        if let peer = summary.error?.peer { summary.error?.peer = described(peer) }
        return summary
    }

    /// `eu (deploy@eu.example.com)`.
    private func described(_ peer: String) -> String {
        guard let host = topology.peers.first(where: { $0.name == peer })?.host else { return peer }
        return "\(peer) (\(host.user.map { $0 + "@" } ?? "")\(host.host))"
    }

    /// Ends agents and connections. To be called when no edge runs any more.
    package func close() {
        for host in hosts.values { host.close() }
        ssh.close()
    }

    /// Tries again by itself where the link was lost in the middle.
    private func attempt(_ edge: Int, _ identity: EdgeIdentity, _ permits: [Permit], _ list: HaltedPaths)
        -> EdgeSummary
    {
        let begun = MonotonicClock.now
        var retry = Retry()
        var takesOver = false
        // What earlier tries of this run have moved: it stays.
        var moved = CycleCounts()
        while true {
            var streams: SessionStreams?
            defer { streams?.close() }
            let observer = EdgeObserver(identity, list, gathering, observe)
            gathering?.begin(identity)
            do throws(HeadwaterError) {
                streams = try open(edge, identity)
                try ledger.require(edge, hosts)
                list.clear()
                var summary = try cycle(plan(edge, identity, permits, takesOver: takesOver), streams!, observer)
                if retry.hasTried { moved.add(moved: observer.recovered) }
                summary.counts.add(moved: moved)
                return summary
            } catch {
                if retry.hasTried { moved.add(moved: observer.recovered) }
                moved.add(moved: observer.moved)
                if !takesOver, SessionRunner.isAbandoned(error) {
                    takesOver = true
                    observe(.detail(edge: identity, "ending the agent that a dead run left behind"))
                    continue
                }
                let elapsed = Double(MonotonicClock.now - begun) / 1e9
                let jitter = Double(Host.randomBytes(1)[0]) / 255
                // Connections have their own tries behind them.
                if streams == nil && error.code != "agent.no-greeting" { return failed(identity, error, moved) }
                guard let delay = retry.delay(after: error, elapsed: elapsed, jitter: jitter),
                    !interruption.wait(seconds: delay)
                else { return failed(identity, error, moved) }
                observe(.detail(edge: identity, "\(error.code): \(error.message); trying again"))
            }
        }
    }

    private func cycle(_ plan: SessionPlan, _ streams: SessionStreams, _ observer: EdgeObserver)
        throws(HeadwaterError) -> EdgeSummary
    {
        let identity = plan.request.edge
        let outcome = try run(plan, streams, observer)
        gathering?.note(identity, position: outcome.position)
        var summary = EdgeSummary(edge: identity)
        summary.counts = outcome.counts
        summary.bytesSent = outcome.bytesSent
        summary.bytesReceived = outcome.bytesReceived
        summary.exit = outcome.wasCancelled ? interruption.exit ?? .interrupted : outcome.counts.exit
        return summary
    }

    private func run(_ plan: SessionPlan, _ streams: SessionStreams, _ observer: EdgeObserver) throws(HeadwaterError)
        -> SessionOutcome
    {
        let permits = permits?[plan.request.edge.session] ?? []
        if let control = streams.control {
            return try OrderedSession.run(
                plan, permits: permits, over: streams.lentName, control: control, cancellation: cancellation,
                observer: observer)
        }
        return try EdgeSession.run(
            plan, permits: permits, registry: registry, stream: streams.data!, lent: streams.files,
            cancellation: cancellation, observer: observer)
    }

    private func plan(_ edge: Int, _ identity: EdgeIdentity, _ permits: [Permit], takesOver: Bool) -> SessionPlan {
        let declared = topology.edges[edge]
        var upstream = end(declared, declared.upstream)
        upstream.viewSince = viewSince(edge, RootName(topology, read: edge))
        var downstream = end(declared, declared.downstream)
        if declared.mode == .bidi { downstream.viewSince = viewSince(edge, RootName(topology, written: edge)) }
        downstream.isReadLater = rootsRead.contains(RootName(topology, written: edge)) || readers[edge] != nil
        let request = SessionRequest(
            edge: identity, maxDelete: DeleteLimit(declared.maxDelete), policy: declared.policy,
            purpose: purpose(edge, identity), isReset: isReset, isVerifying: isVerifying,
            released: permits.map { ReleasedHalt(code: $0.code, facts: $0.facts) }, filter: declared.filter.rules,
            resolutions: resolutions[identity.session] ?? [], owner: owner.text, takesOver: takesOver)
        let isUpstream = routes[edge]!.openerIsUpstream
        return SessionPlan(
            request: request, here: isUpstream ? upstream : downstream, there: isUpstream ? downstream : upstream,
            hereIsUpstream: isUpstream)
    }

    private static func readers(_ topology: Topology, _ edges: [Int]) -> [Int: [Int]] {
        var readers: [Int: [Int]] = [:]
        for edge in edges { for feeder in topology.feeders(of: edge) { readers[feeder, default: []].append(edge) } }
        return readers
    }

    /// Where both sides of a path may be new, what it is decides: then all that is foreseen has to be read.
    private func purpose(_ edge: Int, _ identity: EdgeIdentity) -> SessionPurpose {
        if let permits { return .carryOut(stepsCount: permits[identity.session]?.count ?? 0) }
        if gathering == nil { return .run }
        return .plan(readsContent: (readers[edge] ?? []).contains { topology.edges[$0].mode == .bidi })
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

    /// How fresh a tree that this edge reads must be seen: since the run's start, or the end of the last edge that wrote it by another root.
    ///
    /// What was written through the same root is folded into its scan: so all edges of a root share one.
    private func viewSince(_ edge: Int, _ root: RootName) -> UInt64 {
        // Nothing is written in a plan.
        if gathering != nil { return 0 }
        let strangers = topology.feeders(of: edge).filter { feeder in
            let isBidi = topology.edges[feeder].mode == .bidi
            return RootName(topology, written: feeder) != root
                && !(isBidi && RootName(topology, read: feeder) == root)
        }
        return moments.read { moments in strangers.compactMap { moments.ofEnd[$0] }.max() } ?? 0
    }

    private func open(_ edge: Int, _ identity: EdgeIdentity) throws(HeadwaterError) -> SessionStreams {
        let route = routes[edge]!
        if route != .here { observe(.progress(edge: identity, Progress(phase: .connecting))) }
        return try SessionStreams(route, registry, hosts: hosts)
    }

    private func failed(_ identity: EdgeIdentity, _ error: HeadwaterError, _ moved: CycleCounts) -> EdgeSummary {
        var summary = EdgeSummary(edge: identity)
        summary.counts = moved
        if let exit = interruption.exit, error.exit == .unreachable || error.isTransient {
            summary.exit = exit
        } else {
            summary.exit = error.exit
            summary.error = error
        }
        return summary
    }
}

/// A session's observer that says which edge it speaks of.
private final class EdgeObserver: SessionObserver {
    private let edge: EdgeIdentity
    private let list: HaltedPaths
    private let gathering: PlanGathering?
    private let observe: @Sendable (Event) -> Void
    private let counts = Monitor((moved: CycleCounts(), recovered: CycleCounts()))

    init(
        _ edge: EdgeIdentity, _ list: HaltedPaths, _ gathering: PlanGathering?,
        _ observe: @escaping @Sendable (Event) -> Void
    ) {
        self.edge = edge
        self.gathering = gathering
        self.list = list
        self.observe = observe
    }

    var moved: CycleCounts { counts.read { $0.moved } }
    var recovered: CycleCounts { counts.read { $0.recovered } }

    func note(moved: CycleCounts) { counts.update { $0.moved = moved } }
    func note(recovered: CycleCounts) { counts.update { $0.recovered = recovered } }

    func note(problem: HeadwaterError) {
        if list.take(problem) { return }
        gathering?.note(edge, problem)
        observe(.problem(edge: edge, problem))
    }
    func note(planned steps: [ForeseenStep], recorded: UInt64) { gathering?.note(edge, steps, recorded: recorded) }
    func note(progress: Progress) { observe(.progress(edge: edge, progress)) }
    func note(detail: String) { observe(.detail(edge: edge, detail)) }
}

extension DeleteLimit {
    init(_ limit: Topologies.MaxDelete) {
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
