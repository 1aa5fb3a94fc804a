import Core
import Filters
import Platform
import Reconciliation
import Roots
import Snapshots
import Wire

/// Decides the first direction of a bidirectional cycle at its target, the downstream end: it has its own tree and rows, and the
/// upstream's changes as they come, in scan order. Decisions are `Reconciliation`'s.
///
/// What it leaves to the second direction is what its own tree differs in from the rows afterwards, but for `outcome`.
final class BidiTarget {
    enum Step {
        case apply(Planned)
        case removeLater(Removal)
        case want(WantedFile)
        /// Only the digest, to decide by it.
        case compare(WantedFile)
        case problem(HeadwaterError)
        /// What stands there loses, and is kept.
        case keepLoser(TreePath, isBeside: Bool)
    }

    /// A change that waits for the upstream's digest.
    private struct Open {
        var record: ChangeRecord
        var mine: DownstreamView.Standing
    }

    private let view: DownstreamView
    private let decider: Decider
    private let overwrite: SessionPolicy.Overwrite
    private let resolutions: ConflictPattern
    private var outcome = BidiOutcome()
    private var standing: [TreePath: Conflict] = [:]
    private var open: [Int: Open] = [:]
    private var made: Set<TreePath> = []
    /// Directories that are left of conflicts at the upstream end, and here.
    private var comingDown: [TreePath] = []
    private var goingUp: [TreePath] = []

    init(_ end: SessionEnd, _ image: TreeImage, _ decider: Decider) throws(HeadwaterError) {
        view = DownstreamView(end, image, decider)
        self.decider = decider
        overwrite = end.policy.overwrite ?? .conflict
        resolutions = end.resolutions
        for conflict in try end.conflicts() { stand(conflict) }
    }

    /// Whether answers of the upstream end are due.
    var isWaiting: Bool { !open.isEmpty }

    /// Whether more of them may be asked for.
    var isFull: Bool { open.count >= WantMessage.itemsMax }

    func dropAll() { open = [:] }

    /// What the second direction has to know. What a directory that comes down has not brought back yet is no deletion of this end's.
    var result: BidiOutcome {
        var result = outcome
        result.heldBelow.formUnion(comingDown)
        return result
    }

    /// Notes that the upstream's change of a path was not achieved here: nothing of it may go the other way either.
    func hold(_ path: TreePath) { outcome.held.insert(path) }

    private func stand(_ conflict: Conflict) {
        standing[conflict.path] = conflict
        hold(conflict.path)
        if conflict.blocksBelow { outcome.heldBelow.insert(conflict.path) }
    }

    // MARK: Changes

    func decide(_ index: Int, _ record: ChangeRecord) throws(HeadwaterError) -> [Step] {
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
        _ index: Int, _ record: ChangeRecord, _ mine: DownstreamView.Standing
    ) throws(HeadwaterError) -> [Step]? {
        if record.state != .absent, comingDown.contains(where: { $0.contains(record.path) }) {
            return try obey(index, record, mine, nil)
        }
        if record.state == .absent, mine.agreed != nil, mine.attributes != nil,
            goingUp.contains(where: { $0.contains(record.path) })
        {
            // Without a row it is new here, and goes up as such.
            return [.apply(Planned(index: index, path: record.path))]
        }
        return nil
    }

    /// Agreed paths that are not here, and that a directory which is left of a conflict brings back; to be asked for.
    func lacking() throws(HeadwaterError) -> [TreePath] { try view.lacking(below: comingDown) }

