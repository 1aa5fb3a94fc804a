import Core
import SSH
import Sessions
import Snapshots
import Topologies
import Wire

/// Gives a session another name at both of its ends, through the agents of those that are far.
///
///     look at both ends (nothing changes) ──► judge ──► rename those that are not done, far ends first
package final class SessionRenaming {
    /// What became of one end.
    package struct End: Sendable {
        package var peer: String
        package var before: RenameReply.Standing
    }

    private let topology: Topology
    private let ssh: SSHRun
    private let hosts: [SSHTarget: AgentHost]
    private let edge: Edge
    private let identity: EdgeIdentity
    private let old: String
    private let new: String

    /// Whether the topology still calls the edge by its old name.
    package var isOldInFile: Bool { edge.session == old }

    /// - Parameters:
    ///   - agent: path of the program that far machines are to run.
    ///   - askPassphrase: asks a person for the passphrase of a private key; nil where nobody is there.
    /// - Throws: `edge.unknown` where the topology has neither name, `snapshot.name-taken` where it has both.
    package init(
        _ topology: Topology, from old: String, to new: String, agent: String, interruption: Interruption,
        askPassphrase: SSHRun.Ask? = nil
    ) throws(HeadwaterError) {
        (self.topology, self.old, self.new) = (topology, old, new)
        let named = [old, new].map { name in topology.edges.firstIndex { $0.session == name } }
        if named[0] != nil && named[1] != nil {
            throw HeadwaterError(
                "snapshot.name-taken", "\(topology.file) has an edge of either name, \(old) and \(new)",
                remedy: "choose a name that no edge has", exit: .usage)
        }
        guard let index = named[1] ?? named[0] else {
            _ = try EdgeSelection.indices([new], in: topology)
            preconditionFailure("an edge that is unknown was found")
        }
        (edge, identity) = (topology.edges[index], topology.identity(of: index))
        ssh = SSHRun(ask: askPassphrase)
        let file = AgentFile(path: agent)
        let edge = edge
        let targets = Set([edge.upstream, edge.downstream].compactMap { topology.peers[$0].host.map(SSHTarget.init) })
        let ssh = ssh
        hosts = Dictionary(uniqueKeysWithValues: targets.map { ($0, AgentHost($0, agent: file, in: ssh)) })
        let hosts = hosts
        interruption.onRequest {
            ssh.stopStarting()
            for host in hosts.values { host.stopStarting() }
        }
    }

    /// Renames both ends; may be repeated after it was ended at any moment. Blocks.
    ///
    /// - Throws: before anything is changed: what connecting throws, `session.already-running`, the refusal of a database,
    ///   `snapshot.unknown`, `snapshot.name-taken`. Later: what a disk or a link does.
    package func run() throws(HeadwaterError) -> [End] {
        var replies: [RenameReply] = []
        for peer in [edge.upstream, edge.downstream] { replies.append(try ask(peer, isTrial: true)) }
        try judge(upstream: replies[0], downstream: replies[1])
        let ends = zip([edge.upstream, edge.downstream], replies).map { peer, reply in (peer: peer, reply: reply) }
        // What is further away fails more often: then the end that is here is still as it was.
        for end in ends.sorted(by: { isFar($0.peer) && !isFar($1.peer) }) where end.reply.standing != .done {
            _ = try ask(end.peer, isTrial: false)
        }
        return ends.map { End(peer: topology.peers[$0.peer].name, before: $0.reply.standing) }
    }

    /// Ends agents and connections.
    package func close() {
        for host in hosts.values { host.close() }
        ssh.close()
    }

    private func isFar(_ peer: Int) -> Bool { topology.peers[peer].host != nil }

    private func ask(_ peer: Int, isTrial: Bool) throws(HeadwaterError) -> RenameReply {
        let declared = topology.peers[peer]
        let request = RenameRequest(
            path: declared.path, database: declared.database, old: old, new: new, isTrial: isTrial,
            owner: LockOwner.current().text)
        do throws(HeadwaterError) {
            guard let target = declared.host.map(SSHTarget.init) else { return try Renaming.run(request) }
            return try hosts[target]!.rename(request)
        } catch { throw placed(error, at: declared.name) }
    }

    /// Only one session that is whole is renamed.
    private func judge(upstream: RenameReply, downstream: RenameReply) throws(HeadwaterError) {
        let isUpstreamLocal = edge.mode.isInitiated(atUpstream: true)
        let (local, remote) = isUpstreamLocal ? (upstream, downstream) : (downstream, upstream)
        switch (local.id, remote.id) {
        case (nil, nil):
            throw placed(
                HeadwaterError(
                    "snapshot.unknown", "neither \(old) nor \(new) has a database at the two ends of that edge",
                    remedy: "see what there is: headwater snapshot list \(ShellWord.quoted(topology.file))",
                    exit: .usage),
                at: nil)
        case (nil, _?): throw placed(StartRefusal.missing(.local, file: local.file), at: nil)
        case (_?, nil): throw placed(StartRefusal.missing(.remote, file: remote.file), at: nil)
        case (let one?, let other?) where one != other:
            throw placed(StartRefusal.otherSession(local.file, remote.file), at: nil)
        default: return
        }
    }

    private func placed(_ error: HeadwaterError, at peer: String?) -> HeadwaterError {
        var placed = error.withCommands(file: topology.file, session: new)
        placed.edge = placed.edge ?? identity.label
        placed.peer = placed.peer ?? peer
        return placed
    }
}
