import Testing
import Topologies

/// A topology and the rules of the graph that it breaks, one id per finding.
struct GraphCase: Sendable, CustomTestStringConvertible {
    var name: String
    var peers: String
    var edges: [String]
    var broken: [String]
    var testDescription: String { name }

    init(_ name: String, _ peers: String, _ edges: [String], _ broken: [String] = []) {
        (self.name, self.peers, self.edges, self.broken) = (name, peers, edges, broken)
    }
}

@Suite struct GraphRulesTests {
    static let abc = "a /srv/a, b /srv/b, c /srv/c"
    static let abcd = "a /srv/a, b /srv/b, c /srv/c, d /srv/d"

    static let good: [GraphCase] = [
        GraphCase("one edge", "a /srv/a, b h:/srv/a", ["a -> b"]),
        GraphCase("star", "a /srv/a, b h:/srv/a, c i:/srv/a, d j:/srv/a", ["a -> b", "a -> c", "a -> d"]),
        GraphCase("tiers", "a /srv/a, b h:/b, c h:/c, d i:/d", ["a -> b", "b -> c", "b -> d"]),
        GraphCase("chain of pulls", abcd, ["{from: a, to: b, mode: pull}", "b -> c", "{from: c, to: d, mode: pull}"]),
        GraphCase("one bidi edge", "a /srv/a, b /srv/b", ["a <-> b"]),
        GraphCase("bidi hub and spokes", abcd, ["a <-> b", "a <-> c", "a <-> d"]),
        GraphCase("bidi chain", abcd, ["a <-> b", "b <-> c", "c <-> d"]),
        GraphCase("bidi tree declared leaves first", abcd, ["b <-> a", "c <-> b", "d <-> b"]),
        GraphCase("push into a bidi group with drift keep", abc, ["b <-> c", "{from: a, to: b, drift: keep}"]),
        GraphCase("push out of a bidi group", abc, ["a <-> b", "b -> c"]),
        GraphCase(
            "collection of peers into sub-directories", "a h:/d, b i:/d, ha /srv/all/a, hb /srv/all/b",
            ["a -> ha", "b -> hb"]),
        GraphCase(
            "collection, then the whole onwards", "a h:/d, b i:/d, ha /all/a, hb /all/b, hub /all, copy j:/all",
            ["a -> ha", "b -> hb", "hub -> copy"]),
        GraphCase(
            "docs down beside src up", "a /A, b /B",
            ["{from: a, to: b, subpath: docs}", "{from: b, to: a, subpath: src}"]),
        GraphCase(
            "docs down beside src up, as peers", "ad /A/docs, bd /B/docs, as /A/src, bs /B/src",
            ["ad -> bd", "bs -> as"]),
        GraphCase(
            "two sub-directories bidi beside each other", "a /A, b /B",
            ["{from: a, to: b, subpath: x, mode: bidi}", "{from: a, to: b, subpath: y, mode: bidi}"]),
        GraphCase("diamond into two places", abcd + ", e /srv/e", ["a -> b", "a -> c", "b -> d", "c -> e"]),
        GraphCase("a name that only begins like another", "a /srv/a, b /srv/ab, c /srv/abc", ["a -> b", "b -> c"]),
        GraphCase("the same path on different hosts", "a /d, b h:/d, c i:/d", ["a -> b", "b -> c"]),
        GraphCase(
            "the same path on different ports of a host",
            "a /d, b {host: h, port: 1, path: /d}, c {host: h, port: 2, path: /d}", ["a -> b", "b -> c"]),
        GraphCase("homes of different logins", "a /d, b x@h:~/d, c y@h:~/d", ["a -> b", "a -> c"]),
        GraphCase("two bidi edges into one place", abc, ["a <-> c", "b <-> c"]),
        GraphCase(
            "siblings below one tree that nobody syncs", "a /t/a, b /t/b, c /t/c", ["a -> b", "b -> c"]),
        GraphCase(
            "a bidi edge inside a place that is only read", "a /t, b h:/t, c /t/in, d i:/in", ["a -> b", "c <-> d"]),
    ]

