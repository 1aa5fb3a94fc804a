import Core

/// One thing in which two topology files differ, and what follows from it for the next run.
package struct TopologyChange: Sendable, Hashable {
    package enum Kind: String, Sendable { case added, removed, changed, renamed }
    package enum Subject: String, Sendable { case topology, peer, edge }

    /// A key with its value before and after; nil is absent.
    package struct Field: Sendable, Hashable {
        package var key: String
        package var old: String?
        package var new: String?
        /// What absence means, where the format has a default for the key.
        package var standard: String?
    }

    package var kind: Kind
    package var subject: Subject
    /// The name of the topology or peer, the ends of the edge (`build -> eu`); that of the new file where there is one.
    package var name: String
    /// Of an edge: its session; the old one if the edge was removed or renamed.
    package var session: String?
    /// Of a peer its place, of a new or old edge its mode.
    package var detail: String?
    package var fields: [Field] = []
    /// What the next run does because of it, one sentence each.
    package var consequences: [String] = []
}

/// Compares two topologies as a reviewer would: peers by name, then by place; edges by session, then by their ends.
package struct TopologyDiff {
    private let old: Topology
    private let new: Topology
    private let oldKeys: DeclaredKeys
    private let newKeys: DeclaredKeys
    /// For each peer of the new topology the one of the old that it was.
    private var formerPeer: [Int?] = []
    private var formerEdge: [Int?] = []

    package static func changes(from old: Topology, to new: Topology) -> [TopologyChange] {
        let diff = TopologyDiff(old, new)
        return diff.topologyChanges() + diff.peerChanges() + diff.edgeChanges()
    }

    private init(_ old: Topology, _ new: Topology) {
        self.old = old
        self.new = new
        oldKeys = DeclaredKeys(old.draft)
        newKeys = DeclaredKeys(new.draft)
        matchPeers()
        matchEdges()
    }

    // MARK: Which was which

    private mutating func matchPeers() {
        let byName = Dictionary(uniqueKeysWithValues: old.peers.indices.map { (old.peers[$0].name, $0) })
        formerPeer = new.peers.map { byName[$0.name] }
        var left = Set(old.peers.indices).subtracting(formerPeer.compactMap { $0 })
        for index in new.peers.indices where formerPeer[index] == nil {
            let place = new.place(of: new.peers[index])
            guard let same = left.sorted().first(where: { old.place(of: old.peers[$0]) == place }) else { continue }
            formerPeer[index] = same
            left.remove(same)
        }
    }

    private mutating func matchEdges() {
        let bySession = Dictionary(uniqueKeysWithValues: old.edges.indices.map { (old.edges[$0].session, $0) })
        formerEdge = new.edges.map { bySession[$0.session] }
        var left = Set(old.edges.indices).subtracting(formerEdge.compactMap { $0 })
        var byEnds: [[Int]: [Int]] = [:]
        for index in left.sorted() {
            byEnds[[old.edges[index].upstream, old.edges[index].downstream], default: []].append(index)
        }
        for (index, edge) in new.edges.enumerated() where formerEdge[index] == nil {
            guard let from = formerPeer[edge.upstream], let to = formerPeer[edge.downstream] else { continue }
            let candidates = ((byEnds[[from, to]] ?? []) + (byEnds[[to, from]] ?? [])).filter { left.contains($0) }
            guard let same = candidates.first(where: { old.edges[$0].subpath == edge.subpath }) ?? candidates.first
            else {
                continue
            }
            formerEdge[index] = same
            left.remove(same)
        }
    }

    // MARK: Changes

    private func topologyChanges() -> [TopologyChange] {
        var fields: [TopologyChange.Field] = []
        if old.name != new.name { fields.append(.init(key: "name", old: old.name, new: new.name)) }
        fields += Self.fields(Words.limitKeys, oldKeys.limits, newKeys.limits, [:]).map { field in
            var field = field
            field.key = "limits." + field.key
            return field
        }
        return fields.isEmpty
            ? [] : [TopologyChange(kind: .changed, subject: .topology, name: new.name, fields: fields)]
    }

    private func peerChanges() -> [TopologyChange] {
        var changes: [TopologyChange] = []
        for (index, peer) in new.peers.enumerated() {
            let place = new.place(of: peer).description
            guard let former = formerPeer[index] else {
                changes.append(TopologyChange(kind: .added, subject: .peer, name: peer.name, detail: place))
                continue
            }
            var fields = Self.fields(
                PeerReader.keys, oldKeys.peers[former], newKeys.peers[index], KeyMeaning.ofPeer)
            let formerName = old.peers[former].name
            if formerName != peer.name { fields.insert(.init(key: "name", old: formerName, new: peer.name), at: 0) }
            if fields.isEmpty { continue }
            changes.append(
                TopologyChange(
                    kind: formerName == peer.name ? .changed : .renamed, subject: .peer, name: peer.name, detail: place,
                    fields: fields))
        }
        let kept = Set(formerPeer.compactMap { $0 })
        for (index, peer) in old.peers.enumerated() where !kept.contains(index) {
            changes.append(
                TopologyChange(
                    kind: .removed, subject: .peer, name: peer.name, detail: old.place(of: peer).description,
                    consequences: ["its files stay as they are"]))
        }
        return changes
    }

    private func edgeChanges() -> [TopologyChange] {
        var changes: [TopologyChange] = []
        for (index, edge) in new.edges.enumerated() {
            if let former = formerEdge[index] {
                if let change = change(of: index, from: former) { changes.append(change) }
            } else {
                changes.append(
                    TopologyChange(
                        kind: .added, subject: .edge, name: new.identity(of: index).label, session: edge.session,
                        detail: edge.mode.rawValue, consequences: [EdgeConsequence.added(newKeys.edges[index])]))
            }
        }
        let kept = Set(formerEdge.compactMap { $0 })
        for (index, edge) in old.edges.enumerated() where !kept.contains(index) {
            changes.append(
                TopologyChange(
                    kind: .removed, subject: .edge, name: old.identity(of: index).label, session: edge.session,
                    detail: edge.mode.rawValue, consequences: [EdgeConsequence.removed]))
        }
        return changes
    }

    private func change(of index: Int, from former: Int) -> TopologyChange? {
        let (before, after) = (old.edges[former], new.edges[index])
        var fields: [TopologyChange.Field] = []
        if before.session != after.session {
            fields.append(.init(key: "session", old: before.session, new: after.session))
        }
        for (key, end) in [("from", \Edge.upstream), ("to", \Edge.downstream)]
        where formerPeer[after[keyPath: end]] != before[keyPath: end] {
            let names = (old.peers[before[keyPath: end]].name, new.peers[after[keyPath: end]].name)
            fields.append(.init(key: key, old: names.0, new: names.1))
        }
        fields += Self.fields(
            EdgeReader.sharedKeys, oldKeys.edges[former], newKeys.edges[index], KeyMeaning.ofEdge)
        var consequences = EdgeConsequence.of(fields, session: before.session, to: after.session)
        let moves = EdgeMoves(
            old: (old.peers[before.upstream], old.peers[before.downstream]),
            new: (new.peers[after.upstream], new.peers[after.downstream]))
        consequences = moves.consequences(session: after.session) + consequences
        if fields.isEmpty && consequences.isEmpty { return nil }
        return TopologyChange(
            kind: before.session == after.session ? .changed : .renamed, subject: .edge,
            name: new.identity(of: index).label, session: before.session, fields: fields, consequences: consequences)
    }

    /// The keys whose values differ; what is absent has its default.
    private static func fields(
        _ keys: [String], _ old: [String: String], _ new: [String: String], _ meanings: [String: KeyMeaning]
    ) -> [TopologyChange.Field] {
        keys.compactMap { key in
            let standard = meanings[key]?.standard
            if old[key] ?? standard == new[key] ?? standard { return nil }
            return TopologyChange.Field(key: key, old: old[key], new: new[key], standard: standard)
        }
    }
}
