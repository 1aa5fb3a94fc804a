import Core
import Filters
import Glibc

/// The filter files that one topology file names. Each is read once, and its bad rules are told once, in their own places.
struct FilterFiles {
    /// Whose directory the names stand relative to.
    private let topology: String
    private var known: [String: Result<[FilterRule], Fault>] = [:]
    /// Findings in the filter files themselves, all of them errors, in the order in which the files were read.
    private(set) var diagnostics: [Diagnostic] = []

    enum Fault: Error, Hashable {
        case tooManyRules(Int)
        case file(BoundedFile.Fault)

        var message: String {
            switch self {
            case .tooManyRules(let count): "has \(count) rules, more than \(FilterRule.countMax)"
            case .file(.tooLarge): "is larger than 1 MiB"
            case .file(.notAFile): "is not a regular file"
            case .file(.system(let code)): "cannot be read: \(String(cString: strerror(code)))"
            }
        }

        var remedy: String {
            switch self {
            case .file(.system(ENOENT)): "create it; its name stands relative to the topology file"
            case .file(.system): "make the file readable"
            case .file(.notAFile): "name a file of rules"
            case .tooManyRules, .file(.tooLarge): "sum rules up by `*` and `**`"
            }
        }
    }

    /// - Parameter topology: path of the topology file.
    init(of topology: String) { self.topology = topology }

    /// The rules of a file, as far as they are good.
    mutating func rules(named name: String) throws(Fault) -> [FilterRule] {
        let path = path(of: name)
        let result = known[path] ?? read(path)
        known[path] = result
        return try result.get()
    }

    private func path(of name: String) -> String {
        guard !name.hasPrefix("/"), let slash = topology.utf8.lastIndex(of: UInt8(ascii: "/")) else { return name }
        return topology[...slash] + name
    }

    private mutating func read(_ path: String) -> Result<[FilterRule], Fault> {
        let bytes: [UInt8]
        do throws(BoundedFile.Fault) {
            bytes = try BoundedFile.read(path, bytesMax: RuleFile.bytesMax)
        } catch {
            return .failure(.file(error))
        }
        let file = RuleFile(bytes)
        var findings = Findings(source: SourceFile(name: path, bytes: bytes))
        for line in file.badLines {
            var span = findings.source.span(ofByte: line.start + line.fault.range.lowerBound)
            let marked = line.text[line.fault.range.clamped(to: line.text.indices)]
            span.length = max(1, marked.count { $0 & 0xC0 != 0x80 })
            findings.report(bad: line.text, line.fault, at: span)
        }
        diagnostics += findings.sorted()
        return file.rules.count > FilterRule.countMax ? .failure(.tooManyRules(file.rules.count)) : .success(file.rules)
    }
}

/// Reading of the keys `filter`, `filter_file` and `exclude`.
extension Findings {
    /// A list of rules: with their signs, or of patterns that are excluded. The bad ones are reported and left out.
    mutating func filterRules(_ node: YAMLNode, _ what: String, areSigned: Bool) -> [FilterRule] {
        guard case .sequence(let items) = node.content else {
            let example = if case .scalar(let text, _) = node.content { text } else { areSigned ? "- *.tmp" : "*.tmp" }
            let _: [FilterRule]? = wrongType(node, what, "a list", remedy: "write ['\(Printable.text(example))']")
            return []
        }
        var rules: [FilterRule] = []
        for item in items {
            guard let text = text(item, "an item of \(what)") else { continue }
            let bytes = Array(text.utf8)
            do throws(RuleFault) {
                rules.append(areSigned ? try FilterRule(signed: bytes) : try FilterRule(excluding: bytes))
            } catch {
                report(bad: bytes, error, at: Findings.span(of: error.range, in: item, text))
            }
        }
        return rules
    }

    /// The rules of the file that is named.
    mutating func filterFile(_ node: YAMLNode, _ what: String) -> [FilterRule] {
        guard let name = text(node, what) else { return [] }
        if name.isEmpty || name.hasPrefix("~") {
            report(
                .badPath, at: node.span, "\(what) cannot be \(quoted(name))",
                remedy: "write a path relative to this file, or an absolute one")
            return []
        }
        do throws(FilterFiles.Fault) {
            return try filterFiles.rules(named: name)
        } catch {
            report(.filterFile, at: node.span, "the filter file \(quoted(name)) \(error.message)", remedy: error.remedy)
            return []
        }
    }

    /// What one session has is carried to both its ends in one piece.
    mutating func checkCount(of rules: [FilterRule], at span: Span) {
        if !FilterRule.areTooMany(rules) { return }
        report(
            .tooLarge, at: span,
            "\(rules.count) filter rules, more than \(FilterRule.countMax), or of more than \(FilterRule.bytesMax >> 10) KiB",
            remedy: "sum rules up by `*` and `**`, or split the edge by `subpath`")
    }

    mutating func report(bad rule: [UInt8], _ fault: RuleFault, at span: Span) {
        report(
            .filterRule, at: span, "the rule \(quoted(String(decoding: rule, as: UTF8.self))) \(fault.message)",
            remedy: fault.remedy)
    }

    /// The very place of the fault, where the value stands in the file as it is; else the whole value.
    private static func span(of range: Range<Int>, in item: YAMLNode, _ text: String) -> Span {
        guard case .scalar(_, let isPlain) = item.content else { return item.span }
        let quotes = isPlain ? 0 : 1
        guard item.span.length == text.unicodeScalars.count + 2 * quotes else { return item.span }
        let bytes = Array(text.utf8)
        func columns(_ part: ArraySlice<UInt8>) -> Int { part.count { $0 & 0xC0 != 0x80 } }
        return Span(
            line: item.span.line, column: item.span.column + quotes + columns(bytes[..<range.lowerBound]),
            length: columns(bytes[range]))
    }
}
