import Core

extension Graph {
    /// A Mermaid flowchart, upstream left, as Markdown viewers draw it. Machines with several peers are groups, and a dotted line joins a
    /// directory to the peer it lies in.
    package static func mermaid(_ topology: Topology) -> String {
        // Places are long words that would be broken at their hyphens.
        var lines = [
            "---", "title: \(mermaidText(topology.name))", "config:", "  flowchart:", "    wrappingWidth: 640", "---",
            "flowchart LR",
        ]
        let grouped = Labels.machines(topology)
        let inGroup = Set(grouped.flatMap(\.peers))
        for (index, group) in grouped.enumerated() {
            lines.append("  subgraph m\(index)[\"\(mermaidText(group.name))\"]")
            lines += group.peers.map { "    " + node($0, topology) }
            lines.append("  end")
        }
        for peer in topology.peers.indices where !inGroup.contains(peer) { lines.append("  " + node(peer, topology)) }
        for edge in topology.edges {
            let arrow = edge.mode == .bidi ? "<-->" : "-->"
            lines.append("  p\(edge.upstream) \(arrow)|\"\(mermaidText(Labels.edge(edge)))\"| p\(edge.downstream)")
        }
        for (inner, outer) in Labels.nested(topology) { lines.append("  p\(inner) -.-|lies in| p\(outer)") }
        return (lines + [""]).joined(separator: "\n")
    }

    private static func node(_ index: Int, _ topology: Topology) -> String {
        let peer = topology.peers[index]
        let place = mermaidText(topology.place(of: peer).description)
        return "p\(index)[\"\(mermaidText(peer.name))<br/>\(place)\"]"
    }

    /// What could mean something to Mermaid, Markdown or HTML as a numbered entity.
    private static func mermaidText(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            let isPlain =
                scalar.value > 0x7F || scalar.properties.isAlphabetic
                || " -._/@:~,=+0123456789".unicodeScalars.contains(scalar)
            if isPlain { out.unicodeScalars.append(scalar) } else { out += "#\(scalar.value);" }
            // Also as entities, `$$` would begin a formula and `\n` a line: a word joiner, which shows nothing, keeps them apart.
            if scalar == "$" || scalar == "\\" { out += "#8288;" }
        }
        return out
    }
}
