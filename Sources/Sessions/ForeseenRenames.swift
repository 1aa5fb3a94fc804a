import Core
import Reconciliation
import Roots

/// What a plan says of renames: where each entry comes to.
///
/// A longer cycle is a row of exchanges with the same first path: each brings one entry to where it belongs, the last one two.
struct ForeseenRenames {
    /// What comes to the first path of an exchange, unless another one with it follows.
    private var open: ForeseenStep?

    /// - Returns: what is certain by now.
    mutating func steps(_ step: PlannedStep, _ operation: Operation, isUpward: Bool) -> [ForeseenStep] {
        func rename(to: TreePath, from: TreePath, _ side: ForeseenStep.Side?) -> ForeseenStep {
            ForeseenStep(.rename, to, isUpward: isUpward, before: side, after: side, from: from)
        }
        switch operation {
        case .move(let from, let to, let expected):
            return close() + [rename(to: to, from: from, ForeseenStep.Side(expected))]
        case .exchange(let path, let other, let expected, let otherExpected):
            var steps: [ForeseenStep] = []
            if let open, open.path == path {
                steps.append(rename(to: other, from: open.from!, open.before))
            } else {
                steps = close() + [rename(to: other, from: path, ForeseenStep.Side(expected))]
            }
            open = rename(to: path, from: other, ForeseenStep.Side(otherExpected))
            return steps
        default:
            guard var made = ForeseenStep(step, operation, isUpward: isUpward) else { return [] }
            // A file that is put beside itself.
            made.bytes = 0
            return close() + [made]
        }
    }

    /// No exchange follows.
    mutating func close() -> [ForeseenStep] {
        defer { open = nil }
        return open.map { [$0] } ?? []
    }
}
