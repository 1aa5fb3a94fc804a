import Core

/// The rules about the graph as a whole.
enum GraphRules {
    /// Reports what breaks them; what is not supported yet is judged by them all the same.
    static func check(_ draft: Draft, _ findings: inout Findings) -> FlowMap {
        checkNamesOfPeers(draft, &findings)
        for edge in draft.edges { check(edge, draft, &findings) }
        checkSessions(draft, &findings)
        let map = FlowMap(draft)
        checkDatabases(draft, map, &findings)
        for loop in LoopRule(map).loops() { report(loop, map, draft, &findings) }
        for clash in WriterRule.clashes(map, draft) { report(clash, map, draft, &findings) }
        checkUse(draft, &findings)
        return map
    }

    private static func checkNamesOfPeers(_ draft: Draft, _ findings: inout Findings) {
        var seen: [String: DraftPeer] = [:]
        for peer in draft.peers {
            if let first = seen[peer.name.lowercased()] {
                findings.report(
                    .sameButForCase, at: peer.nameSpan,
                    "the peers \(quoted(peer.name)) and \(quoted(first.name)) (line \(first.nameSpan.line)) differ only in case",
                    remedy: "give one of them another name")
            } else {
                seen[peer.name.lowercased()] = peer
            }
        }
    }

    private static func checkUse(_ draft: Draft, _ findings: inout Findings) {
        if draft.hasUnreadEdges { return }
        let used = Set(draft.edges.flatMap { [$0.upstream, $0.downstream] })
        for index in draft.peers.indices where !used.contains(index) {
            findings.report(
                .unusedPeer, at: draft.peers[index].nameSpan,
                "no edge uses the peer \(quoted(draft.peers[index].name))",
                remedy: "add an edge, or remove the peer")
        }
    }

    // MARK: One edge

    private static func check(_ edge: DraftEdge, _ draft: Draft, _ findings: inout Findings) {
        let (upstream, downstream) = (draft.peers[edge.upstream], draft.peers[edge.downstream])
        if edge.upstream == edge.downstream {
            findings.report(
                .edgeToItself, at: edge.span, "the edge leads from \(quoted(upstream.name)) to itself",
                remedy: "name two different peers, or remove the edge")
        }
        checkContradictions(edge, isBetweenRemotes: upstream.host != nil && downstream.host != nil, &findings)
    }

    private static func checkContradictions(_ edge: DraftEdge, isBetweenRemotes: Bool, _ findings: inout Findings) {
        let settings = edge.settings
        func contradict(_ key: String, _ message: String, _ remedy: String) {
            findings.report(.contradiction, at: settings.spans[key] ?? edge.span, message, remedy: remedy)
        }
        if settings.spans["route"] != nil, !isBetweenRemotes {
            contradict("route", "`route` is for an edge between two peers on other machines", "remove `route`")
        }
        for key in ["drift", "mirror"] where settings.spans[key] != nil && edge.mode == .bidi {
            contradict(key, "`\(key)` is for push and pull, and this edge is bidi", "remove `\(key)`")
        }
        if edge.mode == .bidi, settings.symlinks == .follow {
            contradict(
                "symlinks", "`symlinks: follow` is for push and pull, and this edge is bidi",
                "write `symlinks: copy` or `skip` at this edge")
        }
        if settings.preserve?.contains(.hardlinks) ?? false {
            if edge.mode == .bidi {
                contradict(
                    "preserve", "`hardlinks` in `preserve` is for push and pull, and this edge is bidi",
                    "leave `hardlinks` out at this edge")
            } else if settings.symlinks == .follow {
                contradict(
                    "preserve",
                    "`symlinks: follow` shows one file at several places, and `hardlinks` tells names apart",
                    "leave `hardlinks` out, or write `symlinks: copy` or `skip`")
            }
        }
        if edge.mode == .bidi, let delete = settings.delete, delete == .before || delete == .never {
            findings.reportNotSupportedYet(
                "`delete: \(delete.rawValue)` of a bidi edge", at: settings.spans["delete"] ?? edge.span)
        }
        if settings.mirror == true, settings.delete == .never {
            contradict(
                "mirror", "`mirror: true` deletes what `delete: never` forbids to delete", "remove one of the two")
        }
    }

