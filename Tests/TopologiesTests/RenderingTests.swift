import Foundation
import Testing
import Topologies

@Suite struct RenderingTests {
    static let star = Loaded(
        peers:
            "build /srv/artifacts, eu deploy@eu.example.com:/srv/artifacts, us us:/srv/a, asia asia:~/a, mirror {host: '::1', path: /m}",
        edges: ["build -> eu", "build -> us", "build -> asia", "build -> mirror"])

    @Test func text_isInTheStyleOfACompiler() {
        let loaded = Loaded("headwater: 1\npeers: {build: /a, eu: h:/b}\nedges:\n  - build -> eu\n  - build -> eo\n")
        #expect(
            loaded.text == """
                net.yaml:5:14: error[HW104]: there is no peer `eo`
                     5 |   - build -> eo
                       |              ^^
                       = remedy: did you mean `eu`?

                1 error

                """)
    }

    @Test func text_countsErrorsAndWarnings() {
        #expect(DiagnosticText.render([], colour: true) == "")
        #expect(DiagnosticText.summary([]) == "no errors")
        let loaded = Loaded("headwater: 1\npeers: {a: /x, b: y}\nedges: []\n")
        #expect(loaded.text.hasSuffix("1 error, 2 warnings\n"))
    }

    @Test func text_escapesWhatATerminalCouldObey() {
        let bytes = Array("headwater: 1\nname: \u{1B}[31m\u{202E}x\n".utf8)
        let text = DiagnosticText.render(Loaded(bytes: bytes, name: "a\u{1B}]0;x\u{7}.yaml").diagnostics, colour: false)
        #expect(!text.unicodeScalars.contains { ($0.value < 0x20 && $0 != "\n") || $0.value == 0x202E })
        #expect(text.contains("name: \\x1b[31m\\u{202e}x"))
        #expect(text.contains("a\\x1b]0;x\\x07.yaml:2:7:"))
    }

    @Test func text_hasColoursOnlyWhenAsked() {
        let diagnostics = Loaded("headwater: 2\npeers: {}\nedges: []\n").diagnostics
        #expect(DiagnosticText.render(diagnostics, colour: true).contains("\u{1B}[1;31m"))
        #expect(!DiagnosticText.render(diagnostics, colour: false).contains("\u{1B}"))
    }

    @Test func text_cutsLongLinesAroundTheCaret() {
        let text = Loaded("headwater: 1\npeers: {a: /\(String(repeating: "x", count: 250)), b: y}\nedges: [a -> b]\n")
            .text
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let caret = try! #require(lines.firstIndex { $0.contains("^") })
        #expect(lines.allSatisfy { $0.count < 130 })
        let column = lines[caret].firstIndex(of: "^")!
        let offset = lines[caret].distance(from: lines[caret].startIndex, to: column)
        #expect(Array(lines[caret - 1])[offset] == "y")
    }

    @Test func caret_standsUnderWideCharacters() {
        let loaded = Loaded("headwater: 1\npeers: {a: /日本, b: y}\nedges: [a -> b]\n")
        let caret = loaded.text.split(separator: "\n").first { $0.contains("^") } ?? ""
        // Two wide characters stand before the caret: it is two cells further right than its column says.
        #expect(
            caret.prefix { $0 != "^" }.count == 9 + loaded.diagnostics.first { $0.rule == .badPath }!.column - 1 + 2)
    }

    @Test func json_isValid_andHasItsFields() throws {
        let loaded = Loaded(bytes: Array("headwater: 1\nname: \"a\u{1B}\\\n".utf8), name: "q\"u\\.yaml")
        let json = DiagnosticJSON.render(loaded.diagnostics)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        #expect(object["version"] as? Int == 1 && object["errors"] as? Int == 1 && object["warnings"] as? Int == 0)
        let first = try #require((object["diagnostics"] as? [[String: Any]])?.first)
        #expect(
            Set(first.keys) == [
                "rule", "title", "severity", "message", "remedy", "file", "line", "column", "length", "text",
                "text_column",
            ])
        #expect(first["rule"] as? String == "HW010" && first["line"] as? Int == 2 && first["column"] as? Int == 9)
        #expect(first["file"] as? String == "q\"u\\.yaml" && first["text"] as? String == "name: \"a\u{1B}\\")
        #expect(!json.contains("\n"))
        #expect(DiagnosticJSON.render([]) == #"{"version":1,"errors":0,"warnings":0,"diagnostics":[]}"#)
    }

    @Test func picture_ofAStar() throws {
        #expect(
            Graph.ascii(try #require(Self.star.topology, "\(Self.star.text)"), colour: false, width: 80) == """
                build ─┬─▶ eu
                       ├─▶ us
                       ├─▶ asia
                       └─▶ mirror

                build   /srv/artifacts
                eu      deploy@eu.example.com:/srv/artifacts
                us      us:/srv/a
                asia    asia:~/a
                mirror  [::1]:/m

                """)
    }

    /// `a` feeds `b` and `c`, `b` feeds `d` and `e`, all here.
    static let tiers = Loaded(
        peers: "a /a, bb /b, c /c, d /d, e /e, f /f", edges: ["a -> bb", "bb -> d", "bb -> e", "a -> c", "c -> f"])

    @Test func picture_ofTiers_hasALayerToAColumn() throws {
        let picture = Graph.ascii(try #require(Self.tiers.topology), colour: false, width: 80)
        #expect(
            picture.hasPrefix(
                """
                a ─┬─▶ bb ─┬─▶ d
                   │       └─▶ e
                   └─▶ c ────▶ f


                """.dropLast()), "\(picture)")
    }

    @Test func picture_thatIsTooWide_isAList() throws {
        let peers = (0..<12).map { "a-rather-long-name-\($0) /p/\($0)" }.joined(separator: ", ")
        let edges = (1..<12).map { "a-rather-long-name-\(($0 - 1) / 2) -> a-rather-long-name-\($0)" }
        let topology = try #require(Loaded(peers: peers, edges: edges).topology)
        let picture = Graph.ascii(topology, colour: false, width: 60)
        #expect(picture.split(separator: "\n").allSatisfy { $0.count <= 60 })
        #expect(picture.contains("│   ├─▶ a-rather-long-name-3\n"), "\(picture)")
    }

    @Test func picture_ofTwentyPeers_hasEachOnce() throws {
        let peers = (0..<20).map { "p\($0) h\($0):/p" }.joined(separator: ", ")
            .replacing("p0 h0:/p", with: "p0 /p")
        let topology = try #require(Loaded(peers: peers, edges: (1..<20).map { "p0 -> p\($0)" }).topology)
        let picture = Graph.ascii(topology, colour: true, width: 80)
        for peer in topology.peers { #expect(picture.contains("\u{1B}[1m\(peer.name)\u{1B}[0m")) }
        #expect(picture.split(separator: "\n").count == 39)
    }

    @Test func dot_hasPeersAndEdges_quoted() throws {
        let loaded = Loaded(peers: "a '/s\"r\\v', b h:/x", edges: ["a -> b"])
        #expect(
            Graph.dot(try #require(loaded.topology, "\(loaded.text)")) == #"""
                digraph "net" {
                  rankdir=LR;
                  node [shape=box];
                  "a" [label="a\n/s\"r\\\\v"];
                  "b" [label="b\nh:/x"];
                  "a" -> "b" [label="push\nnet-a-b"];
                }

                """#)
    }
}
