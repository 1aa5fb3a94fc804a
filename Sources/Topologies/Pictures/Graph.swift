import Core

/// Pictures of a topology.
package enum Graph {
    /// For `dot -Tsvg`; peers are boxes, upstream left, machines with several peers are groups.
    package static func dot(_ topology: Topology) -> String {
        var lines = ["digraph \(dotText(topology.name)) {", "  rankdir=LR;", "  node [shape=box];"]
        for (index, group) in Labels.machines(topology).enumerated() {
            let names = group.peers.map { dotText(topology.peers[$0].name) + ";" }.joined(separator: " ")
            lines.append("  subgraph cluster_\(index) { label=\(dotText(group.name)); \(names) }")
        }
        for peer in topology.peers {
            let place = topology.place(of: peer).description
            lines.append("  \(dotText(peer.name)) [label=\(dotText(peer.name, place))];")
        }
        for edge in topology.edges {
            let ends =
                "\(dotText(topology.peers[edge.upstream].name)) -> \(dotText(topology.peers[edge.downstream].name))"
            let both = edge.mode == .bidi ? "dir=both, " : ""
            lines.append("  \(ends) [\(both)label=\(dotText(edge.mode.rawValue, edge.session))];")
        }
        return (lines + ["}", ""]).joined(separator: "\n")
    }

    private static func dotText(_ lines: String...) -> String {
        let escaped = lines.map { line in
            line.split(separator: "\\", omittingEmptySubsequences: false).joined(separator: "\\\\")
                .split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\\\"")
        }
        return "\"" + escaped.joined(separator: "\\n") + "\""
    }

    /// For a terminal of `width` columns: upstream left, one column to a layer, then the places of the peers. Ends with a newline.
    ///
    ///     build ─┬─▶ eu ─┬─▶ eu-1
    ///            │       └─▶ eu-2
    ///            └─▶ us
    ///
    /// A peer with several upstream peers is drawn beneath the first; elsewhere it stands as `(eu-1)`. Where the layers do not fit,
    /// they are drawn as an indented list.
    package static func ascii(_ topology: Topology, colour: Bool, width: Int) -> String {
        let drawing = GraphDrawing(topology)
        let paint = Paint(isOn: colour)
        let picture = drawing.columns(within: max(20, width), paint) ?? drawing.list(paint)
        return (picture + [""] + drawing.places(within: max(20, width), paint)).joined(separator: "\n") + "\n"
    }
}
