/// How much one direction of a session may delete in a cycle and the ten minutes before it.
package enum MaxDelete: Sendable, Hashable {
    /// Of the rows at the start of the window, 0...100; applies from `DeletionBrake.percentFrom` deletions up.
    case percent(Int)
    /// This many, whatever the tree holds.
    case count(Int)

    package static let standard = MaxDelete.percent(50)
}

/// `max_delete` (invariant 5). Pure: the clock, the window and the figures are the caller's.
package enum DeletionBrake {
    /// A percentage says little about a few deletions: it applies from here up.
    package static let percentFrom = 100
    package static let windowSeconds = 600

    package enum Verdict: Sendable, Hashable {
        case permitted
        /// `deletions`: in the window and planned; `most`: what `max_delete` would permit of `rows`.
        case exceeded(deletions: Int, most: Int, rows: Int)
    }

    /// - Parameters:
    ///   - rows: at the start of the window.
    ///   - deleted: in the window so far; renames do not count.
    ///   - planned: deletions of this cycle.
    package static func evaluate(_ limit: MaxDelete, rows: Int, deleted: Int, planned: Int) -> Verdict {
        let (total, overflow) = max(0, deleted).addingReportingOverflow(max(0, planned))
        let deletions = overflow ? Int.max : total
        guard planned > 0 else { return .permitted }
        let most: Int
        switch limit {
        case .count(let count): most = max(0, count)
        case .percent(let percent):
            if deletions < percentFrom { return .permitted }
            most = share(of: max(0, rows), percent: min(max(0, percent), 100))
        }
        return deletions <= most ? .permitted : .exceeded(deletions: deletions, most: most, rows: rows)
    }

    /// Rounded down, without overflow.
    private static func share(of rows: Int, percent: Int) -> Int { rows / 100 * percent + rows % 100 * percent / 100 }
}
