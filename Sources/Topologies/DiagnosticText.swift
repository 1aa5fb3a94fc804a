import Core

/// Diagnostics for people, in the style of a compiler.
///
///     net.yaml:7:5: error[HW104]: there is no peer `eo`
///          7 |   - build -> eo
///            |              ^^
///            = remedy: did you mean `eu`?
package enum DiagnosticText {
    /// The most characters of a line that are shown around the caret.
    private static let excerptMax = 100

    /// Empty for no diagnostics; else ends with a line that counts them. Nothing in it that a terminal could obey but our colours.
    package static func render(_ diagnostics: [Diagnostic], colour: Bool) -> String {
        if diagnostics.isEmpty { return "" }
        let paint = Paint(isOn: colour)
        return diagnostics.map { render($0, paint) }.joined(separator: "\n") + "\n" + summary(diagnostics) + "\n"
    }

    /// `2 errors, 1 warning`.
    package static func summary(_ diagnostics: [Diagnostic]) -> String {
        let errors = diagnostics.count { $0.severity == .error }
        let parts = [(errors, "error"), (diagnostics.count - errors, "warning")].filter { $0.0 > 0 }
        if parts.isEmpty { return "no errors" }
        return parts.map { "\($0.0) \($0.1)\($0.0 == 1 ? "" : "s")" }.joined(separator: ", ")
    }

    private static func render(_ diagnostic: Diagnostic, _ paint: Paint) -> String {
        let place = "\(Printable.text(diagnostic.file)):\(diagnostic.line):\(diagnostic.column):"
        let kind = "\(diagnostic.severity.rawValue)[\(diagnostic.rule.id)]:"
        let colour = diagnostic.severity == .error ? Paint.red : Paint.yellow
        var lines = ["\(paint(place, Paint.bold)) \(paint(kind, colour)) \(paint(diagnostic.message, Paint.bold))"]
        if !diagnostic.text.isEmpty {
            let number = String(diagnostic.line)
            let gutter = String(repeating: " ", count: max(0, 6 - number.count)) + number
            let (excerpt, offset, length) = excerpt(diagnostic)
            let caret = String(repeating: " ", count: offset) + paint(String(repeating: "^", count: length), colour)
            lines.append("\(paint(gutter + " |", Paint.dim)) \(excerpt)")
            lines.append("\(paint(String(repeating: " ", count: gutter.count) + " |", Paint.dim)) \(caret)")
            lines.append("\(String(repeating: " ", count: gutter.count)) = remedy: \(diagnostic.remedy)\n")
        } else {
            lines.append("  remedy: \(diagnostic.remedy)\n")
        }
        return lines.joined(separator: "\n")
    }

    /// The part of the line around the caret, and where the caret begins in it and how long it is, counted as shown.
    private static func excerpt(_ diagnostic: Diagnostic) -> (text: String, offset: Int, length: Int) {
        let column = max(0, diagnostic.column - diagnostic.textColumn)
        let first = max(0, column - excerptMax / 2)
        let scalars = diagnostic.text.unicodeScalars.dropFirst(first)
        let shown = Array(scalars.prefix(excerptMax))
        let isCut =
            scalars.dropFirst(excerptMax).first != nil || diagnostic.text.unicodeScalars.count == Diagnostic.textMax
        func text(_ part: some Sequence<Unicode.Scalar>) -> String {
            Excerpt.text(String(String.UnicodeScalarView(part)))
        }
        let lead = first > 0 || diagnostic.textColumn > 1 ? "…" : ""
        let before = lead + text(shown.prefix(column - first))
        let marked = text(shown.dropFirst(column - first).prefix(diagnostic.length))
        let whole = lead + text(shown) + (isCut ? "…" : "")
        return (whole, Excerpt.width(before), max(1, Excerpt.width(marked)))
    }
}

/// A piece of the file as it is shown beneath a diagnostic.
enum Excerpt {
    /// Like `Printable`, but with backslashes as they are: the line is to look as in the editor.
    static func text(_ text: String) -> String {
        text.split(separator: "\\", omittingEmptySubsequences: false).map { Printable.text(String($0)) }
            .joined(separator: "\\")
    }

    /// Cells on a terminal: combining marks take none, East Asian wide characters two.
    static func width(_ text: String) -> Int {
        text.unicodeScalars.reduce(0) { width, scalar in
            switch scalar.properties.generalCategory {
            case .nonspacingMark, .enclosingMark, .format: width
            default: width + (isWide(scalar.value) ? 2 : 1)
            }
        }
    }

    private static func isWide(_ value: UInt32) -> Bool {
        switch value {
        case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
            0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
            true
        default: false
        }
    }
}

/// Colours of a terminal, or none.
struct Paint {
    static let bold = "1"
    static let dim = "2"
    static let red = "1;31"
    static let yellow = "1;33"

    var isOn: Bool

    func callAsFunction(_ text: String, _ style: String) -> String {
        isOn && !text.isEmpty ? "\u{1B}[\(style)m\(text)\u{1B}[0m" : text
    }
}
