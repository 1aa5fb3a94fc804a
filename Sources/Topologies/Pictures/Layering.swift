/// A directed graph in layers: arcs lead to the right, and through a bend in each layer that they cross.
///
/// After Sugiyama, Tagawa, Toda (1981): arcs that close a cycle are turned round; longest-path layering; the order within a layer by
/// barycentres, the best of some sweeps by crossings. No recursion; the same graph gives the same layers.
struct Layering {
    struct Arc {
        var from: Int
        var to: Int
    }

    /// What stands in a layer: a node, or a bend of an arc.
    struct Cell {
        /// Nil is a bend.
        var node: Int?
        var layer: Int
        /// Cells of the next layer that this one is joined to, and of the one before.
        var right: [Int] = []
        var left: [Int] = []
    }

    private static let sweepCount = 12
    /// Bends of all arcs together; arcs beyond go straight through the layers between, and count for no order.
    private static let bendsMax = 50_000

    private let nodeCount: Int
    /// The first cells are the nodes, in order.
    private(set) var cells: [Cell] = []
    /// The cells of each layer from top to bottom.
    private(set) var layers: [[Int]] = []
    /// For each arc the cells it passes, from the left to the right.
    private(set) var paths: [[Int]] = []
    /// For each arc whether it was turned round: it then leads from right to left.
    private(set) var isTurned: [Bool] = []

    init(nodeCount: Int, arcs: [Arc]) {
        self.nodeCount = nodeCount
        isTurned = Layering.backward(nodeCount, arcs)
        let forward = arcs.indices.map { isTurned[$0] ? Arc(from: arcs[$0].to, to: arcs[$0].from) : arcs[$0] }
        let layerOfNode = Layering.layerOfNode(nodeCount, forward)
        cells = (0..<nodeCount).map { Cell(node: $0, layer: layerOfNode[$0]) }
        paths = forward.map { addPath(of: $0) }
        layers = Array(repeating: [], count: (layerOfNode.max() ?? -1) + 1)
        placeByDepthFirstSearch()
        sweep()
    }

    // MARK: Layers

    /// Arcs that lead to a node still open in a depth-first search: without them there is no cycle.
    private static func backward(_ count: Int, _ arcs: [Arc]) -> [Bool] {
        var out: [[Int]] = Array(repeating: [], count: count)
        for (index, arc) in arcs.enumerated() { out[arc.from].append(index) }
        var isTurned = Array(repeating: false, count: arcs.count)
        var state = Array(repeating: 0, count: count)
        var next = state
        for root in 0..<count where state[root] == 0 {
            var path = [root]
            state[root] = 1
            while let node = path.last {
                if next[node] == out[node].count {
                    state[node] = 2
                    path.removeLast()
                    continue
                }
                let arc = out[node][next[node]]
                next[node] += 1
                let target = arcs[arc].to
                if state[target] == 1 { isTurned[arc] = true }
                if state[target] == 0 {
                    state[target] = 1
                    path.append(target)
                }
            }
        }
        return isTurned
    }

    /// One more than the deepest before it; what nothing leads to stands right before what it leads to.
    private static func layerOfNode(_ count: Int, _ arcs: [Arc]) -> [Int] {
        var out: [[Int]] = Array(repeating: [], count: count)
        var waiting = Array(repeating: 0, count: count)
        for arc in arcs {
            out[arc.from].append(arc.to)
            waiting[arc.to] += 1
        }
        let sources = (0..<count).filter { waiting[$0] == 0 }
        var layer = Array(repeating: 0, count: count)
        var ready = sources
        while let node = ready.popLast() {
            for target in out[node] {
                layer[target] = max(layer[target], layer[node] + 1)
                waiting[target] -= 1
                if waiting[target] == 0 { ready.append(target) }
            }
        }
        for source in sources {
            if let nearest = out[source].map({ layer[$0] }).min() { layer[source] = nearest - 1 }
        }
        return layer
    }

    private mutating func addPath(of arc: Arc) -> [Int] {
        let bends = cells[arc.to].layer - cells[arc.from].layer - 1
        if bends > 0, cells.count + bends > nodeCount + Layering.bendsMax { return [arc.from, arc.to] }
        var path = [arc.from]
        for layer in (cells[arc.from].layer + 1)..<cells[arc.to].layer {
            path.append(cells.count)
            cells.append(Cell(node: nil, layer: layer))
        }
        path.append(arc.to)
        for (left, right) in zip(path, path.dropFirst()) {
            cells[left].right.append(right)
            cells[right].left.append(left)
        }
        return path
    }

    // MARK: Order

    /// A first order in which a tree has no crossing.
    private mutating func placeByDepthFirstSearch() {
        var isPlaced = Array(repeating: false, count: cells.count)
        for root in cells.indices where cells[root].left.isEmpty && !isPlaced[root] {
            var open = [root]
            while let cell = open.popLast() {
                if isPlaced[cell] { continue }
                isPlaced[cell] = true
                layers[cells[cell].layer].append(cell)
                open += cells[cell].right.reversed()
            }
        }
    }

    private mutating func sweep() {
        var best = layers
        var fewest = crossingCount()
        for round in 0..<Layering.sweepCount where fewest > 0 {
            let isForward = round % 2 == 0
            for layer in isForward ? Array(layers.indices.dropFirst()) : layers.indices.dropLast().reversed() {
                order(layer, by: isForward ? \.left : \.right, beside: isForward ? layer - 1 : layer + 1)
            }
            let count = crossingCount()
            if count < fewest { (best, fewest) = (layers, count) }
        }
        layers = best
    }

    /// Sorts a layer by the mean place of what each cell is joined to; a cell without any keeps its place.
    private mutating func order(_ layer: Int, by neighbours: KeyPath<Cell, [Int]>, beside other: Int) {
        var place: [Int: Int] = [:]
        for (index, cell) in layers[other].enumerated() { place[cell] = index }
        let ranked = layers[layer].enumerated().map { index, cell in
            let places = cells[cell][keyPath: neighbours].map { place[$0]! }
            let mean = places.isEmpty ? Double(index) : Double(places.reduce(0, +)) / Double(places.count)
            return (mean, index, cell)
        }
        layers[layer] = ranked.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.2)
    }

    /// How often two arcs cross, over all layers: the inversions between the two orders of their ends.
    func crossingCount() -> Int {
        var count = 0
        for (left, right) in zip(layers, layers.dropFirst()) {
            var place: [Int: Int] = [:]
            for (index, cell) in right.enumerated() { place[cell] = index }
            var tree = Array(repeating: 0, count: right.count + 1)
            var seen = 0
            for cell in left {
                let ends = cells[cell].right.map { place[$0]! }
                // Those seen so far that end below: all but those that end here or above (a Fenwick tree).
                for end in ends {
                    var above = 0
                    var index = end + 1
                    while index > 0 {
                        above += tree[index]
                        index -= index & -index
                    }
                    count += seen - above
                }
                for end in ends {
                    var index = end + 1
                    while index < tree.count {
                        tree[index] += 1
                        index += index & -index
                    }
                }
                seen += ends.count
            }
        }
        return count
    }
}
