/// The loop rule: no closed chain of flows in which the two halves of one bidi edge are never neighbours, and no flow whose own two
/// places overlap.
///
/// A graph whose nodes are the flows, with an arc from e to f where e writes what f reads, would have quadratically many arcs: a
/// hundred flows into one tree feed a hundred flows out of it. So the arcs go through helpers, and there are linearly many:
///
///     below(v)   reaches the readers strictly beneath a place v
///     above(v)   reaches the readers at v and at the places above it
///     from(s)    reaches the reader in slot s and those after it at the same place        (slots: all readers, place by place)
///     upTo(s)    reaches the reader in slot s and those before it at the same place
///
/// The other half of a bidi edge reads exactly the place that this half writes, so the turn that is forbidden leaves out one slot:
/// what `upTo` and `from` are there for. No helper leads back to another kind than its own but through a flow, so each strongly
/// connected component of more than one flow is a loop, and a loop of one flow is a flow whose places overlap.
struct LoopRule {
    private let map: FlowMap
    /// The first slot of each place's readers.
    private var firstSlot: [Int] = []
    /// The flow in each slot, and the slot of each flow.
    private var slots: [Int] = []
    private var slotOfFlow: [Int]
    private var graph = Digraph()

    init(_ map: FlowMap) {
        self.map = map
        slotOfFlow = Array(repeating: 0, count: map.flows.count)
        for readers in map.readers {
            firstSlot.append(slots.count)
            for flow in readers {
                slotOfFlow[flow] = slots.count
                slots.append(flow)
            }
        }
        for node in 0..<nodeCount { graph.addNode(arcs(from: node)) }
    }

    /// One loop, as flows in their order, for each set of flows that are in loops with each other; those of one flow first.
    func loops() -> [[Int]] {
        let alone = map.flows.indices.filter { flow in
            let (read, write) = (map.flows[flow].read, map.flows[flow].write)
            return map.overlap(read, write)
        }
        let members = Set(alone)
        // A loop of bidi edges alone goes both ways round; it is one finding.
        var known = Set<Set<Int>>()
        var loops: [[Int]] = []
        for flow in alone where known.insert([map.flows[flow].edge]).inserted { loops.append([flow]) }
        for component in graph.components() {
            let edges = Set(component.filter { $0 < map.flows.count }.map { map.flows[$0].edge })
            if known.insert(edges).inserted, let loop = shortestLoop(component, besides: members) { loops.append(loop) }
        }
        return loops
    }

    // MARK: Numbering of the graph's nodes: flows, below, above, from, upTo

    private var placeCount: Int { map.parents.count }
    private var nodeCount: Int { map.flows.count + 2 * placeCount + 2 * slots.count }
    private func below(_ place: Int) -> Int { map.flows.count + place }
    private func above(_ place: Int) -> Int { map.flows.count + placeCount + place }
    private func from(_ slot: Int) -> Int { map.flows.count + 2 * placeCount + slot }
    private func upTo(_ slot: Int) -> Int { map.flows.count + 2 * placeCount + slots.count + slot }

    private func slotRange(_ place: Int) -> Range<Int> {
        let first = firstSlot[place]
        return first..<(first + map.readers[place].count)
    }

    private func arcs(from node: Int) -> [Int] {
        var index = node
        if index < map.flows.count { return arcs(ofFlow: index) }
        index -= map.flows.count
        if index < placeCount { return map.children[index].flatMap { all(at: $0) + [below($0)] } }
        index -= placeCount
        if index < placeCount { return all(at: index) + up(from: index) }
        index -= placeCount
        if index < slots.count {
            let isLast = index + 1 == slots.count || map.flows[slots[index + 1]].read != map.flows[slots[index]].read
            return [slots[index]] + (isLast ? [] : [from(index + 1)])
        }
        index -= slots.count
        let isFirst = index == 0 || map.flows[slots[index - 1]].read != map.flows[slots[index]].read
        return [slots[index]] + (isFirst ? [] : [upTo(index - 1)])
    }

    private func arcs(ofFlow flow: Int) -> [Int] {
        let place = map.flows[flow].write
        let away = [below(place)] + up(from: place)
        guard let half = map.flows[flow].half else { return away + all(at: place) }
        let slot = slotOfFlow[half]
        let range = slotRange(place)
        return away + (slot > range.lowerBound ? [upTo(slot - 1)] : [])
            + (slot + 1 < range.upperBound ? [from(slot + 1)] : [])
    }

    private func all(at place: Int) -> [Int] { slotRange(place).isEmpty ? [] : [from(firstSlot[place])] }

    private func up(from place: Int) -> [Int] { map.parents[place] < 0 ? [] : [above(map.parents[place])] }

    // MARK: The loop that is shown

    /// A loop with the fewest flows through the first flow of a component that is no loop by itself; nil if all are.
    private func shortestLoop(_ component: [Int], besides alone: Set<Int>) -> [Int]? {
        guard let start = component.first(where: { $0 < map.flows.count && !alone.contains($0) }) else { return nil }
        let members = Set(component)
        var cameFrom: [Int: Int] = [:]
        var layer = [start]
        var seen = Set<Int>()
        while !layer.isEmpty {
            var next: [Int] = []
            for flow in layer {
                for target in flowsFed(by: flow, in: members, &seen) where cameFrom[target] == nil {
                    cameFrom[target] = flow
                    if target == start { return path(to: flow, cameFrom, start) }
                    next.append(target)
                }
            }
            layer = next
        }
        return nil
    }

    /// The flows fed through helpers not yet `seen`: what those lead to has been found before.
    private func flowsFed(by flow: Int, in members: Set<Int>, _ seen: inout Set<Int>) -> [Int] {
        var found: [Int] = []
        var open = graph.arcs(of: flow)
        while let node = open.popLast() {
            if !members.contains(node) { continue }
            if node < map.flows.count {
                found.append(node)
            } else if seen.insert(node).inserted {
                open += graph.arcs(of: node)
            }
        }
        return found.sorted()
    }

    private func path(to last: Int, _ cameFrom: [Int: Int], _ start: Int) -> [Int] {
        var path = [last]
        while path.last! != start { path.append(cameFrom[path.last!]!) }
        return path.reversed()
    }
}
