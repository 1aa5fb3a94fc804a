import Core
import Snapshots
import Topologies

/// What the edges of a topology do with one path, and what the databases on this machine know of it. Connects to nobody and leaves no trace.
package enum PathExplainer {
    /// Blocks for the disk.
    ///
    /// - Parameter shown: from the peer's directory, or absolute there, as paths are shown.
    /// - Throws: `explain.unknown` for a peer or a path that cannot be meant.
    package static func explain(_ shown: String, at name: String, in topology: Topology) throws(HeadwaterError)
        -> PathExplanation
    {
        guard let peer = topology.peers.firstIndex(where: { $0.name == name }) else {
            let names = topology.peers.prefix(20).map(\.name).joined(separator: ", ")
            throw unknown("there is no peer `\(name.prefix(64))` in \(topology.file)", "choose from \(names)")
        }
        let place = topology.place(of: topology.peers[peer])
        guard let path = topology.path(shown, at: peer) else {
            throw unknown(
                "\(Printable.text(shown)) cannot be a path of \(name)", "give it from \(place.path), as it is shown")
        }
        let uses = topology.uses(of: path, at: peer).map { index, use in
            var use = use
            if case .taken(let inside) = use.verdict { use.records = records(inside, topology, index) }
            return use
        }
        return PathExplanation(peer: name, place: place.description, path: path, edges: uses)
    }

    private static func records(_ path: TreePath, _ topology: Topology, _ index: Int) -> [EdgeUse.Record] {
        let edge = topology.edges[index]
        return [edge.upstream, edge.downstream].compactMap { peer in
            let peer = topology.peers[peer]
            return LocalEnd(edge, peer).map { end in
                EdgeUse.Record(peer: peer.name, answer: answer(path, end, topology, edge.session))
            }
        }
    }

    private static func answer(_ path: TreePath, _ end: LocalEnd, _ topology: Topology, _ session: String)
        -> EdgeUse.Record.Answer
    {
        var answer = EdgeUse.Record.Answer.unknown
        do throws(HeadwaterError) {
            let isThere = try SnapshotMoment.read(end.directory) { moment in
                answer = try moment.row(at: path).map { .known(SnapshotPath($0)) } ?? .unknown
            }
            return isThere ? answer : .none
        } catch { return .refused(error.withCommands(file: topology.file, session: session)) }
    }

    private static func unknown(_ message: String, _ remedy: String) -> HeadwaterError {
        HeadwaterError("explain.unknown", message, remedy: remedy, exit: .usage)
    }
}