    static let bad: [GraphCase] = [
        GraphCase("two edges against each other", "a /srv/a, b /srv/b", ["a -> b", "b -> a"], ["HW101"]),
        GraphCase("ring of three", abc, ["a -> b", "b -> c", "c -> a"], ["HW101"]),
        GraphCase("ring of pulls and pushes", abc, ["a -> b", "{from: b, to: c, mode: pull}", "c -> a"], ["HW101"]),
        GraphCase("bidi triangle", abc, ["a <-> b", "b <-> c", "c <-> a"], ["HW101"]),
        GraphCase("bidi square", abcd, ["a <-> b", "b <-> c", "c <-> d", "d <-> a"], ["HW101"]),
        GraphCase("push back along a bidi pair", "a /srv/a, b /srv/b", ["a <-> b", "b -> a"], ["HW101", "HW102"]),
        GraphCase(
            "push back along a bidi pair with drift keep", "a /srv/a, b /srv/b",
            ["a <-> b", "{from: b, to: a, drift: keep}"], ["HW101"]),
        GraphCase(
            "push along a bidi pair", "a /srv/a, b /srv/b", ["a <-> b", "{from: a, to: b, session: s}"],
            ["HW101", "HW102"]),
        GraphCase(
            "two bidi edges between one pair", "a /srv/a, b /srv/b",
            ["a <-> b", "{from: b, to: a, mode: bidi}"], ["HW101"]),
        GraphCase("back through a bidi hub", abc, ["a <-> b", "a <-> c", "{from: b, to: c, drift: keep}"], ["HW101"]),
        GraphCase("diamond into one place", abcd, ["a -> b", "a -> c", "b -> d", "c -> d"], ["HW102"]),
        GraphCase("two upstreams for one place", abc, ["a -> c", "b -> c"], ["HW102"]),
        GraphCase("a place and one inside it", "a /srv/a, x /x, y /x/y", ["a -> x", "a -> y"], ["HW102"]),
        GraphCase("a place inside, declared first", "a /srv/a, y /x/y, x /x", ["a -> y", "a -> x"], ["HW102"]),
        GraphCase("three upstreams for one place", abcd, ["a -> d", "b -> d", "c -> d"], ["HW102", "HW102"]),
        GraphCase("push into a bidi group", abc, ["b <-> c", "a -> b"], ["HW102"]),
        GraphCase(
            "push into a bidi group with drift halt", abc, ["b <-> c", "{from: a, to: b, drift: halt}"], ["HW102"]),
        GraphCase(
            "two that keep into one place", abc, ["{from: a, to: c, drift: keep}", "{from: b, to: c, drift: keep}"],
            ["HW102"]),
        GraphCase("into a directory of itself", "a /srv/a, b /srv/a/b", ["a -> b"], ["HW101"]),
        GraphCase("out of a directory of itself", "a /srv/a/b, b /srv/a", ["a -> b"], ["HW101"]),
        GraphCase("two names for one place", "a /srv/a, b /srv/a", ["a -> b"], ["HW101"]),
        GraphCase("bidi with a directory of itself", "a /srv/a, b /srv/a/b", ["a <-> b"], ["HW101"]),
        GraphCase("the same place by another spelling", "a /srv/a, b /srv/x/..//./a/", ["a -> b"], ["HW101"]),
        GraphCase("the same host in another case", "a /d, b H:/d, c h:/d", ["a -> b", "a -> c"], ["HW102"]),
        GraphCase(
            "the default port said and unsaid", "a /d, b {host: h, port: 22, path: /d}, c h:/d", ["a -> b", "a -> c"],
            ["HW102"]),
        GraphCase("back through a directory above", "a /t/a, b /b, c /t", ["a -> b", "b -> c"], ["HW101"]),
        GraphCase("back through a directory inside", "a /t, b /b, c /t/c", ["a -> b", "b -> c"], ["HW101"]),
        GraphCase(
            "the same sub-directory back", "a /A, b /B",
            ["{from: a, to: b, subpath: x}", "{from: b, to: a, subpath: x/y, session: s}"], ["HW101"]),
        GraphCase(
            "a sub-directory back from the whole", "a /A, b /B", ["a -> b", "{from: b, to: a, subpath: x}"], ["HW101"]),
        GraphCase(
            "sub-directories that overlap", "a /A, b /B, c /C",
            ["{from: a, to: c, subpath: x}", "{from: b, to: c, subpath: x/y, session: s}"], ["HW102"]),
        GraphCase("two loops apart", abcd, ["a -> b", "b -> a", "c -> d", "d -> c"], ["HW101", "HW101"]),
        GraphCase("a loop with a tail", abcd, ["a -> b", "b -> c", "c -> b", "c -> d"], ["HW101", "HW102"]),
        GraphCase("edge to itself", "a /srv/a", ["a -> a"], ["HW103"]),
        GraphCase("unknown upstream and downstream", "a /srv/a", ["x -> y"], ["HW104", "HW104"]),
        GraphCase("unused peer", abc, ["a -> b"], ["HW105"]),
        GraphCase("one edge twice", "a /srv/a, b /srv/b", ["a -> b", "a -> b"], ["HW102"]),
        GraphCase(
            "sessions that differ in case", abc, ["{from: a, to: b, session: s}", "{from: a, to: c, session: S}"],
            ["HW106"]),
        GraphCase(
            "explicit name of another's default", abc, ["a -> b", "{from: a, to: c, session: net-a-b}"], ["HW106"]),
        GraphCase(
            "names that collide by dashes", "a /a, a-b /ab, b-c /bc, c /c", ["a -> b-c", "a-b -> c"], ["HW106"]),
        GraphCase("a default name with a slash", "a /srv/a, b /srv/b", ["{from: a, to: b, subpath: x/y}"], ["HW109"]),
        GraphCase("peers that differ in case", "a /srv/a, A /srv/b", ["a -> A"], ["HW110"]),
        GraphCase(
            "one database for both ends", "a {path: /a, database: /db}, b {path: /b, database: /db}", ["a -> b"],
            ["HW107"]),
        GraphCase(
            "the database of one in the path of the other", "a {path: /a, database: /b}, b /b", ["a -> b"],
            ["HW107", "HW108"]),
        GraphCase("a database in another tree", "a {path: /a, database: /b/db}, b /b", ["a -> b"], ["HW108"]),
        GraphCase("a database in its own tree", "a {path: /a, database: /a/db}, b /b", ["a -> b"], ["HW108"]),
    ]

