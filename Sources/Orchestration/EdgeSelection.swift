import Core
import Topologies

/// Which edges `--edge` means.
package enum EdgeSelection {
    /// Edges that an error lists before it refers to the picture.
    private static let listedMax = 20

    /// Indices into `topology.edges`, in its order; all of them where `names` is empty.
    ///
    /// - Parameter names: session names, or `FROM:TO`, which means every edge between the two.
    /// - Throws: `edge.unknown`, with what there is.
    package static func indices(_ names: [String], in topology: Topology) throws(HeadwaterError) -> [Int] {
        if names.isEmpty { return Array(topology.edges.indices) }
        var chosen = Set<Int>()
        for name in names {
            let matching = topology.edges.indices.filter { matches(name, $0, topology) }
            if matching.isEmpty { throw unknown(name, topology) }
            chosen.formUnion(matching)
        }
        return chosen.sorted()
    }

    private static func matches(_ name: String, _ edge: Int, _ topology: Topology) -> Bool {
        topology.edges[edge].session == name || path(edge, topology) == name
    }

    private static func path(_ edge: Int, _ topology: Topology) -> String {
        let identity = topology.identity(of: edge)
        return identity.upstream + ":" + identity.downstream
    }

    private static func unknown(_ name: String, _ topology: Topology) -> HeadwaterError {
        let listed = topology.edges.indices.prefix(listedMax).map {
            "\(path($0, topology)) (\(topology.edges[$0].session))"
        }
        let more = topology.edges.count - listed.count
        let rest = more > 0 ? " and \(more) more, which `headwater graph` shows" : ""
        return HeadwaterError(
            "edge.unknown", "there is no edge `\(name)` in \(topology.file)",
            remedy: "choose from " + listed.joined(separator: ", ") + rest, exit: .usage)
    }
}

extension Topology {
    /// For each of `edges` (indices, ascending) the positions in that list of those that feed it. What is not in the list feeds nothing.
    package func feeders(among edges: [Int]) -> [[Int]] {
        var positions: [Int: Int] = [:]
        for (position, edge) in edges.enumerated() { positions[edge] = position }
        return edges.map { feeders(of: $0).compactMap { positions[$0] } }
    }
}
