import Core

/// A topology laid out as a forest: each peer is drawn with all that is below it once, beneath the first that feeds it.
struct GraphDrawing {
    private struct Node {
        var label: String
        /// Drawn in full elsewhere.
        var isReference: Bool
        var isBothWays: Bool
        var depth: Int
        /// Indices of the forest's nodes.
        var children: [Int] = []
        var isFirst = true
        var isLast = true
        var parent: Int?
    }

    private let topology: Topology
    private var nodes: [Node] = []
    private var roots: [Int] = []
    private var drawn: [Bool]

    init(_ topology: Topology) {
        self.topology = topology
        drawn = Array(repeating: false, count: topology.peers.count)
        var below: [[(peer: Int, isBothWays: Bool)]] = Array(repeating: [], count: topology.peers.count)
        var hasUpstream = drawn
        for edge in topology.edges {
            below[edge.upstream].append((edge.downstream, edge.mode == .bidi))
            hasUpstream[edge.downstream] = true
        }
        for peer in topology.peers.indices where !hasUpstream[peer] { grow(from: peer, below) }
        for peer in topology.peers.indices where !drawn[peer] { grow(from: peer, below) }
    }

    /// Adds the tree of one peer; without recursion, depth first in the order of the file.
    private mutating func grow(from root: Int, _ below: [[(peer: Int, isBothWays: Bool)]]) {
        var open: [(peer: Int, isBothWays: Bool, parent: Int?)] = [(root, false, nil)]
        while let next = open.popLast() {
            let index = nodes.count
            let isReference = drawn[next.peer]
            let depth = next.parent.map { nodes[$0].depth + 1 } ?? 0
            let name = topology.peers[next.peer].name
            nodes.append(
                Node(
                    label: isReference ? "(\(name))" : name, isReference: isReference, isBothWays: next.isBothWays,
                    depth: depth, parent: next.parent))
            if let parent = next.parent {
                if let sibling = nodes[parent].children.last {
                    nodes[sibling].isLast = false
                    nodes[index].isFirst = false
                }
                nodes[parent].children.append(index)
            } else {
                roots.append(index)
            }
            if isReference { continue }
            drawn[next.peer] = true
            open += below[next.peer].reversed().map { ($0.peer, $0.isBothWays, index) }
        }
    }

    // MARK: Columns

    /// Each layer in a column of its own; nil if that is too wide.
    func columns(within width: Int, _ paint: Paint) -> [String]? {
        let layerCount = (nodes.map(\.depth).max() ?? 0) + 1
        var widths = Array(repeating: 0, count: layerCount)
        for node in nodes { widths[node.depth] = max(widths[node.depth], node.label.count) }
        guard widths.reduce(0, +) + 6 * (layerCount - 1) <= width else { return nil }
        var lines: [String] = []
        var line = ""
        for (index, node) in nodes.enumerated() {
            if line.isEmpty { line = indent(before: index, widths, paint) }
            line += node.parent == nil ? "" : paint(branch(node), Paint.dim)
            line += node.isReference ? paint(node.label, Paint.dim) : paint(node.label, Paint.bold)
            if node.children.isEmpty {
                lines.append(line)
                line = ""
            } else {
                let gap = String(repeating: "─", count: widths[node.depth] - node.label.count)
                line += " " + paint("─" + gap + (node.children.count > 1 ? "┬" : "─"), Paint.dim)
            }
        }
        return lines
    }

    /// What leads from the fork above to a node: the first child stands on the line of its parent.
    private func branch(_ node: Node) -> String {
        let corner = node.isFirst ? "" : node.isLast ? "└" : "├"
        return corner + (node.isBothWays ? "◀▶ " : "─▶ ")
    }

    /// The lines of the layers to the left that go on below, for a node that starts a line.
    private func indent(before index: Int, _ widths: [Int], _ paint: Paint) -> String {
        var parts: [String] = []
        var node = nodes[index]
        var isOwn = true
        while let parent = node.parent {
            let space = String(repeating: " ", count: widths[nodes[parent].depth] + 2)
            let fork = isOwn ? "" : (node.isLast ? " " : "│") + "   "
            parts.append(space + paint(fork, Paint.dim))
            isOwn = false
            node = nodes[parent]
        }
        return parts.reversed().joined()
    }

    // MARK: List

    /// Each layer a little further to the right, one peer to a line: for chains too long for columns.
    func list(_ paint: Paint) -> [String] {
        nodes.map { node in
            var lead = ""
            if node.parent != nil { lead = (node.isLast ? "└" : "├") + (node.isBothWays ? "◀▶ " : "─▶ ") }
            var above = node.parent
            var depth = 0
            var rails = ""
            while let index = above, nodes[index].parent != nil, depth < 40 {
                rails = (nodes[index].isLast ? "    " : "│   ") + rails
                above = nodes[index].parent
                depth += 1
            }
            return paint(rails + lead, Paint.dim) + paint(node.label, node.isReference ? Paint.dim : Paint.bold)
        }
    }

    // MARK: Places

    /// One line per peer with where it is.
    func places(within width: Int, _ paint: Paint) -> [String] {
        let names = topology.peers.map(\.name.count).max() ?? 0
        return topology.peers.map { peer in
            let place = topology.place(of: peer).description
            let room = max(8, width - names - 2)
            let cut = place.count > room ? "…" + place.suffix(room - 1) : place
            return peer.name + String(repeating: " ", count: names - peer.name.count + 2) + paint(cut, Paint.dim)
        }
    }
}
