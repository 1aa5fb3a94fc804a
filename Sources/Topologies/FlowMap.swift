import Core

/// One direction of an edge: reads one place, writes another.
struct Flow: Sendable {
    /// Index of the edge in the file.
    var edge: Int
    /// The second half of a bidi edge, from its downstream to its upstream peer.
    var isReverse: Bool
    /// The places, as nodes of the trie.
    var read: Int
    var write: Int
    /// The other half of the same bidi edge.
    var half: Int?
}

/// All places of a topology in one trie per host, and the flows between them.
///
/// Two places overlap exactly if one node is the other or above it. Nodes are numbered so that a parent comes before its children.
struct FlowMap: Sendable {
    private struct Step: Hashable {
        var parent: Int
        var name: [UInt8]
    }

    private(set) var flows: [Flow] = []
    /// Of each node; -1 for the roots.
    private(set) var parents: [Int] = []
    private(set) var children: [[Int]] = []
    /// The flows that read, and that write, exactly this place.
    private(set) var readers: [[Int]] = []
    private(set) var writers: [[Int]] = []
    private var flowsOfEdge: [[Int]] = []
    private var steps: [Step: Int] = [:]

    /// The flows of all edges whose peers have a path and are not one and the same.
    init(_ draft: Draft) {
        flowsOfEdge = Array(repeating: [], count: draft.edges.count)
        for (index, edge) in draft.edges.enumerated() where edge.upstream != edge.downstream {
            guard let upstream = node(draft.peers[edge.upstream], edge.settings.subpath),
                let downstream = node(draft.peers[edge.downstream], edge.settings.subpath)
            else { continue }
            let isBidi = edge.mode == .bidi
            let first = flows.count
            add(Flow(edge: index, isReverse: false, read: upstream, write: downstream, half: isBidi ? first + 1 : nil))
            if isBidi { add(Flow(edge: index, isReverse: true, read: downstream, write: upstream, half: first)) }
        }
    }

    private mutating func add(_ flow: Flow) {
        readers[flow.read].append(flows.count)
        writers[flow.write].append(flows.count)
        flowsOfEdge[flow.edge].append(flows.count)
        flows.append(flow)
    }

    /// The node of a peer's tree or of a directory in it; nil without a path.
    mutating func node(_ peer: DraftPeer, _ subpath: [[UInt8]]?) -> Int? {
        peer.path.map { node($0, on: peer.host, subpath ?? []) }
    }

    mutating func node(_ path: PeerPath, on host: HostReference?, _ subpath: [[UInt8]]) -> Int {
        var node = child(of: -1, FlowMap.root(host, isInHome: path.isInHome))
        for component in path.components { node = child(of: node, component) }
        for component in subpath { node = child(of: node, component) }
        return node
    }

    /// What tells machines apart offline: the host as written, without case, and its port. Homes differ by login.
    private static func root(_ host: HostReference?, isInHome: Bool) -> [UInt8] {
        let machine = host.map { "\($0.host.lowercased()) \($0.port ?? 22)" } ?? ""
        return Array((isInHome ? "\(machine) ~\(host?.user ?? "")" : machine).utf8)
    }

    private mutating func child(of parent: Int, _ name: [UInt8]) -> Int {
        let step = Step(parent: parent, name: name)
        if let known = steps[step] { return known }
        let new = parents.count
        steps[step] = new
        parents.append(parent)
        children.append([])
        readers.append([])
        writers.append([])
        if parent >= 0 { children[parent].append(new) }
        return new
    }

    /// Whether a node is another one or above it.
    func contains(_ upper: Int, _ lower: Int) -> Bool {
        var node = lower
        while node > upper { node = parents[node] }
        return node == upper
    }

    func overlap(_ a: Int, _ b: Int) -> Bool { contains(a, b) || contains(b, a) }

    /// See `Topology.feeders`.
    func feeders(of edge: Int) -> [Int] {
        var found = Set<Int>()
        for flow in flowsOfEdge[edge] {
            var node = parents[flows[flow].read]
            while node >= 0 {
                found.formUnion(writers[node].map { flows[$0].edge })
                node = parents[node]
            }
            var below = [flows[flow].read]
            while let node = below.popLast() {
                found.formUnion(writers[node].map { flows[$0].edge })
                below += children[node]
            }
        }
        found.remove(edge)
        return found.sorted()
    }
}
