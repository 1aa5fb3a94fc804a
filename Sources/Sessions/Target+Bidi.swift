import Core
import Platform
import Reconciliation
import Roots
import Wire

/// What a target does in a bidirectional cycle beside what it does in a push or pull.
extension Target {
    /// What the second direction has to know of this one.
    var bidiOutcome: BidiOutcome { bidi?.result ?? BidiOutcome() }

    /// What differs here is no drift but the other direction's; conflicts that stand are looked at before any change.
    func beginBidi() throws(HeadwaterError) {
        if !isFirstOfTwo { return }
        let bidi = try BidiTarget(decider.view, decider, at: WallClock.now)
        self.bidi = bidi
        try settle(bidi.standingPaths()) { (found) throws(HeadwaterError) in try bidi.settleStanding(found) }
        if !stopping { drift = Set(try bidi.lacking()) }
    }

    /// Does what was decided of a change; returns what is to be asked for.
    func take(_ steps: [BidiStep]) throws(HeadwaterError) -> [WantMessage.Item] {
        var items: [WantMessage.Item] = []
        for step in steps {
            switch step {
            case .apply(let planned):
                batch.add(planned)
                if planned.isTold && planned.flag != nil {
                    drift.remove(planned.path)
                    batch.keepRows(above: planned.path)
                }
                if planned.isTold && batch.isFull { try apply() }
            case .removeLater(let removal): batch.remove(later: removal)
            case .want(let wanted):
                items.append(incoming.expect(wanted))
            case .compare(let wanted):
                items.append(WantMessage.Item(index: wanted.index, has: nil, isComparison: true))
            case .problem(let error): note(problem: error)
            case .keepLoser(let path, let isBeside):
                stage?.decide(isBeside ? .beside : .inAttic, at: path)
                if isBeside { batch.noteUnknownWrites() }
            }
        }
        return items
    }
}
