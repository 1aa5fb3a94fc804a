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
            case (.copy(_, let to), .done(let status)): .put(to, planned.agreed!, local: status.identity)
            default: nil
            }
        note(renamed: planned.renaming!, change, isDone: outcome != nil)
        return change
    }
}
