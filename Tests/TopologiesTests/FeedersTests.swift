import Testing
import Topologies

@Suite struct FeedersTests {
    func feeders(_ peers: String, _ edges: [String]) throws -> [[Int]] {
        let loaded = Loaded(peers: peers, edges: edges)
        let topology = try #require(loaded.topology, "\(loaded.text)")
        return topology.edges.indices.map(topology.feeders)
    }

    @Test func star_hasNone() throws {
        #expect(try feeders("a /a, b h:/a, c i:/a", ["a -> b", "a -> c"]) == [[], []])
    }

    @Test func tiers_waitForTheEdgeAbove_inWhateverOrderTheyStand() throws {
        #expect(try feeders("a /a, b /b, c h:/c, d i:/d", ["b -> c", "a -> b", "b -> d"]) == [[1], [], [1]])
    }

    @Test func collection_feedsWhatReadsAllOfIt() throws {
        let found = try feeders(
            "a /a, b /b, ha /all/a, hb /all/b, all /all, o h:/all, p h:/p",
            ["a -> ha", "b -> hb", "all -> o", "ha -> p"])
        #expect(found == [[], [], [0, 1], [0]])
    }

    @Test func whatIsWrittenAbove_feedsWhatReadsInside() throws {
        #expect(try feeders("a /a, b /b, in /b/in, c h:/c", ["a -> b", "in -> c"]) == [[], [0]])
    }

    @Test func siblings_areApart() throws {
        #expect(try feeders("a /a, x /t/x, xy /t/xy, c h:/c", ["a -> x", "xy -> c"]) == [[], []])
    }
}
