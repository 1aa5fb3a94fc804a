import Core

/// What a change of the upstream end means at the downstream one.
package enum BidiStep: Sendable {
    case apply(PlannedStep)
    case removeLater(Removal)
    case want(WantedFile)
    /// Only the digest, to decide by it.
    case compare(WantedFile)
    case problem(HeadwaterError)
    /// What stands there loses, and is kept.
    case keepLoser(TreePath, isBeside: Bool)
}

/// Decides the first direction of a bidirectional cycle at its target, the downstream end: it has its own tree and rows, and the
/// upstream's changes as they come, in scan order. Pure but for what the view reads.
///
/// What it leaves to the second direction is what its own tree differs in from the rows afterwards, but for `outcome`.
package final class BidiTarget<View: EndView> {
    /// A change that waits for the upstream's digest.
    private struct Open {
        var record: ChangeRecord
        var mine: Standing
    }

    let view: DownstreamView<View>
    let end: View
    private let decider: Decider<View>
    private let overwrite: SessionPolicy.Overwrite
    private let now: Timestamp
    var outcome = BidiOutcome()
    var standing: [TreePath: Conflict] = [:]
    private var open: [Int: Open] = [:]
    private var made: Set<TreePath> = []
    /// Directories that stand upstream and not here, as they are there: that is how they come back, if at all.
    var passed: [TreePath: PlannedStep] = [:]
    /// Directories that are left of conflicts at the upstream end, and here.
    var comingDown: [TreePath] = []
    var goingUp: [TreePath] = []
    /// Conflicts that stood and were looked at in this cycle, or are new in it.
    var looked: Set<TreePath> = []
    /// Those of them that wait for the upstream's digest.
    var settling: [Int: Conflict] = [:]

    /// - Parameter now: what conflicts are dated by.
    package init(_ end: View, _ decider: Decider<View>, at now: Timestamp) throws(HeadwaterError) {
        view = DownstreamView(end)
        (self.end, self.decider, self.now) = (end, decider, now)
        overwrite = end.policy.overwrite ?? .conflict
        for conflict in try end.conflicts() { stand(conflict) }
    }

    /// Whether answers of the upstream end are due.
    package var isWaiting: Bool { !open.isEmpty }

    /// Whether more of them may be asked for.
    package func isFull(atMost count: Int) -> Bool { open.count >= count }

    /// Nothing that was asked for comes any more.
    package func dropAll() { open = [:] }

    /// What the second direction has to know. What a directory that comes down has not brought back yet is no deletion of this end's.
    package var result: BidiOutcome {
        var result = outcome
        result.heldBelow.formUnion(comingDown)
        return result
    }

    /// Notes that the upstream's change of a path was not achieved here: nothing of it may go the other way either.
    package func hold(_ path: TreePath) { outcome.held.insert(path) }

    private func stand(_ conflict: Conflict) {
        standing[conflict.path] = conflict
        hold(conflict.path)
        if conflict.blocksBelow { outcome.heldBelow.insert(conflict.path) }
    }

    // MARK: Changes

    /// What one change of the upstream end means here.
    package func decide(_ index: Int, _ record: ChangeRecord) throws(HeadwaterError) -> [BidiStep] {
        if isBlocked(record.path) || view.isNeverSynced(record.path) { return [] }
        if let ground = view.unknownGround(record) {
            hold(record.path)
            return ground.map { [.problem($0)] } ?? []
        }
        let mine = try view.standing(at: record.path)
        if let steps = try spread(index, record, mine) { return steps }
        return try decide(index, record, mine, areEqual: nil)
    }

    /// Decides a change below a directory that is left of a conflict: all of it spreads, what was agreed on in it, too. Nil elsewhere.
    private func spread(
        _ index: Int, _ record: ChangeRecord, _ mine: Standing
    ) throws(HeadwaterError) -> [BidiStep]? {
        if record.state != .absent, comingDown.contains(where: { $0.contains(record.path) }) {
            return try obey(index, record, mine, nil)
        }
        if record.state == .absent, mine.agreed != nil, mine.attributes != nil,
            goingUp.contains(where: { $0.contains(record.path) })
        {
            // Without a row it is new here, and goes up as such.
            return [.apply(PlannedStep(index: index, path: record.path))]
        }
        return nil
    }

    /// Agreed paths that are not here, and that a directory which is left of a conflict brings back; to be asked for.
    package func lacking() throws(HeadwaterError) -> [TreePath] { try view.lacking(below: comingDown) }

    private func decide(
        _ index: Int, _ record: ChangeRecord, _ mine: Standing, areEqual: Bool?, sent: AgreedEntry? = nil
    ) throws(HeadwaterError) -> [BidiStep] {
        let path = record.path
        let up = record.change(since: mine.agreed, sent)
        if record.state == .absent && mine.agreed == nil {
            // Only a directory that was residue there.
            return mine.isResidueElsewhere ? [.removeLater(Removal(index: index, path: path, expected: .absent))] : []
        }
        if let step = directory(index, record), mine.kind != .directory, mine.agreed?.isDirectory ?? false {
            if made.contains(path) { return [.apply(step)] }
            passed[path] = step
        }
        if mine.attributes == nil, case .content = up, let steps = try obstacle(on: path) { return steps }
        let below = needsBelow(up, mine) ? try view.below(path).union(conflicts(below: path)) : []
        let decision = decideBidi(
            agreed: mine.agreedHere, up: view.here(up, mine), down: mine.change, below: below, overwrite: overwrite,
            areEqual: areEqual)
        switch decision {
        case .upward: return []
        case .forget: return [.removeLater(Removal(index: index, path: path, expected: .absent))]
        case .restoreUpward: return [.apply(PlannedStep(index: index, path: path))]
        case .downward: return try obey(index, record, mine, sent)
        case .downwardKeepingMode(let mode, let metadata):
            return try obey(index, record, mine, sent, keeping: OwnMode(mode, metadata))
        case .upwardWithMode(let mode, let metadata):
            return [.apply(touched(path, mine, OwnMode(mode, metadata)))]
        case .blocked:
            block(path)
            return [.problem(.blocked(path))]
        case .compare: return [compare(index, record, mine)]
        case .conflict:
            if case .content(let entry) = up, entry.attributes.kind == .file, sent == nil {
                // What lies below is part of it, whatever the digest is.
                if mine.kind == .directory { block(path) }
                return [compare(index, record, mine)]
            }
            flag(path, mine.agreed, up: up.entry, down: view.version(mine), mine.identity)
            return []
        }
    }

    /// A conflict below keeps what leads to it; one that is settled for this side spreads, and takes it along.
    private func conflicts(below path: TreePath) -> BelowDirectory {
        var below: BelowDirectory = []
        if outcome.settled.contains(where: { path.contains($0) }) { below.insert(.created) }
        if standing.keys.contains(where: { path.contains($0) }) { below.insert(.changed) }
        return below
    }

    private func needsBelow(_ up: SideChange, _ mine: Standing) -> Bool {
        guard mine.agreed?.isDirectory ?? false, mine.kind == .directory else { return false }
        switch up {
        case .gone: return true
        case .content(let entry): return !entry.isDirectory
        default: return false
        }
    }

    /// Does as the upstream end says.
    func obey(
        _ index: Int, _ record: ChangeRecord, _ mine: Standing, _ sent: AgreedEntry?,
        keeping: OwnMode? = nil
    ) throws(HeadwaterError) -> [BidiStep] {
        var steps = record.state == .absent ? [] : try restoreParents(of: record.path)
        switch try decider.decide(index, record) {
        case .nothing: break
        case .apply(let planned): steps.append(.apply(planned))
        case .removeLater(let removal): steps.append(.removeLater(removal))
        case .want(var wanted):
            wanted.keeps = keeping
            steps.append(.want(wanted))
        case .problem(let error): steps.append(.problem(error))
        case .unknown(let problem): if let problem { steps.append(.problem(problem)) }
        }
        if case .directory = record.state { made.insert(record.path) }
        return steps
    }

    /// Agreed directories that were deleted here come back for what the upstream end has created in them.
    private func restoreParents(of path: TreePath) throws(HeadwaterError) -> [BidiStep] {
        var missing: [PlannedStep] = []
        var above = path.parent
        while !above.isRoot, !made.contains(above), let step = try missingDirectory(above) {
            missing.append(step)
            above = above.parent
        }
        return missing.reversed().map { step in
            made.insert(step.path)
            return .apply(step)
        }
    }

    private func missingDirectory(_ path: TreePath) throws(HeadwaterError) -> PlannedStep? {
        if let step = passed[path] { return try view.standing(at: path).attributes == nil ? step : nil }
        guard let agreed = try view.missingDirectory(path) else { return nil }
        return decider.remade(path, agreed, expected: .absent)
    }

    /// The step that makes a directory as the upstream end has it.
    func directory(_ index: Int, _ record: ChangeRecord) -> PlannedStep? {
        guard case .directory = record.state else { return nil }
        var step = decider.remade(
            record.path, AgreedEntry(attributes: record.attributes!, digest: nil), expected: .absent)
        step.index = index
        return step
    }

    private func touched(_ path: TreePath, _ mine: Standing, _ theirs: OwnMode) -> PlannedStep {
        var attributes = mine.attributes!
        (attributes.mode, attributes.metadata) = (theirs.mode, theirs.metadata)
        var plan = PlannedStep(
            path: path, agreed: mine.agreed, action: .setAttributes(attributes), expected: mine.expected)
        plan.isUnrecorded = true
        return plan
    }

    // MARK: Comparing

    func compare(_ index: Int, _ record: ChangeRecord, _ mine: Standing) -> BidiStep {
        let wanted = WantedFile(
            index: index, path: record.path, attributes: record.attributes!, expected: mine.expected,
            standing: mine.attributes, replacesDirectory: mine.kind == .directory)
        open[index] = Open(record: record, mine: mine)
        return .compare(wanted)
    }

    /// Takes the upstream's digest of a change that it was asked for; nil where it was not.
    package func take(_ index: Int, _ sent: AgreedEntry) throws(HeadwaterError) -> [BidiStep]? {
        guard let waiting = open.removeValue(forKey: index) else { return nil }
        let sent = waiting.record.whole(sent)
        if isBlocked(waiting.record.path.parent) { return [] }
        if let settling = settling.removeValue(forKey: index) {
            return try settle(settling, (index, waiting.record), sent)
        }
        let mine = view.version(waiting.mine)
        return try decide(
            index, waiting.record, waiting.mine, areEqual: mine?.digest == sent.digest, sent: sent)
    }

    /// The upstream end could not read what it was asked about; false where it was not asked.
    package func fail(_ index: Int) -> Bool {
        guard let waiting = open.removeValue(forKey: index) else { return false }
        if let conflict = settling.removeValue(forKey: index) { stand(conflict) }
        hold(waiting.record.path)
        return true
    }

    // MARK: Conflicts

    /// What to do where something keeps a new path from being put here; nil where nothing does.
    func obstacle(on path: TreePath) throws(HeadwaterError) -> [BidiStep]? {
        switch try view.way(to: path) {
        case .clear, .barred: return nil
        case .taken(let taken):
            flag(taken)
            return []
        case .unsynced(let above):
            hold(path)
            return [.problem(.blocked(above))]
        }
    }

    /// What stands here for a directory in which the upstream end has something new is in conflict with it.
    private func flag(_ taken: DownstreamView<View>.Taken) {
        let up = passed[taken.path]?.agreed ?? taken.agreed
        flag(taken.path, taken.agreed, up: up, down: taken.now, taken.identity)
    }

    func flag(
        _ path: TreePath, _ ancestor: AgreedEntry?, up: AgreedEntry?, down: AgreedEntry?, _ identity: LocalIdentity?,
        since: Timestamp? = nil
    ) {
        let conflict = Conflict(
            path: path, ancestor: ancestor, upstream: up, downstream: down, since: since ?? now)
        if conflict.standIn == nil { return }
        outcome.flagged[path] = conflict
        outcome.identities[path] = identity
        // How the upstream side is at a conflict of this cycle was not asked: no answer would mean deleted there.
        looked.insert(path)
        stand(conflict)
    }

    private func block(_ path: TreePath) { outcome.heldBelow.insert(path) }

    /// Whether a conflict or problem at or above `path` keeps it as it is.
    func isBlocked(_ path: TreePath) -> Bool {
        standing[path] != nil || outcome.isHeldWhole(path)
    }
}

extension SideChange {
    /// What stands there; nil where nothing does, or it is as agreed.
    var entry: AgreedEntry? {
        if case .content(let entry) = self { return entry }
        return nil
    }
}
