import Core
import Topologies

/// In which order the edges of a run go. A value, made from the topology alone.
///
/// An edge is one *turn*. In a group of peers joined by bidi edges it is two: the group is a tree, and a run goes from its leaves to its
/// root, then back, so that what was new at any of them is at all of them in the end. The second turn is taken only when something has
/// arrived since the first one.
package struct RunOrder: Sendable {
    /// For each turn the position of its edge.
    package private(set) var edges: [Int]
    /// For each turn the turns that must have gone well before it.
    package private(set) var feeders: [[Int]]
    /// For each turn the turns that must be over before it, however they went.
    package private(set) var awaited: [[Int]]
    /// For each second turn the edges whose arrivals make it worth while; nil for first turns.
    package private(set) var worthAfter: [[Int]?]
    /// For each edge its second turn.
    package private(set) var secondTurn: [Int: Int] = [:]

    /// Edges that each go once, in the order of what feeds them.
    package init(feeders: [[Int]]) {
        edges = Array(feeders.indices)
        self.feeders = feeders
        awaited = feeders.map { _ in [] }
        worthAfter = feeders.map { _ in nil }
    }

    /// - Parameter edges: indices into the topology's edges, ascending; turns speak of positions in this list.
    package init(_ topology: Topology, edges: [Int]) {
        let all = topology.feeders(among: edges)
        let groups = RunOrder.groups(topology, edges, all)
        self.init(feeders: all)
        var groupOf: [Int: Int] = [:]
        for (number, group) in groups.enumerated() { for position in group { groupOf[position] = number } }
        for position in edges.indices {
            feeders[position] = all[position].filter { groupOf[$0] == nil || groupOf[$0] != groupOf[position] }
        }
        for group in groups where group.count > 1 { add(GroupTree(topology, edges, group)) }
        for position in edges.indices {
            // Who reads what a group writes waits for its second turns, too.
            let later = all[position].filter { groupOf[$0] != groupOf[position] }.compactMap { secondTurn[$0] }
            feeders[position] += later
            if let second = secondTurn[position] { feeders[second] += feeders[position] }
        }
    }

    private mutating func add(_ tree: GroupTree) {
        let entering = tree.edges.flatMap { feeders[$0.position] }
        for edge in tree.edges {
            feeders[edge.position] = Array(Set(feeders[edge.position] + entering)).sorted()
            awaited[edge.position] += edge.below
            secondTurn[edge.position] = self.edges.count
            self.edges.append(edge.position)
            feeders.append([])
            awaited.append([])
            worthAfter.append(edge.beside + (edge.above.map { [$0] } ?? []))
        }
        for edge in tree.edges {
            let second = secondTurn[edge.position]!
            awaited[second] = [edge.position] + edge.beside
            if let above = edge.above { awaited[second].append(secondTurn[above]!) }
        }
    }

    /// Bidi edges that feed each other, directly or through others, each group in the order of the file.
    private static func groups(_ topology: Topology, _ edges: [Int], _ feeders: [[Int]]) -> [[Int]] {
        var groupOf: [Int: Int] = [:]
        var groups: [[Int]] = []
        for start in edges.indices where topology.edges[edges[start]].mode == .bidi && groupOf[start] == nil {
            var group: [Int] = []
            var open = [start]
            groupOf[start] = groups.count
            while let position = open.popLast() {
                group.append(position)
                for other in feeders[position]
                where topology.edges[edges[other]].mode == .bidi && groupOf[other] == nil {
                    groupOf[other] = groups.count
                    open.append(other)
                }
            }
            groups.append(group.sorted())
        }
        return groups
    }
}

/// A group of bidi edges as a tree: its root is the peer with the most edges, then the one with the first name.
private struct GroupTree {
    struct Edge {
        var position: Int
        /// The edge nearer to the root, at the upper one of its two peers.
        var above: Int?
        /// The edges at its lower peer.
        var below: [Int] = []
        /// The other edges at its upper peer that lead away from the root.
        var beside: [Int] = []
    }

    private(set) var edges: [Edge] = []

    init(_ topology: Topology, _ all: [Int], _ group: [Int]) {
        var edgesAt: [Int: [Int]] = [:]
        for position in group {
            let edge = topology.edges[all[position]]
            edgesAt[edge.upstream, default: []].append(position)
            edgesAt[edge.downstream, default: []].append(position)
        }
        var seen = Set<Int>()
        let roots = edgesAt.keys.sorted {
            let (a, b) = (edgesAt[$0]!.count, edgesAt[$1]!.count)
            return a == b ? topology.peers[$0].name < topology.peers[$1].name : a > b
        }
        for root in roots {
            var open: [(peer: Int, above: Int?)] = [(root, nil)]
            while let (peer, above) = open.popLast() {
                let here = edgesAt[peer]!.filter { !seen.contains($0) }
                seen.formUnion(here)
                if let above, let index = edges.firstIndex(where: { $0.position == above }) {
                    edges[index].below = here
                }
                for position in here {
                    edges.append(Edge(position: position, above: above, beside: here.filter { $0 != position }))
                    let edge = topology.edges[all[position]]
                    open.append((edge.upstream == peer ? edge.downstream : edge.upstream, position))
                }
            }
        }
    }
}
