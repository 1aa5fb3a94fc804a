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
        for removal in try decider.emptyResidues() { batch.remove(later: removal) }
        if !isFirstOfTwo { return }
        let bidi = try BidiTarget(decider.view, decider, at: WallClock.now)
        self.bidi = bidi
        var rest = bidi.standingPaths[...]
        if rest.isEmpty { return }
        var found: [TreePath: (index: Int, record: ChangeRecord)] = [:]
        try collect(&rest) { index, record in found[record.path] = (index, record) }
        if stopping { return }
        var wants = try take(bidi.settleStanding(found))[...]
        repeat {
            try say(decidedBefore: received, Array(wants.prefix(WantMessage.itemsMax)))
            wants = wants.dropFirst(WantMessage.itemsMax)
        } while !wants.isEmpty
        while bidi.isWaiting && !stopping { if let item = try inbox.next() { try handle(item) } }
        drift = Set(try bidi.lacking())
    }

    /// Does what was decided of a change; returns what is to be asked for.
    func take(_ steps: [BidiStep]) throws(HeadwaterError) -> [WantMessage.Item] {
        var items: [WantMessage.Item] = []
        for step in steps {
            switch step {
            case .apply(let planned): batch.add(planned)
            case .removeLater(let removal): batch.remove(later: removal)
            case .want(let wanted):
                incoming.expect(wanted)
                items.append(WantMessage.Item(index: wanted.index, has: wanted.has))
            case .compare(let wanted):
                items.append(WantMessage.Item(index: wanted.index, has: nil, isComparison: true))
            case .problem(let error): note(problem: error)
            case .keepLoser(let path, let isBeside):
                stage.decide(isBeside ? .beside : .inAttic, at: path)
                if isBeside { batch.noteUnknownWrites() }
            }
        }
        return items
    }

    /// Takes the source's digest of a file: an answer to a comparison, or of content that is here already.
    func take(same file: SentFile) throws(HeadwaterError) {
        let sent = AgreedEntry(attributes: file.attributes, digest: file.digest)
        guard let steps = try bidi?.take(file.index, sent) else {
            return try batch.add(same: file, try incoming.take(file.index))
        }
        let items = try take(steps)
        if !items.isEmpty { try say(decidedBefore: decidedBefore, items) }
    }
}
