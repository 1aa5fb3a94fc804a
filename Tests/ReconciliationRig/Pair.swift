import Core
import Reconciliation

/// A problem of one path.
package struct Problem: Hashable, Sendable {
    package var code: String
    package var path: TreePath
}

/// What a cycle did.
package struct CycleReport: Sendable {
    package var problems: [Problem] = []
    /// Steps that did something to a tree.
    package var steps = 0
    /// Rows that changed at either end.
    package var recorded = 0
    package var isHalted = false

    mutating func note(_ problem: HeadwaterError) {
        problems.append(Problem(code: problem.code, path: problem.path ?? .root))
    }
}

/// Both ends of a session in memory.
package final class Pair {
    package let up = MemoryEnd(isUpstream: true)
    package let down = MemoryEnd(isUpstream: false)
    /// By which conflicts are dated: that one stands is told from its being flagged once more.
    private var cycleCount: Int64 = 0

    package init() {}

    /// A pair that is as `other` is now.
    package init(_ other: Pair) {
        cycleCount = other.cycleCount
        up.become(other.up)
        down.become(other.down)
    }

    /// Runs a whole cycle: of bidi both directions.
    package func cycle(_ terms: Terms) throws(HeadwaterError) -> CycleReport {
        cycleCount += 1
        let now = Timestamp(seconds: cycleCount, nanoseconds: 0)
        let first = try Direction(
            from: up, to: down, terms, terms.isBidi ? BidiSource() : nil, isFirstOfTwo: terms.isBidi, at: now)
        try first.run()
        var report = first.report
        if !terms.isBidi || report.isHalted { return report }
        let second = try Direction(from: down, to: up, terms, BidiSource(first.outcome), at: now)
        try second.run()
        report.problems += second.report.problems
        report.steps += second.report.steps
        report.recorded += second.report.recorded
        return report
    }

    /// Whether both ends agree on the same rows, as they must after each cycle.
    package var rowsAgree: Bool {
        let (a, b) = (up.rows.filter { $0.state == .agreed }, down.rows.filter { $0.state == .agreed })
        return a.count == b.count && zip(a, b).allSatisfy { $0.path == $1.path && $0.agreed == $1.agreed }
    }
}
