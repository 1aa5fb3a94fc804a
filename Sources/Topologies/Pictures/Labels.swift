import Core

/// The words that the pictures put on peers and edges.
enum Labels {
    /// `push · site-build-eu`.
    static func edge(_ edge: Edge) -> String { "\(edge.mode.rawValue) · \(edge.session)" }

    /// Cut in the middle to at most `countMax` characters: the start tells the host, the end the directory.
    static func cut(_ text: String, _ countMax: Int) -> String {
        let characters = Array(text)
        if characters.count <= countMax { return text }
        let tail = countMax / 2
        return String(characters.prefix(countMax - tail - 1)) + "…" + String(characters.suffix(tail))
    }

    /// Machines that hold two or more peers: name, and indices of the peers.
    static func machines(_ topology: Topology) -> [(name: String, peers: [Int])] {
        var order: [String] = []
        var peers: [String: [Int]] = [:]
        for (index, peer) in topology.peers.enumerated() {
            let name = peer.host.map { Printable.text($0.host.lowercased()) + ($0.port.map { " port \($0)" } ?? "") }
            let key = name ?? "this machine"
            if peers[key] == nil { order.append(key) }
            peers[key, default: []].append(index)
        }
        return order.map { ($0, peers[$0]!) }.filter { $0.peers.count > 1 }
    }

    /// Pairs of peers one of whose places lies in the other's although no edge joins them: `inner` first.
    static func nested(_ topology: Topology) -> [(inner: Int, outer: Int)] {
        let joined = Set(topology.edges.flatMap { [[$0.upstream, $0.downstream], [$0.downstream, $0.upstream]] })
        var holders: [String: Int] = [:]
        func key(_ peer: Peer, _ path: Substring) -> String {
            let host = peer.host.map { "\($0.host.lowercased()) \($0.port ?? 22)" } ?? ""
            return "\(host) \(path.hasPrefix("~") ? peer.host?.user ?? "" : "") \(path)"
        }
        for (index, peer) in topology.peers.enumerated() where holders[key(peer, peer.path[...])] == nil {
            holders[key(peer, peer.path[...])] = index
        }
        return topology.peers.enumerated().compactMap { index, peer in
            var path = peer.path[...]
            while let slash = path.lastIndex(of: "/"), slash > path.startIndex {
                path = path[..<slash]
                guard let outer = holders[key(peer, path)] else { continue }
                return joined.contains([index, outer]) ? nil : (index, outer)
            }
            return nil
        }
    }
}
