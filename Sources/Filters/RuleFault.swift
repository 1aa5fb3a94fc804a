/// Why a text is no rule of a filter, and where in it.
package struct RuleFault: Error, Hashable, Sendable {
    package enum Reason: Hashable, Sendable {
        case noSign, sign, empty, wholeTree, emptyName, dots, space, zero, tooLong
        case loneBackslash, escapedSlash
        case openClass, slashInClass, namedClass, reversedRange
    }

    package var reason: Reason
    /// In bytes of the text; not empty unless the text is.
    package var range: Range<Int>

    package init(_ reason: Reason, _ range: Range<Int>) {
        self.reason = reason
        self.range = range
    }

    func moved(by offset: Int) -> RuleFault {
        RuleFault(reason, (range.lowerBound + offset)..<(range.upperBound + offset))
    }

    /// What is wrong, to follow "the rule … ".
    package var message: String {
        switch reason {
        case .noSign: "does not say whether it includes or excludes"
        case .sign: "has a sign, and everything here is excluded"
        case .empty: "has no pattern"
        case .wholeTree: "names the whole tree, which no filter excludes"
        case .emptyName: "has two slashes in a row"
        case .dots: "has `.` or `..` as a name, which no path has"
        case .space: "begins or ends with a space or tab"
        case .zero: "holds a zero byte, which no name has"
        case .tooLong: "is longer than 4096 bytes"
        case .loneBackslash: "ends in a backslash that escapes nothing"
        case .escapedSlash: "escapes a slash, which no name has"
        case .openClass: "has a `[` without its `]`"
        case .slashInClass: "has a slash between `[` and `]`, which never match one"
        case .namedClass: "has a named class such as `[:alpha:]`, which filters do not know"
        case .reversedRange: "has a range that ends before it begins"
        }
    }

    package var remedy: String {
        switch reason {
        case .noSign: "begin it with `+ ` to include or `- ` to exclude"
        case .sign: "write the pattern alone, use `filter:`, or write \\- or \\+ for a name that begins so"
        case .empty: "write a pattern, or remove the rule"
        case .wholeTree: "write `*` for everything in it"
        case .emptyName: "write one slash"
        case .dots: "write the path from the root of the tree, as in /docs/old"
        case .space: "remove it, or write a backslash before it where the name has it"
        case .zero: "remove the byte"
        case .tooLong: "shorten it with `*` or `**`"
        case .loneBackslash: "write two for a backslash in a name"
        case .escapedSlash: "write the slash alone"
        case .openClass: "close it, or write \\[ for a bracket in a name"
        case .slashInClass: "write the rule once for each path"
        case .namedClass: "write a range, as in [a-z]"
        case .reversedRange: "write the smaller byte first, as in [a-z]"
        }
    }
}
