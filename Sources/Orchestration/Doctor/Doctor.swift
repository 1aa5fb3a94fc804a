import Core
import Platform
import SSH
import Sessions
import Topologies

/// Looks at every peer at once before anything runs, and says what a run would meet. Changes nothing at any end, but that the agent
/// is brought to hosts that have none.
///
///     gather (one thread per host, and one for here) ──► facts ──► DoctorJudgement (pure) ──► report
package final class Doctor: Sendable {
    /// As long as a doctor waits for the slowest peer.
    package static let secondsMax = 60.0

    private struct State: Sendable {
        var checks: [PeerCheck]
        var places: [Int: PlaceIdentity] = [:]
        /// Hosts that have not answered and not failed yet; this machine counts as one.
        var open: Int
        var isEnding = false
    }

    private let topology: Topology
    private let peers: [SSHTarget?: [Int]]
    private let hosts: [SSHTarget: AgentHost]
    private let ssh: SSHRun
    private let state: Monitor<State>

    /// - Parameters:
    ///   - agent: path of the program that far machines are to run.
    ///   - askPassphrase: asks a person for the passphrase of a private key; nil where nobody is there.
    package init(_ topology: Topology, agent: String, interruption: Interruption, askPassphrase: SSHRun.Ask? = nil) {
        self.topology = topology
        peers = Dictionary(grouping: topology.peers.indices) { topology.peers[$0].host.map(SSHTarget.init) }
        let (file, ssh) = (AgentFile(path: agent), SSHRun(ask: askPassphrase))
        let once = HostConnections.Retry(triesMax: 1)
        hosts = Dictionary(
            uniqueKeysWithValues: peers.keys.compactMap { $0 }.map {
                ($0, AgentHost($0, agent: file, in: ssh, retry: once))
            })
        self.ssh = ssh
        let checks = topology.peers.map { peer in
            PeerCheck(peer: peer.name, place: topology.place(of: peer).description, isHere: peer.host == nil)
        }
        state = Monitor(State(checks: checks, open: peers.count))
        let (hosts, state) = (hosts, state)
        interruption.onRequest {
            ssh.stopStarting()
            for host in hosts.values { host.stopStarting() }
            state.update { $0.isEnding = true }
        }
    }

    /// How many machines there are to ask beside this one.
    package var farHostsCount: Int { hosts.count }

    /// Asks all at once; blocks at most `secondsMax`. To be called once.
    package func run() -> DoctorReport {
        for (target, indices) in peers {
            let thread = WorkerThread<Void>("doctor") { [self] in
                examine(target, indices)
                state.update { $0.open -= 1 }
            }
            // Over this early only if the system refused the thread.
            if thread.isFinished, (try? thread.join()) == nil { examine(target, indices) }
        }
        let deadline = MonotonicClock.after(seconds: Doctor.secondsMax)
        _ = state.wait(until: deadline) { $0.open <= 0 || $0.isEnding ? true : nil }
        let (checks, places) = state.read { ($0.checks, $0.places) }
        let faults = topology.hiddenFaults(
            places.mapValues { RealPlace(machine: "\($0.boot) \($0.device)", path: $0.path) })
        return DoctorJudgement(topology, checks).report(hidden: faults)
    }

    /// Ends agents and connections.
    package func close() {
        for host in hosts.values { host.close() }
        ssh.close()
    }

    private func examine(_ target: SSHTarget?, _ indices: [Int]) {
        let begun = MonotonicClock.now
        do throws(HeadwaterError) {
            for index in indices { try examine(index, target.flatMap { hosts[$0] }, begun) }
            try note(indices, target.flatMap { hosts[$0] })
        } catch {
            let stage = ReachStage(of: error)
            state.update { state in
                for index in indices where state.checks[index].root == nil {
                    state.checks[index].failure = (stage, error)
                }
            }
        }
    }

    private func examine(_ index: Int, _ host: AgentHost?, _ begun: UInt64) throws(HeadwaterError) {
        let request = request(index)
        // Not part of the time that the clock is measured by.
        if let host { _ = try host.survey([]) }
        let sent = WallClock.now
        let (facts, root) =
            try host.map { (host) throws(HeadwaterError) in try host.examine(request) }
            ?? Examination.run(request)
        let received = WallClock.now
        let seconds = Double(MonotonicClock.now - begun) / 1e9
        state.update { state in
            (state.checks[index].host, state.checks[index].root) = (facts, root)
            state.checks[index].seconds = seconds
            if host != nil {
                state.checks[index].clock = ClockOffset(
                    sent: sent, asked: facts.askedAt, answered: facts.answeredAt, received: received)
            }
        }
    }

    /// Where the peers really are.
    private func note(_ indices: [Int], _ host: AgentHost?) throws(HeadwaterError) {
        let paths = indices.map { topology.peers[$0].path }
        let found =
            try host.map { (host) throws(HeadwaterError) in try host.survey(paths) }
            ?? paths.map { PlaceIdentity(peer: $0) }
        state.update { state in for (index, place) in zip(indices, found) { state.places[index] = place } }
    }

    private func request(_ index: Int) -> ExaminationRequest {
        let peer = topology.peers[index]
        return ExaminationRequest(
            path: peer.path, mount: peer.mount, database: peer.database, subpaths: topology.examinedTrees(of: index),
            sessions: topology.examinedSessions(of: index))
    }
}

extension Topology {
    /// Parts of a peer that are looked at one by one; of more, the first.
    static let examinedPartsMax = 256

    /// The sub-directories of a peer that edges use, each once; the empty one is the whole tree.
    func examinedTrees(of peer: Int) -> [String] {
        let used = edges.filter { $0.upstream == peer || $0.downstream == peer }.map { $0.subpath ?? "" }
        return Array(Set(used).sorted().prefix(Topology.examinedPartsMax))
    }

    func examinedSessions(of peer: Int) -> [String] {
        let used = edges.filter { $0.upstream == peer || $0.downstream == peer }.map(\.session)
        return Array(used.prefix(Topology.examinedPartsMax))
    }
}

extension ReachStage {
    /// By what the codes of the area `ssh` begin with; the first that fits.
    private static let stages: [(beginning: String, stage: ReachStage)] = [
        ("name", .name), ("config", .name), ("host-key", .hostKey), ("host", .name), ("known-hosts", .hostKey),
        ("algorithms", .hostKey), ("protocol", .hostKey), ("login", .login), ("no-key", .login), ("key-", .login),
        ("passphrase", .login), ("exec", .agent), ("session-limit", .agent), ("channel", .agent), ("", .port),
    ]

    /// Where on the way to a peer an error belongs.
    init(of error: HeadwaterError) {
        let parts = error.code.split(separator: ".", maxSplits: 1)
        let stage = ReachStage.stages.first { parts.last?.hasPrefix($0.beginning) ?? false }?.stage
        self = parts.first == "ssh" ? stage ?? .port : .agent
    }
}
