/// A part of a file that stands in an earlier version of it, too. In bytes.
package struct CopiedRange: Hashable, Sendable {
    /// Where it is in the file, or in the segment that it is told for.
    package var offset: UInt64
    /// Where it is in the earlier version.
    package var origin: UInt64
    package var count: UInt64

    package init(offset: UInt64, origin: UInt64, count: UInt64) {
        (self.offset, self.origin, self.count) = (offset, origin, count)
    }
}

extension [CopiedRange] {
    package var bytes: UInt64 { reduce(0) { $0 + $1.count } }
}
