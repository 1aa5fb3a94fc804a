/// Turns one picture of a terminal's last lines into the next with the fewest bytes. Pure.
///
/// The cursor stands at the start of the line below the picture, before and after.
package struct Repaint: Sendable {
    private var painted: [String] = []

    package init() {}

    /// The bytes that put `lines` where the last picture stood, `above` printed over them for good.
    ///
    /// Only lines that changed are written again, so nothing flickers.
    package mutating func frame(_ lines: [String], above: [String] = []) -> String {
        defer { painted = lines }
        if above.isEmpty && lines == painted { return "" }
        var out = painted.isEmpty ? "" : "\u{1B}[\(painted.count)A\r"
        for line in above { out += line + "\u{1B}[K\n" }
        for (index, line) in lines.enumerated() {
            let isThereAlready = above.isEmpty && index < painted.count && painted[index] == line
            out += isThereAlready ? "\n" : line + "\u{1B}[K\n"
        }
        return painted.count > lines.count + above.count || !above.isEmpty ? out + "\u{1B}[J" : out
    }

    /// The bytes that wipe the picture.
    package mutating func clear() -> String {
        defer { painted = [] }
        return painted.isEmpty ? "" : "\u{1B}[\(painted.count)A\r\u{1B}[J"
    }

    package static let hideCursor = "\u{1B}[?25l"
    package static let showCursor = "\u{1B}[?25h"
}
