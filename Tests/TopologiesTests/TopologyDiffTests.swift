import Testing

@testable import Topologies

/// What `diff` finds between two files, and what it says will follow.
@Suite struct TopologyDiffTests {
    static let peers = "a /a, b h:/b, c i:/c"
    static let edges = ["a -> b", "{from: a, to: c, session: c}"]

    func changes(
        _ peers: String, _ edges: [String], defaults: String? = nil, from old: Loaded? = nil
    ) throws -> [TopologyChange] {
        let old = old ?? Loaded(peers: Self.peers, edges: Self.edges)
        let new = Loaded(peers: peers, edges: edges, defaults: defaults)
        guard let before = old.topology, let after = new.topology else {
            Issue.record("\(old.text)\(new.text)")
            return []
        }
        return TopologyDiff.changes(from: before, to: after)
    }

    /// `~edge a -> b [max_delete: nil>7]`.
    func short(_ changes: [TopologyChange]) -> [String] {
        changes.map { change in
            let fields = change.fields.map { "\($0.key): \($0.old ?? "nil")>\($0.new ?? "nil")" }
            return "\(change.kind) \(change.subject) \(change.name) [\(fields.joined(separator: ", "))]"
        }
    }

    @Test func sameFile_hasNoDifference_whateverItsForm() throws {
        #expect(try changes(Self.peers, Self.edges) == [])
        #expect(
            try changes(
                "c {path: /c/, host: i}, a {path: /a}, b h:/b",
                ["{from: a, to: c, session: c, mode: push}", "{from: a, to: b, max_delete: 50%}"]) == [])
        #expect(try changes(Self.peers, Self.edges, defaults: "{max_delete: 50%}") == [])
    }

    @Test func peersAndEdges_comeAndGo() throws {
        let found = try changes("a /a, b h:/b, d j:/d", ["a -> b", "a -> d"])
        #expect(
            short(found) == [
                "added peer d []", "removed peer c []", "added edge a -> d []", "removed edge a -> c []",
            ])
        #expect(found[2].consequences == ["first cycle: equal files are adopted, nothing is deleted"])
        #expect(found[3].consequences == [EdgeConsequence.removed])
    }

    @Test func keys_areComparedOneByOne_defaultsIncluded() throws {
        let found = try changes(
            "a /a, b {host: h, path: /b, port: 2222, mount: m}, c i:/c", ["a -> b", "{from: a, to: c, session: c}"],
            defaults: "{max_delete: 7}")
        #expect(
            short(found) == [
                "changed peer b [port: nil>2222, mount: nil>m]", "changed edge a -> b [max_delete: nil>7]",
                "changed edge a -> c [max_delete: nil>7]",
            ])
        #expect(found[1].fields[0].standard == "50%")
        #expect(found[1].consequences.contains { $0.contains("if that is another machine") })
    }

    @Test func renamedPeer_isOne_andItsSessionNeedsItsSnapshotRenamed() throws {
        let found = try changes("a /a, bb h:/b, c i:/c", ["a -> bb", "{from: a, to: c, session: c}"])
        #expect(
            short(found) == ["renamed peer bb [name: b>bb]", "renamed edge a -> bb [session: net-a-b>net-a-bb]"])
        #expect(found[1].consequences.count == 1)
        #expect(found[1].consequences[0].contains("headwater snapshot rename net-a-b net-a-bb"))
        #expect(found[1].session == "net-a-b")
        // With the session kept, nothing follows.
        let kept = try changes("a /a, bb h:/b, c i:/c", ["{from: a, to: bb, session: net-a-b}", Self.edges[1]])
        #expect(short(kept) == ["renamed peer bb [name: b>bb]"])
    }

    @Test func movedPlace_refusesUntilReset() throws {
        let found = try changes("a /a, b h:/bb, c i:/c", Self.edges)
        #expect(short(found) == ["changed peer b [path: /b>/bb]", "changed edge a -> b []"])
        #expect(found[1].consequences[0].contains("snapshot.other-places"))
        #expect(found[1].consequences[0].contains("--reset --edge net-a-b"))
    }

    @Test func otherDirection_refusesUntilReset() throws {
        let pull = try changes(Self.peers, ["{from: a, to: b, mode: pull}", Self.edges[1]])
        #expect(short(pull) == ["changed edge a -> b [mode: push>pull]"])
        #expect(pull[0].consequences[0].contains("snapshot.direction-changed"))
        let turned = try changes(Self.peers, ["b -> a", Self.edges[1]])
        #expect(turned.count == 1 && turned[0].kind == .renamed)
        #expect(turned[0].consequences[0].contains("snapshot.direction-changed"))
    }

    @Test func otherDatabase_saysWhatToMove() throws {
        let found = try changes("a /a, b {host: h, path: /b, database: /var/db}, c i:/c", Self.edges)
        #expect(short(found) == ["changed peer b [database: nil>/var/db]", "changed edge a -> b []"])
        #expect(found[1].consequences[0].contains("move /b/.headwater/net-a-b there first"))
    }

    @Test func otherName_renamesEverySessionNamedAfterIt() throws {
        let old = Loaded(peers: "a /a, b h:/b", edges: ["a -> b"])
        let new = Loaded("headwater: 1\nname: web\npeers: {a: /a, b: h:/b}\nedges: [a -> b]\n")
        let (before, after) = (try #require(old.topology), try #require(new.topology))
        let found = TopologyDiff.changes(from: before, to: after)
        #expect(
            short(found) == ["changed topology web [name: net>web]", "renamed edge a -> b [session: net-a-b>web-a-b]"])
    }

    @Test func namedAfter_givesTheDefaultName() {
        let text = Array("headwater: 1\npeers: {a: /a, b: /b}\nedges: [a -> b]\n".utf8)
        let (topology, diagnostics) = TopologyFile.load(bytes: text, name: "/dev/fd/63", namedAfter: "x/web.yaml")
        #expect(topology?.name == "web" && topology?.file == "/dev/fd/63" && diagnostics.isEmpty)
    }
}
