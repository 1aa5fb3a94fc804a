import Core
import Reconciliation
import Roots

extension TargetBatch {
    /// What to record of a rename; nil when it was not achieved: then its two paths come again as changes.
    func renamed(_ planned: PlannedStep, _ outcome: Outcome?) -> RowChange? {
        let change: RowChange? =
            switch (planned.renaming!, outcome) {
            case (.move(let from, let to), nil): .renamed(RowRenaming(from: from, to: to, local: planned.identity))
            case (.move(let from, let to), .done(let status)):
                .renamed(RowRenaming(from: from, to: to, local: status.identity))
            case (.exchange(let path, let other), nil): .renamed(RowRenaming(from: path, to: other, isExchange: true))
            case (.exchange(let path, let other), .exchanged(let here, let there)):
                .renamed(
                    RowRenaming(
                        from: path, to: other, isExchange: true, local: there.identity, otherLocal: here.identity))
            case (.copy(_, let to), .done(let status)):
                .put(to, planned.agreed!, local: status.identity, origin: .copied)
            default: nil
            }
        note(renamed: planned.renaming!, change, isDone: outcome != nil)
        return change
    }

    /// Says what a plan has of a rename that it would do, or that was found to be done already.
    func foresee(_ step: PlannedStep, _ operation: Operation?, _ forecast: Forecast) {
        let steps = operation.map { foreseenRenames.steps(step, $0, isUpward: end.meta.terms.isUpstream) } ?? []
        forecast.note(renames: steps, isDone: operation == nil)
    }

    /// - Returns: true.
    /// - Throws: `plan.moved-on`.
    func requireRename(_ step: PlannedStep, _ operation: Operation?, _ permits: StepPermits) throws(HeadwaterError)
        -> Bool
    {
        guard let operation else { return true }
        for foreseen in foreseenRenames.steps(step, operation, isUpward: end.meta.terms.isUpstream) {
            try permits.require(foreseen)
        }
        return true
    }

    /// No rename follows.
    func closeRenames() throws(HeadwaterError) {
        let last = foreseenRenames.close()
        forecast?.note(renames: last, isDone: false)
        for step in last { try end.permits?.require(step) }
    }
}
