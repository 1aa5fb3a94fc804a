import Core

extension Graph {
    /// A picture that stands on its own: no script, no font, nothing loaded. Upstream left; light or dark as the reader prefers.
    ///
    /// Each peer has its name and place, each edge its mode and session near its downstream end; whole texts are in their titles.
    /// A dashed line joins a peer to another whose directory it lies in. Where a layer is long, peers take one line.
    package static func svg(_ topology: Topology) -> String { SVGDrawing(topology).text }
}

/// Measures and draws. Texts are in a fixed-width font, whose width is known without it.
private struct SVGDrawing {
    private static let margin = 24.0
    private static let heading = 44.0
    /// Between a label and the curve before it.
    private static let curveWidth = 72.0
    private static let nameWidth = 7.9
    private static let smallWidth = 6.7
    private static let labelWidth = 6.1
    private static let portGap = 17.0
    private static let placeMax = 42
    private static let labelMax = 34
    /// Peers of a layer from which on each takes one line.
    private static let longLayer = 24

    private let topology: Topology
    private let nested: [(inner: Int, outer: Int)]
    private let layering: Layering
    private let isCompact: Bool
    private let places: [String]
    private let labels: [String]
    /// Left edge and width of each layer.
    private var columns: [(x: Double, width: Double)] = []
    private var heights: [Double] = []
    private var placement: Placement
    private var width = 0.0
    private var ports: [Double] = []

    init(_ topology: Topology) {
        self.topology = topology
        nested = Labels.nested(topology)
        let arcs =
            topology.edges.map { Layering.Arc(from: $0.upstream, to: $0.downstream) }
            + nested.map { Layering.Arc(from: $0.inner, to: $0.outer) }
        layering = Layering(nodeCount: topology.peers.count, arcs: arcs)
        let longest = layering.layers.map { $0.count { $0 < topology.peers.count } }.max() ?? 0
        isCompact = longest >= Self.longLayer
        places = topology.peers.map { Labels.cut(topology.place(of: $0).description, Self.placeMax) }
        labels = topology.edges.map { Labels.cut(Labels.edge($0), Self.labelMax) }
        let base = isCompact ? 24.0 : 44.0
        heights = layering.cells.map { $0.node == nil ? 6 : base }
        var arrivals = Array(repeating: 0.0, count: topology.peers.count)
        for path in layering.paths { arrivals[path.last!] += 1 }
        for peer in arrivals.indices { heights[peer] = max(base, arrivals[peer] * Self.portGap + 8) }
        placement = Placement(layering, heights: heights, gap: isCompact ? 6 : 16)
        layColumns()
        ports = portsOfArcs()
    }

    private mutating func layColumns() {
        // The longest label of an edge that ends in the layer.
        var rooms = Array(repeating: 0.0, count: layering.layers.count)
        for edge in labels.indices {
            let layer = layering.cells[layering.paths[edge].last!].layer
            rooms[layer] = max(rooms[layer], Double(labels[edge].count) * Self.labelWidth + 16)
        }
        var x = Self.margin
        for (index, layer) in layering.layers.enumerated() {
            if index > 0 { x += Self.curveWidth + rooms[index] }
            let width = layer.compactMap { layering.cells[$0].node }.map(boxWidth).max() ?? 0
            columns.append((x, width))
            x += width
        }
        let title = Double(heading.count) * Self.nameWidth * 1.25
        width = max(x, title + Self.margin) + Self.margin
    }

    private func boxWidth(_ peer: Int) -> Double {
        let name = Double(Excerpt.width(topology.peers[peer].name)) * Self.nameWidth
        let place = Double(Excerpt.width(places[peer])) * Self.smallWidth
        return (isCompact ? name + place + 10 : max(name, place)) + 20
    }

    private var heading: String {
        let counts = [(topology.peers.count, "peer"), (topology.edges.count, "edge")]
        return topology.name + ": " + counts.map { "\($0.0) \($0.1)\($0.0 == 1 ? "" : "s")" }.joined(separator: ", ")
    }

    // MARK: Text

