/// Where the cells of a layering stand, from top to bottom: as near as the order allows to what they are joined to.
struct Placement {
    private static let sweepCount = 8
    /// How much more a bend pulls than a node: long arcs are to be straight.
    private static let bendWeight = 4.0

    /// The middle of each cell; the highest begins at 0.
    private(set) var middles: [Double]
    /// From the top of the highest to the bottom of the lowest.
    private(set) var height: Double

    /// - Parameters:
    ///   - heights: of each cell.
    ///   - gap: at least so much is between two cells of a layer.
    init(_ layering: Layering, heights: [Double], gap: Double) {
        middles = Array(repeating: 0, count: layering.cells.count)
        height = 0
        for layer in layering.layers { pack(layer, heights, gap) }
        for round in 0..<Placement.sweepCount {
            let layers = round % 2 == 0 ? layering.layers : layering.layers.reversed()
            for layer in layers { settle(layer, layering, heights, gap, fromLeft: round % 2 == 0) }
        }
        let top = middles.indices.map { middles[$0] - heights[$0] / 2 }.min() ?? 0
        for cell in middles.indices { middles[cell] -= top }
        height = middles.indices.map { middles[$0] + heights[$0] / 2 }.max() ?? 0
    }

    private mutating func pack(_ layer: [Int], _ heights: [Double], _ gap: Double) {
        var bottom = 0.0
        for cell in layer {
            middles[cell] = bottom + heights[cell] / 2
            bottom += heights[cell] + gap
        }
    }

    /// Moves the cells of a layer to the mean of their neighbours, in order and apart: isotonic regression by pooling neighbours that
    /// would be in each other's way (Ayer et al. 1955).
    private mutating func settle(
        _ layer: [Int], _ layering: Layering, _ heights: [Double], _ gap: Double, fromLeft: Bool
    ) {
        struct Pool { var sum: Double, weight: Double, count: Int }
        var offsets: [Double] = []
        var pools: [Pool] = []
        for (index, cell) in layer.enumerated() {
            let before = index == 0 ? 0 : offsets[index - 1] + (heights[layer[index - 1]] + heights[cell]) / 2 + gap
            offsets.append(before)
            let neighbours = fromLeft ? layering.cells[cell].left : layering.cells[cell].right
            let wish =
                neighbours.isEmpty
                ? middles[cell] : neighbours.reduce(0) { $0 + middles[$1] } / Double(neighbours.count)
            // What nothing pulls gives way.
            let weight = neighbours.isEmpty ? 0.01 : layering.cells[cell].node == nil ? Placement.bendWeight : 1
            pools.append(Pool(sum: (wish - before) * weight, weight: weight, count: 1))
            while pools.count > 1, let last = pools.last, case let above = pools[pools.count - 2],
                above.sum / above.weight > last.sum / last.weight
            {
                pools.removeLast(2)
                pools.append(
                    Pool(sum: above.sum + last.sum, weight: above.weight + last.weight, count: above.count + last.count)
                )
            }
        }
        var index = 0
        for pool in pools {
            for _ in 0..<pool.count {
                middles[layer[index]] = pool.sum / pool.weight + offsets[index]
                index += 1
            }
        }
    }
}
