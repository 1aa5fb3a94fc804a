/// A directed graph in two arrays, for searches without recursion.
struct Digraph {
    private var offsets: [Int] = [0]
    private var targets: [Int32] = []

    /// Nodes are numbered in the order they are added; arcs may lead to nodes still to come.
    mutating func addNode(_ arcs: [Int]) {
        for arc in arcs { targets.append(Int32(arc)) }
        offsets.append(targets.count)
    }

    var nodeCount: Int { offsets.count - 1 }

    func arcs(of node: Int) -> [Int] { targets[offsets[node]..<offsets[node + 1]].map { Int($0) } }

    /// The strongly connected components of more than one node (Tarjan 1972), in linear time.
    func components() -> [[Int]] {
        var search = Search(nodeCount)
        for node in 0..<nodeCount where search.order[node] == 0 { visit(node, &search) }
        return search.components
    }

    private struct Search {
        /// When each node was met, from 1; the earliest on the stack that it reaches; the next arc to follow.
        var order: [Int]
        var low: [Int]
        var next: [Int]
        var isOnStack: [Bool]
        var stack: [Int] = []
        var met = 0
        var components: [[Int]] = []

        init(_ count: Int) {
            order = Array(repeating: 0, count: count)
            low = order
            next = order
            isOnStack = Array(repeating: false, count: count)
        }

        mutating func enter(_ node: Int) {
            met += 1
            order[node] = met
            low[node] = met
            stack.append(node)
            isOnStack[node] = true
        }

        mutating func leave(_ node: Int) {
            guard low[node] == order[node] else { return }
            let start = stack.lastIndex(of: node)!
            let component = Array(stack[start...])
            stack.removeSubrange(start...)
            for member in component { isOnStack[member] = false }
            if component.count > 1 { components.append(component.sorted()) }
        }
    }

    private func visit(_ root: Int, _ search: inout Search) {
        var path = [root]
        search.enter(root)
        while let node = path.last {
            let arc = offsets[node] + search.next[node]
            if arc < offsets[node + 1] {
                search.next[node] += 1
                let target = Int(targets[arc])
                if search.order[target] == 0 {
                    search.enter(target)
                    path.append(target)
                } else if search.isOnStack[target] {
                    search.low[node] = min(search.low[node], search.order[target])
                }
            } else {
                path.removeLast()
                search.leave(node)
                if let above = path.last { search.low[above] = min(search.low[above], search.low[node]) }
            }
        }
    }
}
