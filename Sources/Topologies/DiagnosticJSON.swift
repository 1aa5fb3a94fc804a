import Core

/// Diagnostics for programs: one JSON object on one line. The fields are stable; new ones may be added.
///
/// `{"version":1,"errors":1,"warnings":0,"diagnostics":[{"rule":"HW104","title":"unknown peer","severity":"error",
/// "message":"…","remedy":"…","file":"net.yaml","line":7,"column":14,"length":2,"text":"  - build -> eo","text_column":1}]}`
///
/// Line and column count from 1, column and length in Unicode scalars. `text` is the line, or
/// of a very long one the part around the place, which then starts at `text_column`; empty if the file was not read.
package enum DiagnosticJSON {
    /// Ends without a newline.
    package static func render(_ diagnostics: [Diagnostic]) -> String {
        let errors = diagnostics.count { $0.severity == .error }
        let items = diagnostics.map(object).joined(separator: ",")
        return
            "{\"version\":1,\"errors\":\(errors),\"warnings\":\(diagnostics.count - errors),\"diagnostics\":[\(items)]}"
    }

    private static func object(_ diagnostic: Diagnostic) -> String {
        let fields = [
            ("rule", string(diagnostic.rule.id)), ("title", string(diagnostic.rule.title)),
            ("severity", string(diagnostic.severity.rawValue)), ("message", string(diagnostic.message)),
            ("remedy", string(diagnostic.remedy)), ("file", string(diagnostic.file)), ("line", "\(diagnostic.line)"),
            ("column", "\(diagnostic.column)"), ("length", "\(diagnostic.length)"), ("text", string(diagnostic.text)),
            ("text_column", "\(diagnostic.textColumn)"),
        ]
        return "{" + fields.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
    }

    /// RFC 8259, section 7; control characters of Unicode beyond the ASCII ones are escaped as well.
    private static func string(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22: out += "\\\""
            case 0x5C: out += "\\\\"
            case 0..<0x20, 0x7F..<0xA0, 0x200B...0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF:
                let digits = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}
