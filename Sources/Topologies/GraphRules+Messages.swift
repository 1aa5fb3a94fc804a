import Core

/// Loops and clashes in words.
extension GraphRules {
    /// The most steps of a loop that are written out at its start; as many at its end.
    private static let stepsShown = 8

    static func report(_ loop: [Int], _ map: FlowMap, _ draft: Draft, _ findings: inout Findings) {
        let edge = draft.edges[map.flows[loop[0]].edge]
        if loop.count == 1 {
            let (upstream, downstream) = (draft.peers[edge.upstream].name, draft.peers[edge.downstream].name)
            findings.report(
                .loop, at: edge.span,
                "a loop: \(step(loop[0], map, draft)), and \(relation(map, loop[0], loop[0], downstream, upstream))",
                remedy: "give the two peers places that do not overlap")
            return
        }
        var steps = loop.indices.map { index in
            let (flow, next) = (loop[index], loop[(index + 1) % loop.count])
            let (to, from) = (ends(flow, map, draft).to, ends(next, map, draft).from)
            return step(flow, map, draft) + (to == from ? "" : " (\(relation(map, flow, next, to, from)))")
        }
        if steps.count > 2 * stepsShown {
            let hidden = steps.count - 2 * stepsShown
            steps = steps.prefix(stepsShown) + ["… \(hidden) more edges …"] + steps.suffix(stepsShown)
        }
        findings.report(
            .loop, at: edge.span, "a loop: what flows down comes back upstream: " + steps.joined(separator: ", "),
            remedy: "remove one of these edges, or give it a place that the others do not read or write")
    }

    /// `a -> b (line 7)`.
    private static func step(_ flow: Int, _ map: FlowMap, _ draft: Draft) -> String {
        let (from, to) = ends(flow, map, draft)
        return Printable.text("\(from) -> \(to) (line \(draft.edges[map.flows[flow].edge].span.line))")
    }

    private static func ends(_ flow: Int, _ map: FlowMap, _ draft: Draft) -> (from: String, to: String) {
        let edge = draft.edges[map.flows[flow].edge]
        let (upstream, downstream) = (draft.peers[edge.upstream].name, draft.peers[edge.downstream].name)
        return map.flows[flow].isReverse ? (downstream, upstream) : (upstream, downstream)
    }

    /// How the place that one flow writes lies to the place that the next one reads.
    private static func relation(_ map: FlowMap, _ flow: Int, _ next: Int, _ to: String, _ from: String) -> String {
        let (write, read) = (map.flows[flow].write, map.flows[next].read)
        if write == read { return Printable.text("\(to) is the same place as \(from)") }
        return Printable.text(map.contains(write, read) ? "\(from) lies in \(to)" : "\(to) lies in \(from)")
    }

    static func report(_ clash: WriterRule.Clash, _ map: FlowMap, _ draft: Draft, _ findings: inout Findings) {
        let (later, earlier) = (draft.edges[clash.later], draft.edges[clash.earlier])
        findings.report(
            .twoWriters, at: later.span,
            "\(label(later, draft)) and \(label(earlier, draft)) (line \(earlier.span.line)) write overlapping places",
            remedy: isSame(later, earlier)
                ? "remove one of the two"
                : later.mode == .bidi || earlier.mode == .bidi
                    ? "give them places that do not overlap, or set `drift: keep` on the one-way edge"
                    : "give each edge a directory of its own, none inside the other")
    }

    private static func isSame(_ edge: DraftEdge, _ other: DraftEdge) -> Bool {
        edge.upstream == other.upstream && edge.downstream == other.downstream
            && edge.settings.subpath == other.settings.subpath
    }

    private static func label(_ edge: DraftEdge, _ draft: Draft) -> String {
        let arrow = edge.mode == .bidi ? "<->" : "->"
        let text = "\(draft.peers[edge.upstream].name) \(arrow) \(draft.peers[edge.downstream].name)"
        return Printable.text(text) + (edge.settings.subpath.map { " (\(quoted(PeerPath.text($0))))" } ?? "")
    }
}
