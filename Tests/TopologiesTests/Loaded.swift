import Topologies

/// What a text gives, in short forms for assertions.
struct Loaded {
    var topology: Topology?
    var diagnostics: [Diagnostic]

    init(_ text: String, name: String = "net.yaml") { self.init(bytes: Array(text.utf8), name: name) }

    init(bytes: [UInt8], name: String = "net.yaml") {
        (topology, diagnostics) = TopologyFile.load(bytes: bytes, name: name)
    }

    init(path: String) { (topology, diagnostics) = TopologyFile.load(path: path) }

    /// A file of these peers (`"a /srv/a, b host:/srv/b"`) and edges.
    init(peers: String, edges: [String], defaults: String? = nil) {
        var depth = 0
        let split = peers.split {
            depth += $0 == "{" ? 1 : $0 == "}" ? -1 : 0
            return $0 == "," && depth == 0
        }
        let declared = split.map { $0.drop { $0 == " " } }.map { peer in
            let parts = peer.split(separator: " ", maxSplits: 1)
            return "  \(parts[0]): \(parts[1])"
        }
        let items = edges.map { "  - \($0)" }
        self.init(
            (["headwater: 1", "name: net"] + (defaults.map { ["defaults: \($0)"] } ?? []) + ["peers:"] + declared
                + ["edges:\(items.isEmpty ? " []" : "")"] + items + [""])
                .joined(separator: "\n"))
    }

    /// Every finding as `HW101 7:5`.
    var places: [String] { diagnostics.map { "\($0.rule.id) \($0.line):\($0.column)" } }

    var ids: [String] { diagnostics.map(\.rule.id) }

    /// The rules broken beside what is only not supported yet.
    var broken: [String] { ids.filter { !$0.hasPrefix("HW9") }.sorted() }

    var text: String { DiagnosticText.render(diagnostics, colour: false) }

    func message(_ id: String) -> String? { diagnostics.first { $0.rule.id == id }?.message }
}
