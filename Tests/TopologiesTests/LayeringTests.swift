import Testing

@testable import Topologies

/// The layout of the pictures, on graphs of every kind.
@Suite struct LayeringTests {
    /// Numbers that look random and are the same each time (SplitMix64).
    struct Numbers: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    static func arcs(seed: UInt64, count: Int, isAcyclic: Bool) -> [Layering.Arc] {
        var numbers = Numbers(state: seed)
        return (0..<(count * 2)).compactMap { _ in
            let pair = (Int.random(in: 0..<count, using: &numbers), Int.random(in: 0..<count, using: &numbers))
            if pair.0 == pair.1 { return nil }
            return isAcyclic
                ? Layering.Arc(from: min(pair.0, pair.1), to: max(pair.0, pair.1))
                : Layering.Arc(from: pair.0, to: pair.1)
        }
    }

    @Test(arguments: 0..<60)
    func everyArc_leadsToTheRight_throughEveryLayerBetween(seed: Int) {
        let isAcyclic = seed % 2 == 0
        let arcs = Self.arcs(seed: UInt64(seed), count: 3 + seed, isAcyclic: isAcyclic)
        let layering = Layering(nodeCount: 3 + seed, arcs: arcs)
        if isAcyclic { #expect(!layering.isTurned.contains(true)) }
        for (index, arc) in arcs.enumerated() {
            let path = layering.paths[index]
            let ends = layering.isTurned[index] ? [arc.to, arc.from] : [arc.from, arc.to]
            #expect([path.first!, path.last!] == ends)
            let layers = path.map { layering.cells[$0].layer }
            #expect(layers == Array(layers[0]..<(layers[0] + path.count)) && path.count > 1)
            #expect(path.dropFirst().dropLast().allSatisfy { layering.cells[$0].node == nil })
        }
        #expect(layering.layers.flatMap { $0 }.sorted() == Array(layering.cells.indices))
    }

    @Test(arguments: 0..<20)
    func cells_keepTheirOrderAndTheirDistance(seed: Int) {
        let layering = Layering(
            nodeCount: 10 + seed, arcs: Self.arcs(seed: UInt64(seed), count: 10 + seed, isAcyclic: true))
        let heights = layering.cells.map { $0.node.map { 20 + Double($0 % 3) * 10 } ?? 6 }
        let placement = Placement(layering, heights: heights, gap: 5)
        for layer in layering.layers {
            for (upper, lower) in zip(layer, layer.dropFirst()) {
                let room = placement.middles[lower] - placement.middles[upper] - (heights[upper] + heights[lower]) / 2
                #expect(room > 4.999)
            }
        }
        #expect(layering.cells.indices.allSatisfy { placement.middles[$0] - heights[$0] / 2 > -0.001 })
    }

    @Test func tree_hasNoCrossing_andParentsStandInTheMiddle() {
        let arcs = (1..<40).map { Layering.Arc(from: ($0 - 1) / 3, to: $0) }
        let layering = Layering(nodeCount: 40, arcs: arcs)
        #expect(layering.crossingCount() == 0)
        let placement = Placement(layering, heights: layering.cells.map { _ in 20 }, gap: 5)
        #expect(abs(placement.middles[0] - (placement.middles[1] + placement.middles[3]) / 2) < 12)
    }

    @Test func crossings_areCounted_andUntangled() {
        // 0 -> 3 and 1 -> 2 cross in the order of the file, but need not.
        let layering = Layering(
            nodeCount: 4, arcs: [.init(from: 0, to: 3), .init(from: 1, to: 2), .init(from: 0, to: 2)])
        #expect(layering.crossingCount() == 0)
        // A depth-first search alone leaves two crossings here; 2, 0, 1 above 3, 5, 4 has none.
        let pairs = [(0, 3), (0, 5), (1, 4), (2, 3)].map { Layering.Arc(from: $0.0, to: $0.1) }
        #expect(Layering(nodeCount: 6, arcs: pairs).crossingCount() == 0)
        // Every one of three to every one of three cannot be drawn with fewer than nine.
        let all = (0..<3).flatMap { a in (3..<6).map { Layering.Arc(from: a, to: $0) } }
        #expect(Layering(nodeCount: 6, arcs: all).crossingCount() == 9)
    }

    @Test func lateSource_standsBesideWhatItFeeds() {
        let arcs = [Layering.Arc(from: 0, to: 1), .init(from: 1, to: 2), .init(from: 2, to: 3), .init(from: 4, to: 3)]
        #expect(Layering(nodeCount: 5, arcs: arcs).cells.map(\.layer) == [0, 1, 2, 3, 2])
    }

    @Test func largeGraphs_areNoProblem() {
        let star = Layering(nodeCount: 20_000, arcs: (1..<20_000).map { .init(from: 0, to: $0) })
        #expect(star.layers.map(\.count) == [1, 19_999])
        // A chain, and the first peer to each of the chain: 50 million bends if they were all drawn.
        let count = 10_000
        let arcs = (1..<count).map { Layering.Arc(from: $0 - 1, to: $0) } + (2..<count).map { .init(from: 0, to: $0) }
        #expect(Layering(nodeCount: count, arcs: arcs).cells.count <= count + 50_000)
    }
}
