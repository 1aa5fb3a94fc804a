import Content
import Core
import Wire
import Topologies

/// A plan that was kept, to be looked at and carried out later: `docs/format/plan.md` is normative.
package struct PlanFile: Sendable {
    static let firstLine = "headwater-plan 1"

    /// The plan of one edge.
    package struct Edge: Sendable {
        package var session: String
        /// Names all that a session of this edge is asked for: its two directories and every key.
        package var asked: String
        /// Nil where neither end had a database.
        package var position: SessionPosition?
        /// The code of the error that would end it; nil where it would come to its end.
        package var ending: String?
        package var steps: [ForeseenStep]
    }

    package var edges: [Edge]

    /// - Parameter resolutions: what was decided for conflicts, by session.
    package init(
        _ plans: [EdgePlan], of topology: Topology, resolutions: [String: [Resolution]]
    ) {
        edges = plans.compactMap { plan in
            guard let index = topology.edge(named: plan.edge.session) else { return nil }
            let resolved = resolutions[plan.edge.session] ?? []
            return Edge(
                session: plan.edge.session, asked: PlanFile.asked(topology, index, resolved), position: plan.position,
                ending: plan.summary.error?.code ?? (plan.summary.skippedBecauseOf == nil ? nil : "run.skipped"),
                steps: plan.steps)
        }
    }

    init(edges: [Edge]) { self.edges = edges }

    /// What it permits, by session.
    package var permits: [String: [ForeseenStep]] {
        Dictionary(edges.map { ($0.session, $0.steps) }, uniquingKeysWith: { first, _ in first })
    }

    /// SHA-256 of what a session of this edge is asked for.
    package static func asked(_ topology: Topology, _ index: Int, _ resolutions: [Resolution]) -> String {
        let edge = topology.edges[index]
        func end(_ peer: Peer) -> EndRequest {
            EndRequest(path: peer.path, subpath: edge.subpath, database: peer.database, mount: peer.mount)
        }
        let (upstream, downstream) = (topology.peers[edge.upstream], topology.peers[edge.downstream])
        let request = SessionRequest(
            edge: topology.identity(of: index), maxDelete: DeleteLimit(edge.maxDelete), policy: edge.policy,
            filter: edge.filter.rules, resolutions: resolutions, owner: "")
        let plan = SessionPlan(
            request: request, here: end(upstream), there: end(downstream), hereIsUpstream: true)
        var bytes = OrderMessage(plan: plan, stream: nil).encoded()
        for host in [upstream.host, downstream.host] { bytes += Array("\(host.map { "\($0)" } ?? "")\0".utf8) }
        return SHA256.hash(bytes).hex
    }

    // MARK: Writing

    package var encoded: [UInt8] {
        var lines = [PlanFile.firstLine]
        for edge in edges {
            let position = edge.position.map { "\($0.id.hex) \($0.upstream) \($0.downstream)" } ?? "- - -"
            lines.append("edge \(edge.session) \(edge.asked) \(position) \(edge.ending ?? "-")")
            for step in edge.steps {
                let end = step.isUpward ? "up" : "down"
                lines.append(
                    "\(step.action.sign) \(end) \(PlanFile.text(step.before)) \(PlanFile.text(step.after)) \(step.bytes) \(step.path)"
                )
                if let from = step.from { lines.append("< \(from)") }
            }
        }
        let text = lines.joined(separator: "\n") + "\n"
        return Array((text + "end \(SHA256.hash(Array(text.utf8)).hex)\n").utf8)
    }

    private static func text(_ side: ForeseenStep.Side?) -> String {
        guard let side else { return "-" }
        let attributes = side.attributes
        let mode = String(attributes.mode, radix: 8)
        let changed = side.changedAt.map(text) ?? "-"
        let digest = side.digest?.hex ?? "-"
        return "\(attributes.kind.letter),\(mode),\(attributes.size),\(text(attributes.mtime)),\(changed),\(digest)"
    }

    private static func text(_ time: Timestamp) -> String { "\(time.seconds).\(time.nanoseconds)" }
}

extension ForeseenStep.Action {
    /// As `plan` shows it.
    var sign: Character {
        switch self {
        case .create: "+"
        case .change: "~"
        case .delete: "-"
        case .rename: ">"
        case .conflict: "!"
        }
    }

    init?(sign: Character) {
        guard let action = Self.allCases.first(where: { $0.sign == sign }) else { return nil }
        self = action
    }
}

extension EntryKind {
    var letter: String {
        switch self {
        case .directory: "d"
        case .symlink: "l"
        default: "f"
        }
    }

    init?(letter: Substring) {
        switch letter {
        case "f": self = .file
        case "d": self = .directory
        case "l": self = .symlink
        default: return nil
        }
    }
}

extension Digest {
    init?(hex: Substring) {
        guard hex.utf8.count == 32, let high = UInt64(hex.prefix(16), radix: 16),
            let low = UInt64(hex.dropFirst(16), radix: 16)
        else { return nil }
        self.init(high: high, low: low)
    }
}