    private func decide(
        _ index: Int, _ record: ChangeRecord, _ mine: DownstreamView.Standing, areEqual: Bool?, sent: SentFile? = nil
    ) throws(HeadwaterError) -> [Step] {
        let path = record.path
        let up = DownstreamView.change(record, mine.agreed, sent)
        if record.state == .absent && mine.agreed == nil {
            // Only a directory that was residue there.
            return mine.isResidueElsewhere ? [.removeLater(Removal(index: index, path: path, expected: .absent))] : []
        }
        if mine.attributes == nil, case .content = up, let taken = try view.takenAbove(path) {
            try flag(taken.path, taken.agreed, up: taken.agreed, down: taken.now, taken.identity)
            return []
        }
        let below = needsBelow(up, mine) ? try view.below(path).union(conflicts(below: path)) : []
        let decision = decideBidi(
            agreed: mine.agreed, up: up, down: mine.change, below: below, overwrite: overwrite, areEqual: areEqual)
        switch decision {
        case .upward: return []
        case .forget: return [.removeLater(Removal(index: index, path: path, expected: .absent))]
        case .restoreUpward: return [.apply(Planned(index: index, path: path))]
        case .downward: return try obey(index, record, mine, sent)
        case .downwardKeepingMode(let mode): return try obey(index, record, mine, sent, modeHere: mode)
        case .upwardWithMode(let mode): return [.apply(touched(path, mine, mode))]
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
            try flag(path, mine.agreed, up: up.entry, down: try view.version(mine), mine.identity)
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

    private func needsBelow(_ up: SideChange, _ mine: DownstreamView.Standing) -> Bool {
        guard mine.agreed?.isDirectory ?? false, mine.kind == .directory else { return false }
        switch up {
        case .gone: return true
        case .content(let entry): return !entry.isDirectory
        default: return false
        }
    }

    /// Does as the upstream end says.
    private func obey(
        _ index: Int, _ record: ChangeRecord, _ mine: DownstreamView.Standing, _ sent: SentFile?,
        modeHere: UInt16? = nil
    ) throws(HeadwaterError) -> [Step] {
        var steps = record.state == .absent ? [] : try restoreParents(of: record.path)
        switch try decider.decide(index, record) {
        case .nothing: break
        case .apply(let planned): steps.append(.apply(planned))
        case .removeLater(let removal): steps.append(.removeLater(removal))
        case .want(var wanted):
            wanted.modeHere = modeHere
            steps.append(.want(wanted))
        case .problem(let error): steps.append(.problem(error))
        case .unknown(let problem): if let problem { steps.append(.problem(problem)) }
        }
        if case .directory = record.state { made.insert(record.path) }
        return steps
    }

    /// Agreed directories that were deleted here come back for what the upstream end has created in them.
    private func restoreParents(of path: TreePath) throws(HeadwaterError) -> [Step] {
        var missing: [(TreePath, AgreedEntry)] = []
        var above = path.parent
        while !above.isRoot, !made.contains(above), let agreed = try view.missingDirectory(above) {
            missing.append((above, agreed))
            above = above.parent
        }
        return missing.reversed().map { path, agreed in
            made.insert(path)
            let operation = Operation.makeDirectory(path, agreed.attributes, expected: .absent)
            return .apply(Planned(index: Planned.noIndex, path: path, agreed: agreed, operation: operation))
        }
    }

    private func touched(_ path: TreePath, _ mine: DownstreamView.Standing, _ mode: UInt16) -> Planned {
        var attributes = mine.attributes!
        attributes.mode = mode
        var plan = Planned(index: Planned.noIndex, path: path, agreed: mine.agreed)
        plan.operation = .setAttributes(path, attributes, expected: mine.expected)
        plan.isUnrecorded = true
        return plan
    }

    // MARK: Comparing

    private func compare(_ index: Int, _ record: ChangeRecord, _ mine: DownstreamView.Standing) -> Step {
        let wanted = WantedFile(
            index: index, path: record.path, attributes: record.attributes!, expected: mine.expected, has: nil,
            found: nil, replacesDirectory: mine.kind == .directory)
        open[index] = Open(record: record, mine: mine)
        return .compare(wanted)
    }

    /// Takes the upstream's digest of a change that it was asked for; nil where it was not.
    func take(_ file: SentFile) throws(HeadwaterError) -> [Step]? {
        guard let waiting = open.removeValue(forKey: file.index) else { return nil }
        if isBlocked(waiting.record.path.parent) { return [] }
        if let settling = settling.removeValue(forKey: file.index) {
            return try settle(settling, (file.index, waiting.record), file)
        }
        let mine = try view.version(waiting.mine)
        return try decide(
            file.index, waiting.record, waiting.mine, areEqual: mine?.digest == file.digest, sent: file)
    }

    /// The upstream end could not read what it was asked about; false where it was not asked.
    func fail(_ index: Int) -> Bool {
        guard let waiting = open.removeValue(forKey: index) else { return false }
        if let conflict = settling.removeValue(forKey: index) { stand(conflict) }
        hold(waiting.record.path)
        return true
    }

    // MARK: Conflicts

    private func flag(
        _ path: TreePath, _ ancestor: AgreedEntry?, up: AgreedEntry?, down: AgreedEntry?, _ identity: LocalIdentity?,
        since: Timestamp? = nil
    ) throws(HeadwaterError) {
        let conflict = Conflict(
            path: path, ancestor: ancestor, upstream: up, downstream: down, since: since ?? WallClock.now)
        if conflict.standIn == nil { return }
        outcome.flagged[path] = conflict
        outcome.identities[path] = identity
        stand(conflict)
    }

    private func block(_ path: TreePath) { outcome.heldBelow.insert(path) }

    /// Whether a conflict or problem at or above `path` keeps it as it is.
    private func isBlocked(_ path: TreePath) -> Bool {
        standing[path] != nil || outcome.isHeldWhole(path)
    }

    /// The paths whose conflicts stand, to ask how the upstream side is now.
    var standingPaths: [TreePath] { standing.keys.sorted() }

    private var settling: [Int: Conflict] = [:]

    /// Decides the conflicts that stand, before any change.
    ///
    /// - Parameter answers: how the upstream side is now; what is missing is not there.
    func settleStanding(_ answers: [TreePath: (index: Int, record: ChangeRecord)]) throws(HeadwaterError) -> [Step] {
        var steps: [Step] = []
        for conflict in standing.values.sorted(by: { $0.path < $1.path }) {
            if isBlocked(conflict.path.parent) { continue }
            if let ground = view.unknownGround(ChangeRecord(path: conflict.path, state: .absent)) {
                if let ground { steps.append(.problem(ground)) }
                continue
            }
            let mine = try view.standing(at: conflict.path)
            guard mine.change != .unsynced else { continue }
            let answer = answers[conflict.path]
            if resolutions.keep(of: conflict) == nil,
                answer?.record.attributes == conflict.upstream?.attributes, mine.isAsFlagged(conflict)
            {
                continue
            }
            if let answer, answer.record.attributes?.kind == .file {
                settling[answer.index] = conflict
                steps.append(compare(answer.index, answer.record, mine))
            } else {
                steps += try settle(conflict, answer, nil)
            }
        }
        return steps
    }

    private func settle(
        _ conflict: Conflict, _ answer: (index: Int, record: ChangeRecord)?, _ sent: SentFile?
    ) throws(HeadwaterError) -> [Step] {
        let path = conflict.path
        let mine = try view.standing(at: path)
        let down = try view.version(mine)
        let up = answer.flatMap { DownstreamView.change($0.record, nil, sent).entry }
        let keep = resolutions.keep(of: conflict)
        let settlement = Reconciliation.settle(conflict, upstream: up, downstream: down, keep: keep)
        let sides = BidiTarget.sides(settlement, up, down)
        if let loser = sides.loser, loser.isDirectory, let winner = sides.winner, !winner.isDirectory {
            // What is in it is nobody's to delete by the way.
            return [.problem(.directoryLoses(path))]
        }
        switch settlement {
        case .stands: return []
        case .flaggedAnew:
            try flag(path, conflict.ancestor, up: up, down: down, mine.identity, since: conflict.since)
            return []
        case .forget, .upward:
            letGo(path)
            outcome.settled.insert(path)
            if mine.kind == .directory, conflict.ancestor?.isDirectory ?? false { goingUp.append(path) }
            return []
        case .equal, .downward, .both:
            if answer != nil, mine.attributes == nil, let taken = try view.takenAbove(path) {
                try flag(taken.path, taken.agreed, up: taken.agreed, down: taken.now, taken.identity)
                return []
            }
            letGo(path)
            var steps: [Step] = []
            if keep != nil && settlement != .equal {
                steps.append(.keepLoser(path, isBeside: settlement == .both))
            }
            // What is deleted upstream goes here, and then from the rows of both.
            guard let answer else {
                outcome.settled.insert(path)
                let removal = Removal(
                    index: Planned.noIndex, path: path, expected: mine.expected, isUnrecorded: true)
                return steps + [.removeLater(removal)]
            }
            if case .directory = answer.record.state, mine.kind != .directory, conflict.ancestor?.isDirectory ?? false {
                comingDown.append(path)
            }
            return try steps + obey(answer.index, answer.record, mine, sent)
        }
    }

    private static func sides(_ settlement: Settlement, _ up: AgreedEntry?, _ down: AgreedEntry?) -> (
        winner: AgreedEntry?, loser: AgreedEntry?
    ) {
        switch settlement {
        case .downward, .both: (up, down)
        case .upward: (down, up)
        case .stands, .flaggedAnew, .forget, .equal: (nil, nil)
        }
    }

    private func letGo(_ path: TreePath) {
        standing[path] = nil
        outcome.held.remove(path)
        outcome.heldBelow.remove(path)
    }
}

extension SideChange {
    /// What stands there; nil where nothing does, or it is as agreed.
    var entry: AgreedEntry? {
        if case .content(let entry) = self { return entry }
        return nil
    }
}
