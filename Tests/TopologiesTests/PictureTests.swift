import Foundation
import FoundationXML
import Testing
import Topologies

/// The pictures for browsers and for Markdown.
@Suite struct PictureTests {
    /// What a reader of XML finds: elements with their attributes, and texts by element.
    final class Elements: NSObject, XMLParserDelegate {
        var found: [(name: String, attributes: [String: String], text: String)] = []
        private var open: [Int] = []

        init?(_ text: String) {
            super.init()
            let parser = XMLParser(data: Data(text.utf8))
            parser.delegate = self
            if !parser.parse() { return nil }
        }

        func parser(
            _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String]
        ) {
            open.append(found.count)
            found.append((name, attributes, ""))
        }

        func parser(_ parser: XMLParser, foundCharacters text: String) {
            if let last = open.last { found[last].text += text }
        }

        func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
            open.removeLast()
        }

        func texts(_ name: String) -> [String] { found.filter { $0.name == name }.map(\.text) }
        func rectangles() -> [CGRect] {
            found.filter { $0.name == "rect" && $0.attributes["x"] != nil }.map { rect in
                let numbers = ["x", "y", "width", "height"].map { Double(rect.attributes[$0]!)! }
                return CGRect(x: numbers[0], y: numbers[1], width: numbers[2], height: numbers[3])
            }
        }
    }

    /// The topology of a file that must be good.
    static func good(_ loaded: Loaded) throws -> Topology { try #require(loaded.topology, "\(loaded.text)") }

    static func star(_ count: Int) throws -> Topology {
        let peers = (1..<count).map { "p\($0) deploy@p\($0).example.com:/srv/www" }
        let loaded = Loaded(
            peers: (["build /srv/www"] + peers).joined(separator: ", "), edges: (1..<count).map { "build -> p\($0)" })
        return try Self.good(loaded)
    }

    @Test(arguments: [1, 4, 20, 100])
    func svg_hasEveryPeerAndEdge_andNoBoxOverAnother(count: Int) throws {
        let text = Graph.svg(try Self.star(count))
        let elements = try #require(Elements(text))
        let names = elements.found.filter { $0.attributes["class"] == "name" }.map(\.text)
        #expect(Set(names) == Set(["build"] + (1..<count).map { "p\($0)" }) && names.count == count)
        let titles = elements.texts("title")
        #expect(titles.count == 1 + count + (count - 1))
        #expect(titles[0] == "net: \(count) peer\(count == 1 ? "" : "s"), \(count - 1) edge\(count == 2 ? "" : "s")")
        if count > 1 { #expect(titles.contains("build -> p1, push · net-build-p1")) }
        let boxes = elements.rectangles()
        for (index, box) in boxes.enumerated() {
            #expect(!boxes.dropFirst(index + 1).contains { $0.intersects(box) })
        }
        let size = try #require(elements.found.first?.attributes)
        let whole = CGRect(x: 0, y: 0, width: Double(size["width"]!)!, height: Double(size["height"]!)!)
        #expect(boxes.allSatisfy { whole.contains($0) })
        // Downstream is right of upstream.
        #expect(boxes.dropFirst().allSatisfy { $0.minX > boxes[0].maxX })
    }

    @Test func svg_standsOnItsOwn_andIsForAllReaders() throws {
        let text = Graph.svg(try Self.star(4))
        let elements = try #require(Elements(text))
        let root = try #require(elements.found.first)
        #expect(
            root.attributes["role"] == "img" && root.attributes["aria-labelledby"] == "headwater-title headwater-text")
        #expect(elements.texts("desc")[0].contains("build to p1, build to p2"))
        #expect(text.contains("prefers-color-scheme:dark"))
        for word in ["<script", "href", "@import", "foreignObject"] { #expect(!text.contains(word)) }
        #expect(text.components(separatedBy: "http").count == 2, "only the name space")
    }

    @Test func svg_escapesWhateverAPathHolds() throws {
        let loaded = Loaded(peers: "a '/s<\"&>]]>', b h:/x", edges: ["a -> b"])
        let svg = Graph.svg(try Self.good(loaded))
        let elements = try #require(Elements(svg))
        #expect(elements.texts("title").contains("a: /s<\"&>]]>"))
    }

    @Test func svg_joinsAPlaceToTheOneItLiesIn() throws {
        let loaded = Loaded(
            peers: "s1 /var/s1, s2 /var/s2, in1 /hub/1, in2 /hub/2, hub /hub, out h:/out",
            edges: ["s1 -> in1", "s2 -> in2", "hub -> out"])
        let svg = Graph.svg(try Self.good(loaded))
        let titles = try #require(Elements(svg)).texts("title")
        #expect(titles.contains("in1 lies in hub") && titles.contains("in2 lies in hub"))
        #expect(!titles.contains { $0.hasPrefix("s1 lies") })
    }

    @Test func mermaid_isAFlowchart_withMachinesAsGroups() throws {
        let loaded = Loaded(peers: "a /a, b u@h:/b, c h:/c", edges: ["a -> b", "{from: a, to: c, session: nightly}"])
        let text = Graph.mermaid(try Self.good(loaded))
        #expect(
            text == """
                ---
                title: net
                config:
                  flowchart:
                    wrappingWidth: 640
                ---
                flowchart LR
                  subgraph m0["h"]
                    p1["b<br/>u@h:/b"]
                    p2["c<br/>h:/c"]
                  end
                  p0["a<br/>/a"]
                  p0 -->|"push · net-a-b"| p1
                  p0 -->|"push · nightly"| p2

                """)
    }

    @Test func mermaid_joinsADirectoryToThePeerItLiesIn_unlessAnEdgeDoes() throws {
        let loaded = Loaded(peers: "web h:/logs, in /srv/logs/web, all /srv/logs", edges: ["web -> in"])
        #expect(Graph.mermaid(try Self.good(loaded)).hasSuffix("| p1\n  p1 -.-|lies in| p2\n"))
    }

    @Test func mermaid_escapesWhateverAPathHolds() throws {
        let loaded = Loaded(peers: "end '/s\"]#<b>`*_|$$\\n;', b h:/x", edges: ["end -> b"])
        let line = Graph.mermaid(try Self.good(loaded)).split(separator: "\n").first {
            $0.contains("p0[")
        }
        let label = try #require(line?.split(separator: "<br/>").last?.dropLast(2))
        #expect(
            !label.unicodeScalars.contains { "\"]#<>`*|$\\;".unicodeScalars.contains($0) && $0 != "#" && $0 != ";" })
        #expect(label.hasPrefix("/s#34;#93;#35;#60;b#62;"))
    }
}
