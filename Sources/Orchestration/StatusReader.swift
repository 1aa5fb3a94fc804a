import Core
import Platform
import Snapshots
import Topologies
import Wire

/// How the edges of a topology stand while nothing runs: from the halts that are kept and the databases that are on this machine.
///
/// Connects to nobody, makes nothing, locks nothing; a run that is under way does not notice.
package struct StatusReader {
    private let topology: Topology
    private let state: TopologyState

    package init(_ topology: Topology, _ state: TopologyState) { (self.topology, self.state) = (topology, state) }

    /// Blocks for the disk.
    ///
    /// - Parameter edges: indices into `topology.edges`.
    package func statuses(_ edges: [Int]) -> [EdgeStatus] { edges.map(status) }

    /// The conflicts that stand, from one database of each edge that is on this machine: both ends hold the same ones.
    package func conflicts(_ edges: [Int]) -> [EdgeConflicts] { edges.map(conflicts) }

    private func conflicts(_ index: Int) -> EdgeConflicts {
        var found = EdgeConflicts(edge: topology.identity(of: index))
        let ends = ends(of: topology.edges[index], listsConflicts: true)
        found.isElsewhere = ends.isEmpty
        // Where a run was killed one end may be a commit ahead.
        let known = ends.filter { $0.meta != nil }
        if let end = known.max(by: { $0.meta!.mine + $0.meta!.theirs < $1.meta!.mine + $1.meta!.theirs }) {
            found.conflicts = end.glance.conflicts
        } else {
            for end in ends {
                if case .refused(let fault) = end.glance.state {
                    found.error = fault.error(file: end.file, atPeer: false)
                }
            }
        }
        return found
    }

    private func ends(of edge: Edge, listsConflicts: Bool = false) -> [StatusJudgement.End] {
        [(edge.upstream, true), (edge.downstream, false)].compactMap { peer, isUpstream in
            end(edge, topology.peers[peer], isUpstream, listsConflicts)
        }
    }

    private func status(_ index: Int) -> EdgeStatus {
        let edge = topology.edges[index]
        let sides = [(edge.upstream, true), (edge.downstream, false)]
        let ends = ends(of: edge)
        let far = sides.map { topology.peers[$0.0] }.filter { $0.host != nil }.map(\.name)
        var judgement = StatusJudgement(edge: topology.identity(of: index), ends: ends, notLooked: far)
        do throws(HeadwaterError) {
            judgement.halt = try state.halts.halt(of: edge.session)
        } catch { judgement.haltFault = error }
        judgement.lastRun = state.lastRuns.lastRun(of: edge.session)
        var status = judgement.status
        status.error = status.error?.withCommands(file: topology.file, session: edge.session)
        return status
    }

    private func end(_ edge: Edge, _ peer: Peer, _ isUpstream: Bool, _ listsConflicts: Bool) -> StatusJudgement.End? {
        guard let here = LocalEnd(edge, peer) else { return nil }
        return StatusJudgement.End(
            peer: peer.name, isUpstream: isUpstream, file: here.directory.databaseFile, place: here.place,
            glance: Glance(here.directory, listsConflicts: listsConflicts))
    }
}

/// What halts and databases say about one edge. Pure.
///
///     halt that stands ─► held by a run ─► a database refuses ─► killed ─► how the last run ended ─► never run ─► conflicts ─► in step
struct StatusJudgement {
    /// One end that is on this machine.
    struct End {
        var peer: String
        var isUpstream: Bool
        /// The path of its `snap.db`, for messages.
        var file: String
        /// Canonical, with the subpath; nil where the root is not there.
        var place: String?
        var glance: Glance

        var meta: SnapshotMeta? {
            if case .ok(let meta) = glance.state { return meta }
            return nil
        }
    }

    let edge: EdgeIdentity
    let ends: [End]
    let notLooked: [String]
    var halt: StandingHalt?
    /// Why the halts could not be read.
    var haltFault: HeadwaterError?
    var lastRun: LastRun?

    init(edge: EdgeIdentity, ends: [End], notLooked: [String]) {
        (self.edge, self.ends, self.notLooked) = (edge, ends, notLooked)
    }

    var status: EdgeStatus {
        var status = EdgeStatus(edge: edge, state: .neverRun)
        status.looked = ends.map(\.peer)
        status.notLooked = notLooked
        status.isReleased = halt?.isReleased ?? false
        (status.lastRunAt, status.lastSuccessAt) = (lastRun?.endedAt, lastRun?.succeededAt)
        describe(&status)
        (status.state, status.error) = verdict
        status.owner = owner
        return status
    }

