/// Which side of a conflict a person lets win.
package enum Keep: String, Hashable, Sendable, CaseIterable {
    case upstream, downstream
    /// Upstream's under the name, downstream's beside it under a name that says where and when it comes from; where one side deleted it,
    /// the one that is left.
    case both
    /// The side with the newer modification time; where one side deleted it, the one that is left.
    case newer
}

/// What a person decided for the conflicts that a pattern names.
package struct Resolution: Hashable, Sendable {
    /// The most of them in one session.
    package static let countMax = 1000
    package static let patternBytesMax = FilterRule.patternBytesMax

    /// A path from the root, `/` between components, or a pattern as in filters.
    package var pattern: [UInt8]
    package var keep: Keep

    package init(pattern: [UInt8], keep: Keep) { (self.pattern, self.keep) = (pattern, keep) }
}
