import Testing
import Topologies

/// The loop and writer rules against a search that tries every pair of flows, on small random topologies.
@Suite struct LoopOracleTests {
    struct Flow {
        var edge: Int
        var read: [String]
        var write: [String]
        var isBidi: Bool
        var keeps: Bool
    }

    struct Sample {
        var peers: [[String]]
        var edges: [(from: Int, to: Int, mode: String, keeps: Bool, subpath: [String])]

        init(_ random: inout SplitMix64) {
            let peerCount = Int.random(in: 2...6, using: &random)
            peers = (0..<peerCount).map { _ in
                (0..<Int.random(in: 1...3, using: &random)).map { _ in ["x", "y", "z"].randomElement(using: &random)! }
            }
            edges = []
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let from = Int.random(in: 0..<peerCount, using: &random)
                let to = (from + Int.random(in: 1..<peerCount, using: &random)) % peerCount
                let mode = ["push", "pull", "bidi", "bidi"].randomElement(using: &random)!
                let subpath = Int.random(in: 0..<4, using: &random) == 0 ? ["x"] : []
                edges.append((from, to, mode, mode != "bidi" && Bool.random(using: &random), subpath))
            }
        }

        var yaml: Loaded {
            Loaded(
                peers: peers.indices.map { "p\($0) /\(peers[$0].joined(separator: "/"))" }.joined(separator: ", "),
                edges: edges.indices.map { index in
                    let edge = edges[index]
                    let extra = (edge.keeps ? ", drift: keep" : "") + (edge.subpath.isEmpty ? "" : ", subpath: x")
                    return "{from: p\(edge.from), to: p\(edge.to), mode: \(edge.mode), session: s\(index)\(extra)}"
                })
        }

        var flows: [Flow] {
            edges.indices.flatMap { index -> [Flow] in
                let edge = edges[index]
                let (from, to) = (peers[edge.from] + edge.subpath, peers[edge.to] + edge.subpath)
                let down = Flow(edge: index, read: from, write: to, isBidi: edge.mode == "bidi", keeps: edge.keeps)
                let up = Flow(edge: index, read: to, write: from, isBidi: true, keeps: false)
                return edge.mode == "bidi" ? [down, up] : [down]
            }
        }
    }

    static func overlap(_ a: [String], _ b: [String]) -> Bool { a.starts(with: b) || b.starts(with: a) }

    /// Whether some flow comes back to itself; every arc is tried, reachability by Warshall's algorithm.
    static func hasLoop(_ flows: [Flow]) -> Bool {
        var reaches = flows.indices.map { e in
            flows.indices.map { f in
                let areHalves = e != f && flows[e].edge == flows[f].edge
                return !areHalves && overlap(flows[e].write, flows[f].read)
            }
        }
        for k in flows.indices {
            for i in flows.indices where reaches[i][k] {
                for j in flows.indices where reaches[k][j] { reaches[i][j] = true }
            }
        }
        return flows.indices.contains { reaches[$0][$0] }
    }

    static func hasClash(_ flows: [Flow]) -> Bool {
        flows.contains { e in
            flows.contains { f in
                e.edge != f.edge && overlap(e.write, f.write) && !(e.isBidi && f.isBidi)
                    && !(e.isBidi && f.keeps) && !(f.isBidi && e.keeps)
            }
        }
    }

    @Test(arguments: 0..<4)
    func rules_agreeWithTheOracle(_ part: UInt64) {
        var loops = 0
        for seed in (part * 500)..<(part * 500 + 500) {
            var random = SplitMix64(seed)
            let sample = Sample(&random)
            let loaded = sample.yaml
            let hasLoop = Self.hasLoop(sample.flows)
            if hasLoop { loops += 1 }
            #expect(loaded.ids.contains("HW101") == hasLoop, "seed \(seed): \(sample)\n\(loaded.text)")
            #expect(
                loaded.ids.contains("HW102") == Self.hasClash(sample.flows), "seed \(seed): \(sample)\n\(loaded.text)")
        }
        // Both answers must be common, or the test tests nothing.
        #expect((50...450).contains(loops))
    }
}

/// A small generator with a seed (Steele, Lea and Flood 2014).
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
