import Core

/// Rules as a person writes them.
extension FilterRule {
    private static let plus = UInt8(ascii: "+")
    private static let minus = UInt8(ascii: "-")
    private static let space = UInt8(ascii: " ")

    /// `+ pattern` or `- pattern`.
    package init(signed text: [UInt8]) throws(RuleFault) {
        if text.isEmpty { throw RuleFault(.empty, 0..<0) }
        guard FilterRule.hasSign(text) else {
            let isBare = text == [FilterRule.plus] || text == [FilterRule.minus]
            throw RuleFault(isBare ? .empty : .noSign, 0..<1)
        }
        try self.init(isIncluded: text[0] == FilterRule.plus, text, from: 2)
    }

    /// A pattern alone, of what is excluded.
    package init(excluding text: [UInt8]) throws(RuleFault) {
        if FilterRule.hasSign(text) { throw RuleFault(.sign, 0..<2) }
        try self.init(isIncluded: false, text, from: 0)
    }

    /// A line of a filter file: a pattern alone is excluded, `+ ` and `- ` say otherwise or the same.
    init(line text: [UInt8]) throws(RuleFault) {
        if FilterRule.hasSign(text) { try self.init(signed: text) } else { try self.init(excluding: text) }
    }

    private init(isIncluded: Bool, _ text: [UInt8], from start: Int) throws(RuleFault) {
        let pattern = Array(text[start...])
        do throws(RuleFault) { _ = try Pattern(pattern) } catch { throw error.moved(by: start) }
        self.init(isIncluded: isIncluded, pattern: pattern)
    }

    private static func hasSign(_ text: [UInt8]) -> Bool {
        text.count >= 2 && (text[0] == plus || text[0] == minus) && text[1] == space
    }
}

/// A file of rules, one to a line; `#` begins a comment line, blank lines are nothing.
package struct RuleFile: Sendable {
    /// The most bytes of a file.
    package static let bytesMax = 1 << 20

    package struct BadLine: Sendable, Hashable {
        /// Where the line begins in the file, in bytes.
        package var start: Int
        package var text: [UInt8]
        package var fault: RuleFault
    }

    package private(set) var rules: [FilterRule] = []
    package private(set) var badLines: [BadLine] = []

    /// A byte order mark and a carriage return before the end of a line are no part of any rule.
    package init(_ bytes: [UInt8]) {
        var start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
            let line = bytes[start..<end]
            take(Array(line.last == UInt8(ascii: "\r") ? line.dropLast() : line), at: start)
            start = end + 1
        }
    }

    private mutating func take(_ line: [UInt8], at start: Int) {
        if line.first == UInt8(ascii: "#") || line.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { return }
        do throws(RuleFault) {
            rules.append(try FilterRule(line: line))
        } catch {
            badLines.append(BadLine(start: start, text: line, fault: error))
        }
    }
}
