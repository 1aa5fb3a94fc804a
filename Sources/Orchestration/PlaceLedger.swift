import Core
import Platform
import SSH
import Sessions
import Topologies

/// Where the peers of a run really are, as far as is known: so that two names of one machine, a symlink or a bind mount hide no loop.
///
/// All hosts are asked before any edge begins, at most `patienceSeconds`; who answers later is compared when its first edge does.
final class PlaceLedger: Sendable {
    /// As long as a host may take to be connected to.
    static let patienceSeconds = 10.0

    private struct State: Sendable {
        var places: [Int: PlaceIdentity] = [:]
        /// Hosts that have not answered and not failed yet.
        var open = 0
    }

    private let topology: Topology
    private let state = Monitor(State())
    /// The peers of each host that some edge of the run uses, by index.
    private let peers: [SSHTarget?: [Int]]

    init(_ topology: Topology, edges: [Int]) {
        self.topology = topology
        let used = Set(edges.flatMap { [topology.edges[$0].upstream, topology.edges[$0].downstream] })
        peers = Dictionary(grouping: used.sorted()) { topology.peers[$0].host.map(SSHTarget.init) }
    }

    /// Asks all hosts at once; returns what is wrong with the places that are known then. A run that is to end waits no longer.
    func survey(_ hosts: [SSHTarget: AgentHost], _ interruption: Interruption) -> [Diagnostic] {
        let here = (peers[nil] ?? []).map { ($0, PlaceIdentity(peer: topology.peers[$0].path)) }
        let far = peers.compactMap { target, peers in target.flatMap { hosts[$0] }.map { ($0, peers) } }
        let state = state
        state.update { state in
            for (peer, place) in here { state.places[peer] = place }
            state.open = far.count
        }
        interruption.onRequest { state.update { $0.open = 0 } }
        for (host, peers) in far {
            _ = WorkerThread<Void>("survey") { [self] in
                try? note(host, peers)
                state.update { $0.open -= 1 }
            }
        }
        _ = state.wait(until: MonotonicClock.after(seconds: PlaceLedger.patienceSeconds)) { $0.open <= 0 ? true : nil }
        return faults()
    }

    /// Sees that the host of an edge, which may have answered late or failed before, is known; throws what is wrong with the edge then.
    ///
    /// - Throws: `topology.hidden-fault`; what asking the host throws.
    func require(_ edge: Int, _ hosts: [SSHTarget: AgentHost]) throws(HeadwaterError) {
        let declared = topology.edges[edge]
        let unknown = Set([declared.upstream, declared.downstream].map { topology.peers[$0].host.map(SSHTarget.init) })
            .filter { target in
                target != nil && state.read { state in peers[target]!.contains { state.places[$0] == nil } }
            }
        if unknown.isEmpty { return }
        for target in unknown { try note(hosts[target!]!, peers[target]!) }
        guard let fault = faults().first else { return }
        throw HeadwaterError(
            "topology.hidden-fault", "\(fault.message) [\(fault.rule.id)]",
            remedy: "correct the topology file at line \(fault.line): \(fault.remedy)", exit: .usage)
    }

    private func note(_ host: AgentHost, _ peers: [Int]) throws(HeadwaterError) {
        let places = try host.survey(peers.map { topology.peers[$0].path })
        state.update { state in for (peer, place) in zip(peers, places) { state.places[peer] = place } }
    }

    private func faults() -> [Diagnostic] {
        topology.hiddenFaults(
            state.read { $0.places }.mapValues { RealPlace(machine: "\($0.boot) \($0.device)", path: $0.path) })
    }
}