    var text: String {
        let height = placement.height + Self.heading + 2 * Self.margin
        let size =
            "width=\"\(whole(width))\" height=\"\(whole(height))\" viewBox=\"0 0 \(whole(width)) \(whole(height))\""
        var lines = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" \(size) role=\"img\" aria-labelledby=\"headwater-title headwater-text\">",
            "<title id=\"headwater-title\">\(xml(heading))</title>",
            "<desc id=\"headwater-text\">\(xml(description))</desc>", SVGStyle.sheet, SVGStyle.markers,
            "<rect class=\"paper\" width=\"100%\" height=\"100%\"/>",
            "<text class=\"heading\" x=\"\(whole(Self.margin))\" y=\"34\">\(xml(heading))</text>",
        ]
        lines += nested.indices.map(drawNesting)
        lines += topology.edges.indices.map(drawEdge)
        lines += topology.peers.indices.map(drawPeer)
        return (lines + ["</svg>", ""]).joined(separator: "\n")
    }

    private var description: String {
        let edges = topology.edges.prefix(200).map { edge in
            "\(topology.peers[edge.upstream].name) \(edge.mode == .bidi ? "to and from" : "to") \(topology.peers[edge.downstream].name)"
        }
        let rest = topology.edges.count - edges.count
        return "Who feeds whom: " + edges.joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "") + "."
    }

    private func drawPeer(_ index: Int) -> String {
        let peer = topology.peers[index]
        let column = columns[layering.cells[index].layer]
        let (top, middle) = (y(index) - heights[index] / 2, y(index))
        let name =
            "<text class=\"name\" x=\"\(whole(column.x + 10))\" y=\"\(whole(isCompact ? middle + 4 : middle - 3))\">"
        let start = column.x + 10 + (isCompact ? Double(Excerpt.width(peer.name)) * Self.nameWidth + 10 : 0)
        let place = "<text class=\"place\" x=\"\(whole(start))\" y=\"\(whole(isCompact ? middle + 4 : middle + 13))\">"
        return "<g class=\"\(peer.host == nil ? "peer here" : "peer")\">"
            + "<title>\(xml("\(peer.name): \(topology.place(of: peer))"))</title>"
            + "<rect x=\"\(whole(column.x))\" y=\"\(whole(top))\" width=\"\(whole(column.width))\" "
            + "height=\"\(whole(heights[index]))\" rx=\"6\"/>\(name)\(xml(peer.name))</text>"
            + "\(place)\(xml(places[index]))</text></g>"
    }

    private func drawEdge(_ index: Int) -> String {
        let edge = topology.edges[index]
        let isTurned = layering.isTurned[index]
        let isBothWays = edge.mode == .bidi
        let heads =
            (isBothWays || isTurned ? " marker-start=\"url(#headwater-back)\"" : "")
            + (isBothWays || !isTurned ? " marker-end=\"url(#headwater-head)\"" : "")
        let end = ports[index]
        let ends =
            "\(topology.peers[edge.upstream].name) \(isBothWays ? "<->" : "->") \(topology.peers[edge.downstream].name)"
        return "<g class=\"edge \(edge.mode.rawValue)\"><title>\(xml("\(ends), \(Labels.edge(edge))"))</title>"
            + "<path d=\"\(curve(index))\"\(heads)/>"
            + "<text x=\"\(whole(columns[layering.cells[layering.paths[index].last!].layer].x - 14))\" y=\"\(whole(end - 4))\" "
            + "text-anchor=\"end\">\(xml(labels[index]))</text></g>"
    }

    private func drawNesting(_ index: Int) -> String {
        let (inner, outer) = (topology.peers[nested[index].inner].name, topology.peers[nested[index].outer].name)
        return "<g class=\"nested\"><title>\(xml("\(inner) lies in \(outer)"))</title>"
            + "<path d=\"\(curve(topology.edges.count + index))\"/></g>"
    }

    // MARK: Lines

    private func y(_ cell: Int) -> Double { placement.middles[cell] + Self.heading + Self.margin }

    /// Where each arc meets its right end: each has a place of its own there, in the order of where they come from.
    private func portsOfArcs() -> [Double] {
        var arriving: [Int: [Int]] = [:]
        for (arc, path) in layering.paths.enumerated() { arriving[path.last!, default: []].append(arc) }
        var ports = Array(repeating: 0.0, count: layering.paths.count)
        for (end, arcs) in arriving {
            let sorted = arcs.map { (y(layering.paths[$0][layering.paths[$0].count - 2]), $0) }.sorted { $0 < $1 }
            for (slot, arc) in sorted.enumerated() {
                ports[arc.1] = y(end) + (Double(slot) - Double(arcs.count - 1) / 2) * Self.portGap
            }
        }
        return ports
    }

    private func curve(_ arc: Int) -> String {
        let path = layering.paths[arc]
        let first = columns[layering.cells[path[0]].layer]
        var (x, level) = (first.x + first.width, y(path[0]))
        var text = "M\(whole(x)) \(whole(level))"
        for (index, cell) in path.enumerated().dropFirst() {
            let column = columns[layering.cells[cell].layer]
            let isEnd = index == path.count - 1
            let bend = x + Self.curveWidth - 12
            let target = isEnd ? ports[arc] : y(cell)
            let middle = (x + bend) / 2
            text +=
                " C\(whole(middle)) \(whole(level)) \(whole(middle)) \(whole(target)) \(whole(bend)) \(whole(target))"
            x = isEnd ? column.x : column.x + column.width
            text += " H\(whole(isEnd ? x - 2 : x))"
            level = target
        }
        return text
    }

    private func whole(_ number: Double) -> Int { Int(number.rounded()) }

    /// Text for XML 1.0.
    private func xml(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "\u{FFFE}", "\u{FFFF}": out += "\u{FFFD}"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}

private enum SVGStyle {
    static let sheet = """
        <style>
        text{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#1f2328}
        .paper{fill:#ffffff}
        .heading{font-size:16px;font-weight:600}
        .peer rect{fill:#f6f8fa;stroke:#818b98}
        .here rect{fill:#ddf4ff;stroke:#0969da}
        .name{font-size:13px;font-weight:600}
        .place{font-size:11px;fill:#59636e}
        .edge path{fill:none;stroke:#59636e;stroke-width:1.5}
        .edge text{font-size:10px;fill:#59636e}
        .bidi path{stroke:#8250df}
        .pull path{stroke:#1a7f37}
        .nested path{fill:none;stroke:#818b98;stroke-dasharray:2 4}
        .head{fill:#59636e}
        @media (prefers-color-scheme:dark){
        text{fill:#f0f6fc}
        .paper{fill:#0d1117}
        .peer rect{fill:#151b23;stroke:#656c76}
        .here rect{fill:#121d2f;stroke:#4493f8}
        .place,.edge text{fill:#9198a1}
        .edge path{stroke:#9198a1}
        .bidi path{stroke:#ab7df8}
        .pull path{stroke:#3fb950}
        .head{fill:#9198a1}
        }
        </style>
        """
    static let markers =
        "<defs><marker id=\"headwater-head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"6\" markerHeight=\"6\" "
        + "orient=\"auto\"><path class=\"head\" d=\"M0 0 8 4 0 8Z\"/></marker>"
        + "<marker id=\"headwater-back\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"6\" markerHeight=\"6\" "
        + "orient=\"auto-start-reverse\"><path class=\"head\" d=\"M0 0 8 4 0 8Z\"/></marker></defs>"
}
