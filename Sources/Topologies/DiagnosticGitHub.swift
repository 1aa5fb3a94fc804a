/// Diagnostics as workflow commands, which GitHub Actions turns into annotations at the lines of a pull request.
///
/// `::error file=net.yaml,line=7,col=14,endColumn=15,title=HW104 unknown peer::there is no peer `eo`%0Aremedy: did you mean `eu`?`
///
/// The runner shows at most ten errors and ten warnings of a step; SARIF has no such bound.
package enum DiagnosticGitHub {
    /// A line per diagnostic, each ending with a newline.
    ///
    /// - Parameter directory: the working directory, absolute; the runner looks for files relative to the repository's root, which
    ///   it is there.
    package static func render(_ diagnostics: [Diagnostic], directory: String) -> String {
        diagnostics.map { line($0, directory) + "\n" }.joined()
    }

    private static func line(_ diagnostic: Diagnostic, _ directory: String) -> String {
        var properties = [("file", FileReference.path(diagnostic.file, directory))]
        if diagnostic.isInFile {
            properties += [
                ("line", "\(diagnostic.line)"), ("col", "\(diagnostic.column)"),
                ("endColumn", "\(diagnostic.column + diagnostic.length - 1)"),
            ]
        }
        properties.append(("title", "\(diagnostic.rule.id) \(diagnostic.rule.title)"))
        let list = properties.map { "\($0.0)=\(property($0.1))" }.joined(separator: ",")
        return "::\(diagnostic.severity.rawValue) \(list)::"
            + data("\(diagnostic.message)\nremedy: \(diagnostic.remedy)")
    }

    /// As the runner's own toolkit escapes the text of a command.
    private static func data(_ text: String) -> String { escaped(text, ["%", "\r", "\n"]) }

    private static func property(_ text: String) -> String { escaped(text, ["%", "\r", "\n", ":", ","]) }

    /// By Unicode scalars: CR LF is one character to Swift.
    private static func escaped(_ text: String, _ special: Set<Unicode.Scalar>) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            if special.contains(scalar) {
                let digits = String(scalar.value, radix: 16, uppercase: true)
                out += "%" + (digits.count < 2 ? "0" : "") + digits
            } else {
                out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}
