import Core

/// What is looked at before libyaml sees the bytes: encoding, control characters, tabs.
///
/// libyaml takes UTF-16 and counts U+0085, U+2028 and U+2029 as line ends; after this check a line ends at `\n` and nowhere else.
enum SourceCheck {
    /// Without the byte order mark, or nil after a diagnostic.
    static func utf8(
        _ bytes: [UInt8], name: String, namedAfter: String? = nil, _ diagnostics: inout [Diagnostic]
    ) -> SourceFile? {
        let body = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
        let source = SourceFile(name: name, bytes: body, namedAfter: namedAfter)
        var findings = Findings(source: source)
        if isUTF16(bytes) {
            findings.report(
                .encoding, at: .start, "the file is UTF-16", remedy: "save the file as UTF-8")
        } else if let offset = invalidOffset(in: body) {
            findings.report(
                .encoding, at: source.span(ofByte: offset), "this byte is not UTF-8", remedy: "save the file as UTF-8")
        } else {
            checkCharacters(&findings)
        }
        diagnostics += findings.diagnostics
        return findings.hasErrors ? nil : source
    }

    private static func isUTF16(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= 2 else { return false }
        return bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF])
            || (bytes[0] == 0) != (bytes[1] == 0)
    }

    /// Where the first byte is that is no part of valid UTF-8.
    private static func invalidOffset(in bytes: [UInt8]) -> Int? {
        if String(validating: bytes, as: UTF8.self) != nil { return nil }
        var offset = 0
        while offset < bytes.count {
            let first = bytes[offset]
            let length = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2
            let part = bytes[offset..<min(bytes.count, offset + length)]
            if String(validating: part, as: UTF8.self) == nil { return offset }
            offset += length
        }
        return nil
    }

    /// At most one finding per line: a file of nothing else would otherwise be a million findings.
    private static func checkCharacters(_ findings: inout Findings) {
        var lastLine = 0
        var offset = 0
        while offset < findings.source.bytes.count {
            let kind = fault(in: findings.source.bytes, at: offset)
            if let kind, let span = Optional(findings.source.span(ofByte: offset)), span.line != lastLine {
                lastLine = span.line
                report(kind, at: span, &findings)
                offset = findings.source.bytes[offset...].firstIndex(of: UInt8(ascii: "\n")) ?? offset
            }
            offset += 1
        }
    }

    private enum Fault { case tab, control(String) }

    private static func report(_ fault: Fault, at span: Span, _ findings: inout Findings) {
        switch fault {
        case .tab:
            if isComment(findings.source.line(span.line), before: span.column) { return }
            findings.report(
                .tab, at: span, "a tab; only lines that are a comment may hold one",
                remedy: "use spaces instead of tabs")
        case .control(let name):
            findings.report(
                .controlCharacter, at: span, "the control character \(name)", remedy: "remove the character")
        }
    }

    private static func isComment(_ line: String, before column: Int) -> Bool {
        guard let mark = line.unicodeScalars.first(where: { $0 != " " && $0 != "\t" }), mark == "#" else {
            return false
        }
        return line.unicodeScalars.prefix(column - 1).contains("#")
    }

    private static func fault(in bytes: [UInt8], at offset: Int) -> Fault? {
        let byte = bytes[offset]
        func next(_ distance: Int) -> UInt8 { offset + distance < bytes.count ? bytes[offset + distance] : 0 }
        switch byte {
        case 0x09: return .tab
        case 0x0A: return nil
        case 0x0D: return next(1) == 0x0A ? nil : .control("U+000D without a line feed")
        case 0..<0x20, 0x7F: return .control(codePoint(UInt32(byte)))
        case 0xC2 where next(1) < 0xA0: return .control(codePoint(UInt32(next(1))))
        case 0xE2, 0xEF:
            guard byte == 0xE2 || next(1) == 0xBB || next(1) == 0xBF else { return nil }
            let value = UInt32(byte & 0x0F) << 12 | UInt32(next(1) & 0x3F) << 6 | UInt32(next(2) & 0x3F)
            switch value {
            case 0x2028...0x202E, 0x2066...0x2069, 0xFEFF, 0xFFFE, 0xFFFF: return .control(codePoint(value))
            default: return nil
            }
        default: return nil
        }
    }

    /// A control character, a line separator, or one that changes the direction of text; line feed and tab are such too.
    static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF, 0xFFFE, 0xFFFF: true
        default: false
        }
    }

    private static func codePoint(_ value: UInt32) -> String {
        let digits = String(value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