    private var verdict: (EdgeStatus.State, HeadwaterError?) {
        if let haltFault { return (.halted, haltFault) }
        if let halt, !halt.isReleased { return (.halted, halt.error) }
        if owner != nil { return (.running, nil) }
        if let refusal { return (.refused, refusal) }
        let metas = ends.compactMap(\.meta)
        if ends.contains(where: \.glance.hasLog) || metas.contains(where: \.running) || !isLevel {
            return (.interrupted, nil)
        }
        if let failure = lastFailure { return failure }
        if ends.isEmpty { return (lastRun == nil ? .elsewhere : .inStep, nil) }
        if metas.allSatisfy(\.isFresh) { return (.neverRun, nil) }
        return (metas.contains { $0.counts.conflicts > 0 } ? .conflicts : .inStep, nil)
    }

    /// How the last run of the edge ended, where that was not well and nothing was recorded since. What ends here are asked themselves
    /// about (halts, owners) is left to them.
    private var lastFailure: (EdgeStatus.State, HeadwaterError?)? {
        guard let lastRun, !ends.contains(where: { $0.glance.writtenAt ?? .zero > lastRun.endedAt }) else { return nil }
        switch lastRun.exit {
        case .inStep, .halted, .alreadyRunning, .usage: return nil
        case .interrupted, .terminated: return (.interrupted, nil)
        case .conflicts: return (.conflicts, lastRun.error)
        case .problems: return (.problems, lastRun.error)
        case .databaseRefuses: return (.refused, lastRun.error)
        case .unreachable: return (.unreachable, lastRun.error)
        case .edgeFailed: return (.failed, lastRun.error)
        }
    }

    private var owner: String? {
        for end in ends {
            guard case .held(let by) = end.glance.ownership else { continue }
            return by.map { "pid \($0.process) on \($0.host)" } ?? "an unknown process"
        }
        return nil
    }

    private func describe(_ status: inout EdgeStatus) {
        // What one end has recorded the other may lack by a commit.
        guard let meta = ends.compactMap(\.meta).max(by: { max($0.mine, $0.theirs) < max($1.mine, $1.theirs) }) else {
            return
        }
        status.files = UInt64(clamping: meta.counts.files)
        status.directories = UInt64(clamping: meta.counts.directories)
        status.symlinks = UInt64(clamping: meta.counts.symlinks)
        status.conflicts = UInt64(clamping: meta.counts.conflicts)
        if meta.isFresh { return }
        status.commit = UInt64(clamping: max(meta.mine, meta.theirs))
        status.recordedAt = ends.compactMap(\.glance.writtenAt).max()
    }

    /// Whether two ends that are both here have recorded all of each other.
    private var isLevel: Bool {
        guard ends.count == 2, let one = ends[0].meta, let other = ends[1].meta else { return true }
        return one.mine == other.theirs && other.mine == one.theirs
    }

    /// What the next run would refuse with, by the rules that it decides by. An end that is elsewhere is taken for one that fits.
    private var refusal: HeadwaterError? {
        let initiator = edge.mode.isInitiated(atUpstream: true)
        let local = ends.first { $0.isUpstream == initiator }
        let remote = ends.first { $0.isUpstream != initiator }
        guard let terms = terms(local) ?? terms(remote)?.mirrored else {
            return ends.lazy.compactMap { end in
                if case .refused(let fault) = end.glance.state {
                    return fault.error(file: end.file, atPeer: end.isUpstream != initiator)
                }
                return nil
            }.first
        }
        let digest = local?.meta?.filterDigest ?? remote?.meta?.filterDigest ?? Digest(high: 0, low: 0)
        let start = StartUp(
            local: state(local) ?? mirror(remote), remote: state(remote) ?? mirror(local), terms: terms,
            filterDigest: digest)
        if case .refuse(let error) = start.decide(newID: SnapshotID(Digest(high: 0, low: 0))) { return error }
        return nil
    }

    /// What is recorded at an end, with what is declared and found now in its place.
    private func terms(_ end: End?) -> SessionTerms? {
        guard let end, var terms = end.meta?.terms else { return nil }
        (terms.session, terms.mode, terms.isUpstream) = (edge.session, edge.mode, end.isUpstream)
        terms.machineHere = Host.machineID
        terms.placeHere = end.place ?? terms.placeHere
        return terms
    }

    private func state(_ end: End?) -> EndState? { end.map { EndState(snapshot: $0.glance.state, file: $0.file) } }

    /// The other end of one that is here, as it should be.
    private func mirror(_ end: End?) -> EndState {
        guard let end, var meta = end.meta else { return EndState(snapshot: .none, file: "") }
        let wanted = terms(end) ?? meta.terms
        meta.terms = wanted.mirrored
        (meta.mine, meta.theirs) = (meta.theirs, meta.mine)
        return EndState(snapshot: .ok(meta), file: end.file)
    }
}
