/// Whether and how a terminal is addressed.
package struct Style: Sendable {
    /// Colours by escape sequences.
    package var colour: Bool
    /// Bars of block characters rather than `#`.
    package var unicode: Bool

    package init(colour: Bool, unicode: Bool) {
        self.colour = colour
        self.unicode = unicode
    }

    package static let plain = Style(colour: false, unicode: false)
}

package enum Colour: String, Sendable {
    case none = ""
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
    case cyan = "36"
}

/// One line of coloured spans. The text is measured and cut without its colours, so a cut never splits an escape sequence.
package struct StyledLine: Sendable {
    private var spans: [(text: String, colour: Colour)] = []

    package init() {}

    package init(_ text: String, _ colour: Colour = .none) { add(text, colour) }

    /// Control characters in `text` do not survive.
    package mutating func add(_ text: String, _ colour: Colour = .none) {
        spans.append((TerminalText.harmless(text), colour))
    }

    /// The line for a terminal of `columns`, or of any width when nil; no line feed at its end.
    package func rendered(columns: Int? = nil, colour: Bool) -> String {
        var left = columns ?? .max
        var out = ""
        for span in spans where left > 0 {
            let text = TerminalText.cut(span.text, to: left)
            left -= TerminalText.width(of: text)
            let isPlain = !colour || span.colour == .none || text.isEmpty
            out += isPlain ? text : "\u{1B}[\(span.colour.rawValue)m\(text)\u{1B}[0m"
            if text != span.text { break }
        }
        return out
    }
}
