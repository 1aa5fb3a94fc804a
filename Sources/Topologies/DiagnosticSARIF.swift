import Core

/// Diagnostics as SARIF 2.1.0, the format that code review reads (OASIS, Static Analysis Results Interchange Format).
///
/// One run. Every rule is described once, with the text of its manual; each result names its rule, the file and the region. Columns
/// count in code points and the end is exclusive. Files beneath the working directory are named relative to it, percent-encoded.
package enum DiagnosticSARIF {
    private static let schema =
        "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"

    /// One document in one line, without a newline at its end.
    ///
    /// - Parameter directory: the working directory, absolute, that relative file names start from.
    package static func render(_ diagnostics: [Diagnostic], directory: String) -> String {
        let driver: [(String, JSONValue)] = [
            ("name", .string("headwater")), ("version", .string(Version.headwater)),
            ("semanticVersion", .string(Version.headwater)), ("rules", .array(Rule.allCases.map(rule))),
        ]
        let run: [(String, JSONValue)] = [
            ("tool", .object([("driver", .object(driver))])), ("columnKind", .string("unicodeCodePoints")),
            ("results", .array(diagnostics.map { result($0, directory) })),
        ]
        return JSONValue.object([
            ("$schema", .string(schema)), ("version", .string("2.1.0")), ("runs", .array([.object(run)])),
        ]).text
    }

    private static func rule(_ rule: Rule) -> JSONValue {
        let manual = RuleManual.of(rule)
        let about = manual.text.isEmpty ? rule.title : manual.text
        let example = manual.example.map { "\n\nThis breaks it:\n\n```yaml\n\($0)```" } ?? ""
        let help = "\(about)\(example)\n\nRemedy: \(manual.remedy)"
        return .object([
            ("id", .string(rule.id)), ("name", .string(name(rule))), ("shortDescription", text(rule.title)),
            ("fullDescription", text(about)),
            ("help", .object([("text", .string(help)), ("markdown", .string(help))])),
            ("defaultConfiguration", .object([("level", .string(rule.severity.rawValue))])),
        ])
    }

    /// `EdgeToItself`: readable for machines that show it, which the format asks for.
    private static func name(_ rule: Rule) -> String {
        let words = rule.title.split { !$0.isLetter && !$0.isNumber }
        return words.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    private static func result(_ diagnostic: Diagnostic, _ directory: String) -> JSONValue {
        var place: [(String, JSONValue)] = [
            ("artifactLocation", .object([("uri", .string(FileReference.uri(diagnostic.file, directory)))]))
        ]
        if diagnostic.isInFile {
            let region: [(String, JSONValue)] = [
                ("startLine", .integer(diagnostic.line)), ("startColumn", .integer(diagnostic.column)),
                ("endColumn", .integer(diagnostic.column + diagnostic.length)),
            ]
            place.append(("region", .object(region)))
        }
        return .object([
            ("ruleId", .string(diagnostic.rule.id)),
            ("ruleIndex", .integer(Rule.allCases.firstIndex(of: diagnostic.rule)!)),
            ("level", .string(diagnostic.severity.rawValue)),
            ("message", text("\(diagnostic.message)\nRemedy: \(diagnostic.remedy)")),
            ("locations", .array([.object([("physicalLocation", .object(place))])])),
        ])
    }

    private static func text(_ text: String) -> JSONValue { .object([("text", .string(text))]) }
}

/// How a file is named to a program that looks for it in a repository.
enum FileReference {
    /// Relative to `directory` where it lies beneath it, without `.` and, where possible, `..`; else absolute.
    static func path(_ file: String, _ directory: String) -> String {
        let whole = components(file.hasPrefix("/") ? file : directory + "/" + file)
        let base = components(directory)
        if whole.starts(with: base), whole.count > base.count {
            return whole.dropFirst(base.count).joined(separator: "/")
        }
        return "/" + whole.joined(separator: "/")
    }

    /// RFC 3986: a relative reference, or a `file:` URI.
    static func uri(_ file: String, _ directory: String) -> String {
        let path = path(file, directory)
        let encoded = path.utf8.map(encoded).joined()
        return path.hasPrefix("/") ? "file://" + encoded : encoded
    }

    private static func components(_ path: String) -> [Substring] {
        var components: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = components.popLast() } else { components.append(part) }
        }
        return components
    }

    private static func encoded(_ byte: UInt8) -> String {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"), UInt8(ascii: "/"):
            return String(UnicodeScalar(byte))
        default:
            let digits = String(byte, radix: 16, uppercase: true)
            return "%" + (digits.count < 2 ? "0" : "") + digits
        }
    }
}
