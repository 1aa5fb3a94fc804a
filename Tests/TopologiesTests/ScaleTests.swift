import Testing
import Topologies

/// Large topologies are judged in linear time and without recursion. A quadratic search would not end here within the limit.
@Suite struct ScaleTests {
    static func text(peers: [String], edges: [String]) -> String {
        (["headwater: 1", "peers:"] + peers.map { "  " + $0 } + ["edges:"] + edges.map { "  - " + $0 } + [""])
            .joined(separator: "\n")
    }

    @Test func fiveThousandPeersAndEdges_areAccepted() throws {
        let count = 5000
        let peers =
            ["hub: /hub"]
            + (1...count).map { "p\($0): {host: h\($0).example.com, user: deploy, port: 22, path: /srv/artifacts}" }
        let loaded = Loaded(
            Self.text(peers: peers, edges: (1...count).map { "{from: hub, to: p\($0), max_delete: 10%}" }))
        let topology = try #require(loaded.topology)
        #expect(topology.edges.count == count && loaded.diagnostics.isEmpty)
        #expect(Graph.ascii(topology, colour: false, width: 80).split(separator: "\n").count == 2 * count + 1)
    }

    @Test func hubThatCollectsAndSpreads_isNotQuadratic() throws {
        let half = 2500
        let peers =
            ["hub: /hub"] + (0..<half).flatMap { ["s\($0): /s/\($0)", "in\($0): /hub/\($0)", "o\($0): h\($0):/o"] }
        let edges = (0..<half).flatMap { ["s\($0) -> in\($0)", "hub -> o\($0)"] }
        let topology = try #require(Loaded(Self.text(peers: peers, edges: edges)).topology)
        #expect(topology.feeders(of: 1).count == half)
    }

    @Test func ringOfTenThousand_isOneLoop() {
        let count = 10_000
        let peers = (0..<count).map { "p\($0): /p/\($0)" }
        let loaded = Loaded(Self.text(peers: peers, edges: (0..<count).map { "p\($0) -> p\(($0 + 1) % count)" }))
        #expect(loaded.ids == ["HW101"])
        #expect(loaded.message("HW101")?.contains("p7 -> p8 (line 10011), … 9984 more edges …, p9992 -> p9993") == true)
    }

    @Test func chainOfTenThousand_isFine() throws {
        let count = 10_000
        let peers = (0..<count).map { "p\($0): /p/\($0)" }
        let loaded = Loaded(Self.text(peers: peers, edges: (1..<count).map { "p\($0 - 1) -> p\($0)" }))
        let topology = try #require(loaded.topology, "\(loaded.text.prefix(2000))")
        #expect(topology.feeders(of: 5000) == [4999])
        #expect(Graph.ascii(topology, colour: false, width: 80).contains("p9999"))
    }

    @Test func bidiSpokes_inOneHub_areNoLoop_andOneMoreEdgeMakesOne() {
        let count = 3000
        let peers = ["hub: /hub"] + (0..<count).map { "p\($0): /p/\($0)" }
        let spokes = (0..<count).map { "hub <-> p\($0)" }
        #expect(!Loaded(Self.text(peers: peers, edges: spokes)).ids.contains("HW101"))
        let closed = Loaded(Self.text(peers: peers, edges: spokes + ["p1 <-> p2999"]))
        #expect(closed.ids.filter { $0 == "HW101" }.count == 1)
    }

    @Test func writersOfOnePlace_areEachReported() {
        let peers = ["o: h:/o"] + (0..<3000).map { "p\($0): /p/\($0)" }
        #expect(Loaded(Self.text(peers: peers, edges: (0..<3000).map { "p\($0) -> o" })).ids.count == 2999)
    }

    @Test func deepPaths_andManyFindingsOnOneLine_areLinear() {
        let deep = "/" + (0..<1500).map { _ in "x" }.joined(separator: "/")
        let peers = (0..<200).map { "p\($0): \(deep)/\($0)" }
        #expect(Loaded(Self.text(peers: peers, edges: (1..<200).map { "p0 -> p\($0)" })).topology != nil)
        let line = "headwater: 1\npeers: {}\nedges: [" + String(repeating: "7,", count: 1_000) + "]\n"
        let loaded = Loaded(line)
        #expect(loaded.ids.count == 1_000)
        #expect(loaded.diagnostics.allSatisfy { $0.text.unicodeScalars.count <= Diagnostic.textMax })
        #expect(loaded.text.utf8.count < 1_000_000)
    }
}