    // MARK: Sessions and databases

    private static func checkSessions(_ draft: Draft, _ findings: inout Findings) {
        var seen: [String: DraftEdge] = [:]
        for edge in draft.edges {
            // Which session is meant is not known where its name could not be read.
            if edge.settings.sessionSpan != nil, edge.settings.session == nil { continue }
            let name = SessionName.of(edge, in: draft)
            let span = edge.settings.sessionSpan ?? edge.span
            // A session named in the file, or the name of the topology or of a peer, has been judged where it stands.
            let isJudged = edge.settings.sessionSpan != nil || !SessionName.hasValidParts(edge, in: draft)
            guard Name.isValid(name) else {
                if !isJudged { reportName(name, span, &findings) }
                continue
            }
            if let first = seen[name.lowercased()] {
                // The same edge twice is found as that, and another name would not help.
                if first.upstream == edge.upstream, first.downstream == edge.downstream { continue }
                findings.report(
                    .sameSession, at: span,
                    "two sessions would be named \(quoted(name)): this one and that of the edge on line \(first.span.line)",
                    remedy: "give one of the edges a `session:` of its own")
            } else {
                seen[name.lowercased()] = edge
            }
        }
    }

    private static func reportName(_ name: String, _ span: Span, _ findings: inout Findings) {
        findings.report(
            .sessionNeedsName, at: span, "the session would be named \(quoted(name)), which cannot be",
            remedy: "give the edge a `session:` of \(Name.rule)")
    }

    private static func checkDatabases(_ draft: Draft, _ map: FlowMap, _ findings: inout Findings) {
        if !draft.peers.contains(where: { $0.database != nil }) { return }
        var map = map
        // A place is known before any database is, so that no database makes a tree of itself.
        let trees = synced(map, draft)
        let databases = draft.peers.map { peer in
            (peer.database ?? peer.path).map { map.node($0, on: peer.host, []) }
        }
        for (index, peer) in draft.peers.enumerated() {
            guard let span = peer.databaseSpan, peer.database != peer.path, let database = databases[index],
                let tree = enclosing(database, map, trees)
            else { continue }
            findings.report(
                .databaseInTree, at: span,
                "the database of \(quoted(peer.name)) lies in a tree that is synced (that of \(quoted(tree)))",
                remedy: "put it outside of all synced trees, or remove `database`")
        }
        for edge in draft.edges where edge.upstream != edge.downstream {
            guard let database = databases[edge.upstream], database == databases[edge.downstream] else { continue }
            let span = draft.peers[edge.downstream].databaseSpan ?? draft.peers[edge.upstream].databaseSpan
            guard let span else { continue }
            findings.report(
                .sharedDatabase, at: span,
                "both ends of the edge on line \(edge.span.line) would keep their snapshot in one snap.db",
                remedy: "give one of the two peers another `database`")
        }
    }

    /// The name of a peer for each place that some edge reads or writes.
    private static func synced(_ map: FlowMap, _ draft: Draft) -> [Int: String] {
        var trees: [Int: String] = [:]
        for flow in map.flows {
            let edge = draft.edges[flow.edge]
            let (read, write) = flow.isReverse ? (edge.downstream, edge.upstream) : (edge.upstream, edge.downstream)
            trees[flow.read] = draft.peers[read].name
            trees[flow.write] = draft.peers[write].name
        }
        return trees
    }

    private static func enclosing(_ node: Int, _ map: FlowMap, _ trees: [Int: String]) -> String? {
        var node = node
        while node >= 0 {
            if let tree = trees[node] { return tree }
            node = map.parents[node]
        }
        return nil
    }
}

/// The name of an edge's session.
enum SessionName {
    static func of(_ edge: DraftEdge, in draft: Draft) -> String {
        if let session = edge.settings.session { return session }
        let parts = [draft.name, draft.peers[edge.upstream].name, draft.peers[edge.downstream].name]
        return (parts + (edge.settings.subpath.map { [PeerPath.text($0)] } ?? [])).joined(separator: "-")
    }

    static func hasValidParts(_ edge: DraftEdge, in draft: Draft) -> Bool {
        [draft.name, draft.peers[edge.upstream].name, draft.peers[edge.downstream].name].allSatisfy(Name.isValid)
    }
}
