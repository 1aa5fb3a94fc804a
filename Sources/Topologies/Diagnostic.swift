import Core

/// A stretch of the file: line and column count from 1, column and length in characters (Unicode scalars).
package struct Span: Hashable, Sendable {
    package var line: Int
    package var column: Int
    /// At least 1, so that there is always a caret.
    package var length: Int

    package init(line: Int, column: Int, length: Int = 1) {
        self.line = line
        self.column = column
        self.length = max(1, length)
    }

    static let start = Span(line: 1, column: 1)
}

/// One finding in a topology file: what is wrong, where, and what to do about it.
package struct Diagnostic: Sendable, Hashable {
    package var rule: Rule
    /// What is wrong, with the values in it; one line, fit to be shown.
    package var message: String
    /// What to do, in the imperative; one line, fit to be shown.
    package var remedy: String
    /// The file as it was named to us; not yet fit to be shown.
    package var file: String
    package var span: Span
    /// The line that `span` is in, as it stands in the file; not yet fit to be shown. Empty if the file was not read. Of a line of more
    /// than `Diagnostic.textMax` characters the part around `span`.
    package var text: String
    /// The column of the first character of `text`: 1 unless the line was cut.
    package var textColumn = 1

    package static let textMax = 200

    package var severity: Severity { rule.severity }
    package var line: Int { span.line }
    package var column: Int { span.column }
    package var length: Int { span.length }

    /// Whether there is a place in a text that was read, rather than a file as a whole.
    var isInFile: Bool { rule != .unreadable && !(rule == .tooLarge && text.isEmpty) }
}

/// The text of a file by lines.
struct SourceFile: Sendable {
    let name: String
    /// The file whose name the topology has by default; `name` unless told otherwise.
    let namedAfter: String
    /// UTF-8 without a byte order mark.
    let bytes: [UInt8]
    private let starts: [Int]

    init(name: String, bytes: [UInt8], namedAfter: String? = nil) {
        self.name = name
        self.namedAfter = namedAfter ?? name
        self.bytes = bytes
        self.starts = [0] + bytes.indices.filter { bytes[$0] == UInt8(ascii: "\n") }.map { $0 + 1 }
    }

    /// The line with this number, from 1, without its end; empty past the end of the file.
    func line(_ number: Int) -> String {
        guard number >= 1, number <= starts.count else { return "" }
        var end = number < starts.count ? starts[number] - 1 : bytes.count
        let start = starts[number - 1]
        if end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        return String(decoding: bytes[start..<end], as: UTF8.self)
    }

    /// Where a byte is, as a person counts.
    func span(ofByte offset: Int) -> Span {
        var low = 0
        var high = starts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= offset { low = middle } else { high = middle }
        }
        let continuations = bytes[starts[low]..<offset].count { $0 & 0xC0 == 0x80 }
        return Span(line: low + 1, column: offset - starts[low] - continuations + 1)
    }
}

/// The diagnostics of one file while it is being read.
struct Findings {
    let source: SourceFile
    /// The most findings that are kept; a file of 5 000 edges of which each is wrong twice stays below.
    static let countMax = 20_000

    private(set) var diagnostics: [Diagnostic] = []
    var filterFiles: FilterFiles
    /// Lines already decoded: many findings may be on one long line.
    private var lines: [Int: [Unicode.Scalar]] = [:]

    init(source: SourceFile) {
        self.source = source
        filterFiles = FilterFiles(of: source.namedAfter)
    }

    var hasErrors: Bool {
        !filterFiles.diagnostics.isEmpty || diagnostics.contains { $0.severity == .error }
    }

    mutating func report(_ rule: Rule, at span: Span, _ message: String, remedy: String) {
        if diagnostics.count >= Findings.countMax { return reportTooMany() }
        let line = lines[span.line] ?? Array(source.line(span.line).unicodeScalars)
        lines[span.line] = line
        let isCut = line.count > Diagnostic.textMax
        let start = isCut ? max(0, min(span.column - 1 - Diagnostic.textMax / 2, line.count - Diagnostic.textMax)) : 0
        let part = line[start..<min(line.count, start + Diagnostic.textMax)]
        diagnostics.append(
            Diagnostic(
                rule: rule, message: message, remedy: remedy, file: source.name, span: span,
                text: String(String.UnicodeScalarView(part)), textColumn: start + 1))
    }

    /// Once, in the place of everything that is found after the last one kept.
    private mutating func reportTooMany() {
        guard diagnostics.count == Findings.countMax else { return }
        diagnostics.append(
            Diagnostic(
                rule: .tooLarge, message: "more than \(Findings.countMax) findings; the others are left out",
                remedy: "correct these, then check the file again", file: source.name, span: .start,
                text: String(source.line(1).unicodeScalars.prefix(Diagnostic.textMax))))
    }

    /// In the order of the file; what is found at one place in the order of the rules. Then what is found in filter files.
    func sorted() -> [Diagnostic] {
        diagnostics.sorted {
            ($0.line, $0.column, $0.rule.id, $0.message) < ($1.line, $1.column, $1.rule.id, $1.message)
        } + filterFiles.diagnostics
    }
}

/// A value from the file as it appears in a message: fit to be shown, and not endless.
func quoted(_ text: some StringProtocol) -> String {
    let shown = Printable.text(String(String.UnicodeScalarView(text.unicodeScalars.prefix(64))))
    return text.unicodeScalars.count > 64 ? "`\(shown)…`" : "`\(shown)`"
}
