/// How much room text takes on a terminal, and how it is cut to fit.
///
/// Widths are columns: 2 for East Asian wide characters and emoji, 0 for combining marks. Nothing here passes a control character on.
package enum TerminalText {
    /// Columns that `text` takes.
    package static func width(of text: String) -> Int {
        text.unicodeScalars.reduce(0) { $0 + width(of: $1) }
    }

    /// `text` in at most `columns` columns; what does not fit gives way to `…` (or to nothing where there is no room for it).
    ///
    /// A wide character or a character with its combining marks is kept whole or left out.
    package static func cut(_ text: String, to columns: Int) -> String {
        if width(of: text) <= columns { return text }
        if columns < 1 { return "" }
        var kept = ""
        var used = 0
        for character in text {
            let more = width(of: String(character))
            if used + more > columns - 1 { break }
            kept.append(character)
            used += more
        }
        return kept + "…"
    }

    /// `text` cut and filled with spaces to exactly `columns`.
    package static func fitted(_ text: String, to columns: Int, alignRight: Bool = false) -> String {
        let short = cut(text, to: columns)
        let room = String(repeating: " ", count: max(0, columns - width(of: short)))
        return alignRight ? room + short : short + room
    }

    /// `text` with every control character replaced: the last guard before a terminal or a log, whatever came in.
    package static func harmless(_ text: String) -> String {
        if !text.unicodeScalars.contains(where: isControl) { return text }
        var out = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { out.append(isControl(scalar) ? "\u{FFFD}" : scalar) }
        return String(out)
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029, 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    private static func width(of scalar: Unicode.Scalar) -> Int {
        if scalar.value < 0x300 { return 1 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: return wide.contains { $0.contains(scalar.value) } ? 2 : 1
        }
    }

    /// The blocks of Unicode's East Asian Width `W` and `F` that fonts draw in two columns.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x231A...0x231B, 0x23E9...0x23EC, 0x25FD...0x25FE, 0x2614...0x2615, 0x2648...0x2653,
        0x26AA...0x26AB, 0x26BD...0x26BE, 0x26C4...0x26C5, 0x2705...0x2705, 0x2728...0x2728, 0x274C...0x274C,
        0x2753...0x2755, 0x2795...0x2797, 0x2B1B...0x2B1C, 0x2B50...0x2B50, 0x2E80...0x303E, 0x3041...0x33FF,
        0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF,
        0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x18AFF, 0x1B000...0x1B2FF, 0x1F004...0x1F004,
        0x1F0CF...0x1F0CF, 0x1F18E...0x1F18E, 0x1F191...0x1F19A, 0x1F200...0x1F320, 0x1F32D...0x1F64F,
        0x1F680...0x1F6FF, 0x1F7E0...0x1F7EB, 0x1F900...0x1F9FF, 0x1FA70...0x1FAFF, 0x20000...0x3FFFD,
    ]
}
