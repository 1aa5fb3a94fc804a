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
        return JSONValue.object([
            ("version", .integer(1)), ("errors", .integer(errors)),
            ("warnings", .integer(diagnostics.count - errors)), ("diagnostics", .array(diagnostics.map(object))),
        ]).text
    }

    private static func object(_ diagnostic: Diagnostic) -> JSONValue {
        .object([
            ("rule", .string(diagnostic.rule.id)), ("title", .string(diagnostic.rule.title)),
            ("severity", .string(diagnostic.severity.rawValue)), ("message", .string(diagnostic.message)),
            ("remedy", .string(diagnostic.remedy)), ("file", .string(diagnostic.file)),
            ("line", .integer(diagnostic.line)), ("column", .integer(diagnostic.column)),
            ("length", .integer(diagnostic.length)), ("text", .string(diagnostic.text)),
            ("text_column", .integer(diagnostic.textColumn)),
        ])
    }
}
