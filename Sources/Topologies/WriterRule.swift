/// No two flows of two edges write overlapping places, unless both are halves of bidi edges, or one is and the other is one-way with
/// `drift: keep`: another one-way edge would revert what the bidi edge brought.
///
/// Places above are visited before those below, so that each needs only to know one writer of each kind above it: linear.
struct WriterRule {
    private enum Kind { case bidi, keeps, oneWay }

    /// One flow of each kind that writes here or above.
    private struct Above {
        var bidi: Int?
        var keeps: Int?
        var oneWay: Int?
    }

    struct Clash: Hashable {
        /// Indices of the edges; the later one in the file first.
        var later: Int
        var earlier: Int
    }

    /// For each flow at most one other whose writing clashes with it; each pair of edges once.
    static func clashes(_ map: FlowMap, _ draft: Draft) -> [Clash] {
        var above: [Above] = []
        var clashes = Set<Clash>()
        for place in map.parents.indices {
            var here = map.parents[place] < 0 ? Above() : above[map.parents[place]]
            for flow in map.writers[place] {
                let edge = map.flows[flow].edge
                let kind = kind(draft.edges[edge])
                if let other = other(kind, edge, here, map) {
                    clashes.insert(Clash(later: max(edge, other), earlier: min(edge, other)))
                }
                note(flow, kind, &here)
            }
            above.append(here)
        }
        return clashes.sorted { ($0.later, $0.earlier) < ($1.later, $1.earlier) }
    }

    private static func kind(_ edge: DraftEdge) -> Kind {
        edge.mode == .bidi ? .bidi : edge.settings.drift == .keep ? .keeps : .oneWay
    }

    /// The edge of a known writer that one of this kind may not meet.
    private static func other(_ kind: Kind, _ edge: Int, _ above: Above, _ map: FlowMap) -> Int? {
        let candidates: [Int?] =
            switch kind {
            case .bidi: [above.oneWay]
            case .keeps: [above.oneWay, above.keeps]
            case .oneWay: [above.oneWay, above.keeps, above.bidi]
            }
        return candidates.compactMap { $0.map { map.flows[$0].edge } }.first { $0 != edge }
    }

    private static func note(_ flow: Int, _ kind: Kind, _ above: inout Above) {
        switch kind {
        case .bidi: above.bidi = above.bidi ?? flow
        case .keeps: above.keeps = above.keeps ?? flow
        case .oneWay: above.oneWay = above.oneWay ?? flow
        }
    }
}