    static let harmlessDatabases: [GraphCase] = [
        GraphCase("a database that is the path", "a {path: /a, database: /a/.}, b /b", ["a -> b"]),
        GraphCase("a database outside", "a {path: /a, database: /db}, b /b", ["a -> b"]),
        GraphCase(
            "one path on two hosts", "a {path: /a, database: /db}, b {host: h, path: /b, database: /db}", ["a -> b"]),
        GraphCase(
            "a database above a tree", "a {path: /t/a, database: /t}, b /t/b", ["a -> b"]),
        GraphCase(
            "a database beside the sub-directory that is synced", "a {path: /a, database: /a/db}, b /b",
            ["{from: a, to: b, subpath: x}"]),
    ]

    @Test(arguments: good + harmlessDatabases)
    func good_isAccepted(_ graph: GraphCase) {
        let loaded = Loaded(peers: graph.peers, edges: graph.edges)
        #expect(loaded.broken == [], "\(loaded.text)")
    }

    @Test(arguments: bad)
    func bad_breaksExactlyItsRules(_ graph: GraphCase) {
        let loaded = Loaded(peers: graph.peers, edges: graph.edges)
        #expect(loaded.broken == graph.broken.sorted(), "\(loaded.text)")
        #expect(loaded.topology == nil || graph.broken == ["HW105"])
    }

    @Test func enoughCases() { #expect(Self.good.count + Self.bad.count >= 40) }

    @Test func loop_printsThePathWithEachLine() {
        let loaded = Loaded(peers: Self.abc, edges: ["a -> b", "b -> c", "c -> a"])
        #expect(
            loaded.message("HW101")
                == "a loop: what flows down comes back upstream: a -> b (line 8), b -> c (line 9), c -> a (line 10)")
    }

    @Test func loop_overPlacesInsideEachOther_saysHowTheyLie() {
        let loaded = Loaded(peers: "a /t, b /b, c /t/c", edges: ["a -> b", "b -> c"])
        #expect(
            loaded.message("HW101")
                == "a loop: what flows down comes back upstream: a -> b (line 8), b -> c (line 9) (c lies in a)")
        let alone = Loaded(peers: "a /srv/a, b /srv/a/b", edges: ["a -> b"])
        #expect(alone.message("HW101") == "a loop: a -> b (line 7), and b lies in a")
    }

    @Test func loop_ofBidiEdges_goesOneWayRound() {
        let loaded = Loaded(peers: Self.abc, edges: ["a <-> b", "b <-> c", "c <-> a"])
        let steps = loaded.message("HW101")?.split(separator: ": ").last ?? ""
        #expect(steps == "a -> b (line 8), b -> c (line 9), c -> a (line 10)")
    }

    @Test func loop_isTheShortest() {
        let loaded = Loaded(peers: Self.abcd, edges: ["a -> b", "b -> c", "c -> d", "d -> a", "b -> a"])
        #expect(loaded.message("HW101")?.hasSuffix("upstream: a -> b (line 9), b -> a (line 13)") == true)
    }

    @Test func twoWriters_namesBothEdges() {
        let loaded = Loaded(peers: Self.abc, edges: ["a -> c", "b -> c"])
        #expect(loaded.message("HW102") == "b -> c and a -> c (line 8) write overlapping places")
    }

    @Test func ringOfBidiEdges_isOneLoop() {
        let loaded = Loaded(peers: Self.abc, edges: ["a <-> b", "b <-> c", "c <-> a"])
        #expect(loaded.ids.filter { $0 == "HW900" }.isEmpty)
        #expect(loaded.ids.filter { $0 == "HW101" }.count == 1)
    }
}
