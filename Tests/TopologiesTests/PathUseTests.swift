import Core
import Testing

@testable import Topologies

/// What becomes of one path, from the text of the file alone.
@Suite struct PathUseTests {
    private static let text = """
        headwater: 1
        name: net
        peers:
          a: {path: /srv/a, mount: .mounted}
          b: {host: b, path: "~/b"}
          c: {host: c, path: /srv/c, mount: docs/mark}
          d: /srv/d
        edges:
          - a -> b
          - {from: a, to: c, subpath: docs}
          - {from: d, to: a, subpath: logs/web, session: web}
        """

    private func topology() throws -> Topology {
        try #require(TopologyFile.load(bytes: Array(Self.text.utf8), name: "net").topology)
    }

    private func verdicts(_ shown: String, at peer: Int = 0) throws -> [EdgeUse.Verdict] {
        let topology = try topology()
        return topology.uses(of: try #require(topology.path(shown, at: peer)), at: peer).map(\.use.verdict)
    }

    private func path(_ text: String) -> TreePath { try! TreePath(slashed: text) }

    @Test func path_isReadAndWritten_throughTheSubpathOfEachEdge() throws {
        #expect(try verdicts("docs/x") == [.taken(path("docs/x")), .taken(path("x")), .outside])
        #expect(try verdicts("docs") == [.taken(path("docs")), .taken(.root), .outside])
        #expect(try verdicts("docsx") == [.taken(path("docsx")), .outside, .outside])
        #expect(try verdicts("logs") == [.taken(path("logs")), .outside, .above])
        #expect(try verdicts(".") == [.taken(.root), .above, .above])
        let uses = try topology().uses(of: path("logs/web/x"), at: 0).map(\.use)
        #expect(uses.map(\.role) == [.reads, .reads, .writes] && uses.map(\.other) == ["b", "c", "d"])
        #expect(uses[2].verdict == .taken(path("x")) && uses[2].subpath == "logs/web")
        #expect(try topology().uses(of: path("x"), at: 1).map(\.use.role) == [.writes])
    }

    @Test func whatIsNeverSynced_isNamed() throws {
        #expect(try verdicts(".headwater/net-a-b")[0] == .reserved)
        #expect(try verdicts("docs/.headwater/x")[1] == .reserved)
        #expect(try verdicts(".mounted") == [.mark(ofPeer: "a"), .outside, .outside])
        #expect(try verdicts("docs/mark")[1] == .mark(ofPeer: "c"))
    }

    @Test func pathsAreTaken_asAPersonNamesThem() throws {
        let topology = try topology()
        for (shown, peer) in [
            ("docs/x", 0), ("/srv/a/docs/x", 0), ("docs/x/", 0), ("~/b/docs/x", 1), ("docs/\\x78", 0),
        ] {
            #expect(topology.path(shown, at: peer) == path("docs/x"), "\(shown)")
        }
        #expect(topology.path("/srv/a", at: 0) == .root && topology.path("/srv/a/", at: 0) == .root)
        for shown in ["/srv/ab/x", "/etc", "a//b", "../x", "a/../b", "a\\q", String(repeating: "x", count: 256)] {
            #expect(topology.path(shown, at: 0) == nil, "\(shown)")
        }
        #expect(topology.path("~/bb", at: 1) == nil)
    }
}
