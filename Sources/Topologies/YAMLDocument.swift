import CYAML

/// Reads the one YAML document of a file into nodes, under bounds, and reports what a topology file may not use.
///
/// Events only: libyaml's own tree would follow aliases. The reading stops at the event at which a bound is passed.
enum YAMLDocument {
    /// The most bytes of a file.
    static let bytesMax = 1 << 20
    /// The most lists and maps within each other.
    static let depthMax = 16
    /// The most events; a file of 5 000 peers and 5 000 edges in full has about 150 000.
    static let eventsMax = 500_000

    /// The root node, or nil if there is none to speak of; then `findings` says why.
    static func parse(_ findings: inout Findings) -> YAMLNode? {
        let bytes = findings.source.bytes
        var builder = YAMLBuilder()
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        defer { parser.deallocate() }
        guard yaml_parser_initialize(parser) == 1 else { fatalError("libyaml: out of memory") }
        defer { yaml_parser_delete(parser) }
        let isWhole = bytes.withUnsafeBufferPointer { input in
            yaml_parser_set_input_string(parser, input.baseAddress, input.count)
            yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
            return read(parser, &builder, &findings)
        }
        guard isWhole else { return nil }
        guard let root = builder.root, !root.isNull else {
            findings.report(
                .empty, at: .start, "the file holds no topology",
                remedy: "start with `headwater: 1`, `peers:` and `edges:`")
            return nil
        }
        return root
    }

    /// Feeds events until the end of the stream; false if it broke off before.
    private static func read(
        _ parser: UnsafeMutablePointer<yaml_parser_t>, _ builder: inout YAMLBuilder, _ findings: inout Findings
    ) -> Bool {
        for _ in 0..<eventsMax {
            var event = yaml_event_t()
            guard yaml_parser_parse(parser, &event) == 1 else {
                reportSyntax(parser.pointee, &findings)
                return false
            }
            defer { yaml_event_delete(&event) }
            if event.type == YAML_STREAM_END_EVENT { return true }
            guard builder.take(event, &findings) else { return false }
        }
        findings.report(
            .tooLarge, at: Span(parser.pointee.mark), "the file has more than \(eventsMax) values",
            remedy: "split the topology into several files")
        return false
    }

    private static func reportSyntax(_ parser: yaml_parser_t, _ findings: inout Findings) {
        let problem = parser.problem.map { String(cString: $0) } ?? "unknown problem"
        var message = "not valid YAML: \(problem)"
        if let context = parser.context { message += " \(String(cString: context))" }
        // Quotes that are never closed end with the file: what counts is where they were opened.
        let isOpenQuote =
            problem == "found unexpected end of stream" && parser.context_mark.index < parser.problem_mark.index
        let span = Span(isOpenQuote ? parser.context_mark : parser.problem_mark)
        let before = findings.source.line(span.line).unicodeScalars.prefix(span.column - 1)
        let remedy =
            switch problem {
            case _ where isOpenQuote: "close the quotes that open here"
            case "mapping values are not allowed in this context"
            where String(String.UnicodeScalarView(before)).contains(": "):
                "write no space after this colon (host:/path), or quote the value"
            case "did not find expected alphabetic or numeric character":
                "put the value in quotes: `*` and `&` at its start mean something in YAML"
            case "mapping values are not allowed in this context":
                "check the indentation of this line and the one above, and quote a value that holds `: `"
            case "found character that cannot start any token": "put the value in quotes"
            case "did not find expected key": "check the indentation of this line and the one above"
            default: "correct the YAML here; a value that holds one of `: # [ ] { } ,` needs quotes"
            }
        findings.report(.syntax, at: span, message, remedy: remedy)
    }
}

extension Span {
    /// libyaml counts from 0.
    init(_ mark: yaml_mark_t) { self.init(line: Int(mark.line) + 1, column: Int(mark.column) + 1) }

    /// What is between two marks, cut at the end of the first line.
    init(_ start: yaml_mark_t, _ end: yaml_mark_t) {
        let length = start.line == end.line ? end.column - start.column : 1
        self.init(line: start.line + 1, column: start.column + 1, length: length)
    }
}

/// For `--version`.
package enum LinkedLibraries {
    /// Name and version of what this module links.
    package static var versions: [(name: String, version: String)] {
        [("libyaml", String(cString: yaml_get_version_string()))]
    }
}
