/// One rule of a filter: what matches its pattern is synced, or is not. The first rule that matches decides.
///
/// The pattern is bytes in the syntax of `docs/filters.md`, without its sign. This type only carries it; what it means is `Filters`'.
package struct FilterRule: Hashable, Sendable {
    /// The most bytes of one pattern.
    package static let patternBytesMax = 4096
    /// The most rules of one session.
    package static let countMax = 10_000
    /// The most bytes of all patterns of one session: with what else a hello holds they fit into one frame.
    package static let bytesMax = 640 << 10

    package var isIncluded: Bool
    package var pattern: [UInt8]

    package init(isIncluded: Bool, pattern: [UInt8]) {
        self.isIncluded = isIncluded
        self.pattern = pattern
    }

    /// Whether one session can have so many.
    package static func areTooMany(_ rules: [FilterRule]) -> Bool {
        rules.count > countMax || rules.reduce(0) { $0 + $1.pattern.count } > bytesMax
    }
}

extension FilterRule: CustomStringConvertible {
    /// As it is written in a file, fit to be shown.
    package var description: String { (isIncluded ? "+ " : "- ") + Printable.text(pattern) }
}
