import Core

/// What a target of a push or pull does about the paths that both sides changed, where the source does not simply win, and about
/// the conflicts that stand. Pure but for what the view reads.
///
/// A conflict is flagged at once and its row told to the source, which never decides: nothing is ever changed there.
package final class PushConflicts<View: EndView> {
    /// A change that waits for the source's digest.
    private struct Open {
        var record: ChangeRecord
        var mine: Standing
        /// The conflict that is to be settled by it; nil for a change.
        var conflict: Conflict?
    }

    private let end: View
    private let view: DownstreamView<View>
    private let decider: Decider<View>
    private let overwrite: SessionPolicy.Overwrite
    private let now: Timestamp
    private var standing: [TreePath: Conflict] = [:]
    /// Of those, where what lies below waits, too.
    private var blocking: Set<TreePath> = []
    private var open: [Int: Open] = [:]

    /// Whether there may be something to do: nothing is where the source wins and no conflict stands.
    package static func isNeeded(_ policy: SessionPolicy, conflicts: Int64) -> Bool {
        (policy.overwrite ?? .always) != .always || conflicts > 0
    }

    /// - Parameter now: what conflicts are dated by.
    package init(_ end: View, _ decider: Decider<View>, at now: Timestamp) throws(HeadwaterError) {
        (self.end, self.decider, self.now) = (end, decider, now)
        view = DownstreamView(end)
        overwrite = end.policy.overwrite ?? .always
        for conflict in try end.conflicts() { try stand(conflict) }
    }

    /// Whether answers of the source are due.
    package var isWaiting: Bool { !open.isEmpty }

    /// Whether more of them may be asked for.
    package func isFull(atMost count: Int) -> Bool { open.count >= count }

    /// Nothing that was asked for comes any more.
    package func dropAll() { open = [:] }

    /// The paths whose conflicts stand, in order.
    package var standingPaths: [TreePath] { standing.keys.sorted() }

    private func stand(_ conflict: Conflict) throws(HeadwaterError) {
        standing[conflict.path] = conflict
        if conflict.blocksBelow { blocking.insert(conflict.path) }
        // What a mirror would delete below it is part of it.
        try decider.claim(at: conflict.path, withBelow: true)
    }

    private func letGo(_ path: TreePath) {
        standing[path] = nil
        blocking.remove(path)
    }

    private func isBlocked(_ path: TreePath) -> Bool { standing[path] != nil || isBelowBlocking(path) }

    private func isBelowBlocking(_ path: TreePath) -> Bool {
        if blocking.isEmpty { return false }
        var above = path
        while !above.isRoot {
            above = above.parent
            if blocking.contains(above) { return true }
        }
        return false
    }

    // MARK: Changes

    /// What to do about a change of the source's; nil: as the source says.
    package func judge(_ index: Int, _ record: ChangeRecord) throws(HeadwaterError) -> [BidiStep]? {
        let path = record.path
        if isBlocked(path) { return [] }
        if overwrite == .always || view.isNeverSynced(path) { return nil }
        if record.state == .absent && end.policy.delete == .never { return nil }
        if view.unknownGround(record) != nil { return nil }
        // A directory that is to give way waits for the conflicts in it.
        if record.attributes.map({ $0.kind != .directory }) ?? false, isAboveConflict(path) { return [] }
        let mine = try view.standing(at: path)
        if mine.attributes == nil {
            guard record.state != .absent, case .taken(let taken) = try view.way(to: path),
                !decider.isRepaired(taken.path)
            else { return nil }
            return [try flag(taken.path, taken.agreed, up: taken.agreed, down: taken.now, taken.identity)]
        }
        if case .unsynced = mine.change, mine.kind?.isSynced ?? false {
            return [.problem(.unreadableContent(path))]
        }
        guard case .content(let down) = mine.change, !decider.isRepaired(path) else { return nil }
        return try judge(index, record, mine, down, nil)
    }

    private func isAboveConflict(_ path: TreePath) -> Bool {
        standing.keys.contains { path.contains($0) && $0 != path }
    }

    private func judge(
        _ index: Int, _ record: ChangeRecord, _ mine: Standing, _ down: AgreedEntry, _ sent: AgreedEntry?
    ) throws(HeadwaterError) -> [BidiStep]? {
        if let up = asAgreed(record, mine.agreed, sent) {
            // What was decided holds on; else it is drift.
            return mine.row?.state == .kept
                ? [told(record.path, up, .kept, nil)] : agreedAgain(record.path, up)
        }
        let up = record.change(since: nil, sent).entry
        var areEqual: Bool?
        if let sent { areEqual = view.version(mine)?.digest == sent.digest }
        switch decideOverwrite(source: up, target: down, overwrite: overwrite, areEqual: areEqual) {
        case .asSource: return nil
        case .compare: return [compare(index, record, mine, nil)]
        case .conflict:
            // Both sides are told with their digests.
            if up?.attributes.kind == .file, sent == nil { return [compare(index, record, mine, nil)] }
            return [try flag(record.path, mine.agreed, up: up, down: view.version(mine), mine.identity)]
        }
    }

    /// What the source has, where that is still the content that was agreed on: then only the target has changed it.
    private func asAgreed(_ record: ChangeRecord, _ agreed: AgreedEntry?, _ sent: AgreedEntry?) -> AgreedEntry? {
        guard let agreed else { return nil }
        if let sent { return sent.hasContent(of: agreed) ? sent : nil }
        guard case .attributes(let attributes) = record.change(since: agreed, nil) else { return nil }
        return AgreedEntry(attributes: attributes, digest: agreed.digest)
    }

    private func compare(_ index: Int, _ record: ChangeRecord, _ mine: Standing, _ conflict: Conflict?)
        -> BidiStep
    {
        open[index] = Open(record: record, mine: mine, conflict: conflict)
        return .compare(
            WantedFile(
                index: index, path: record.path, attributes: record.attributes!, expected: mine.expected,
                standing: mine.attributes, replacesDirectory: mine.kind == .directory))
    }

    /// Takes the source's digest of a change that it was asked for; nil where it was not.
    package func take(_ index: Int, _ sent: AgreedEntry) throws(HeadwaterError) -> [BidiStep]? {
        guard let waiting = open.removeValue(forKey: index) else { return nil }
        let (record, mine) = (waiting.record, waiting.mine)
        let sent = record.whole(sent)
        if let conflict = waiting.conflict { return try settle(conflict, (index, record), sent) }
        if isBlocked(record.path) { return [] }
        guard case .content(let down) = mine.change else { return [] }
        if let steps = try judge(index, record, mine, down, sent) { return steps }
        return try obey(index, record)
    }

    /// The source could not read what it was asked about; false where it was not asked.
    package func fail(_ index: Int) -> Bool { open.removeValue(forKey: index) != nil }

    private func obey(_ index: Int, _ record: ChangeRecord) throws(HeadwaterError) -> [BidiStep] {
        switch try decider.decide(index, record) {
        case .nothing: return []
        case .apply(let planned): return [.apply(planned)]
        case .removeLater(let removal): return [.removeLater(removal)]
        case .want(let wanted): return [.want(wanted)]
        case .problem(let error): return [.problem(error)]
        case .unknown(let problem): return problem.map { [.problem($0)] } ?? []
        }
    }

    private func flag(
        _ path: TreePath, _ ancestor: AgreedEntry?, up: AgreedEntry?, down: AgreedEntry?, _ identity: LocalIdentity?,
        since: Timestamp? = nil
    ) throws(HeadwaterError) -> BidiStep {
        let conflict = Conflict(
            path: path, ancestor: ancestor, upstream: up, downstream: down, since: since ?? now)
        try stand(conflict)
        var plan = PlannedStep(path: path, flag: conflict, identity: identity)
        plan.isTold = true
        return .apply(plan)
    }

    // MARK: Conflicts that stand

    /// Decides them before any change.
    ///
    /// - Parameter answers: how the source is now; what is missing is not there.
    package func settleStanding(_ answers: [TreePath: (index: Int, record: ChangeRecord)]) throws(HeadwaterError)
        -> [BidiStep]
    {
        var steps: [BidiStep] = []
        for conflict in standing.values.sorted(by: { $0.path < $1.path }) {
            if isBelowBlocking(conflict.path) { continue }
            if let ground = view.unknownGround(ChangeRecord(path: conflict.path, state: .absent)) {
                if let ground { steps.append(.problem(ground)) }
                continue
            }
            let mine = try view.standing(at: conflict.path)
            guard mine.change != .unsynced else { continue }
            let answer = answers[conflict.path]
            if stands(conflict, answer?.record, mine) { continue }
            if let answer, answer.record.attributes?.kind == .file {
                steps.append(compare(answer.index, answer.record, mine, conflict))
            } else {
                steps += try settle(conflict, answer, nil)
            }
        }
        return steps
    }

    /// Whether both sides are as they were flagged, as far as can be told without reading, and nothing decides it.
    private func stands(_ conflict: Conflict, _ record: ChangeRecord?, _ mine: Standing) -> Bool {
        guard end.keep(of: conflict) == nil, record?.attributes == conflict.upstream?.attributes,
            mine.isAsFlagged(conflict)
        else { return false }
        let settlement = settlePush(
            conflict, upstream: conflict.upstream, downstream: conflict.downstream, keep: nil, overwrite: overwrite)
        return settlement == .stands
    }

    private func settle(
        _ conflict: Conflict, _ answer: (index: Int, record: ChangeRecord)?, _ sent: AgreedEntry?
    ) throws(HeadwaterError) -> [BidiStep] {
        let path = conflict.path
        let mine = try view.standing(at: path)
        let down = view.version(mine)
        let up = answer.flatMap { $0.record.change(since: nil, sent).entry }
        let keep = end.keep(of: conflict)
        let settlement = settlePush(conflict, upstream: up, downstream: down, keep: keep, overwrite: overwrite)
        if Self.losesDirectory(settlement, up, down) { return [.problem(.directoryLoses(path))] }
        if settlement == .stands { return [] }
        letGo(path)
        switch settlement {
        case .stands: return []
        case .flaggedAnew:
            return [try flag(path, conflict.ancestor, up: up, down: down, mine.identity, since: conflict.since)]
        case .forget: return [removal(path, .absent)]
        case .kept:
            guard let agreed = up ?? conflict.ancestor ?? down else { return [removal(path, .absent)] }
            // What the source does not have takes no part until it makes it again. Nor is what stands here what the row says: should the
            // source come back to that, it must be looked at.
            return [told(path, agreed, up == nil ? .withheld : .kept, nil)]
        case .agreedAgain: if let steps = agreedAgain(path, up) { return steps }
        case .asSource, .both: break
        }
        var steps: [BidiStep] = []
        if keep != nil { steps.append(.keepLoser(path, isBeside: settlement == .both)) }
        guard let answer else { return steps + [removal(path, mine.expected)] }
        return try steps + obey(answer.index, answer.record)
    }

    /// What is done where only the target has changed the content: nil, as the source says, where that is repaired.
    private func agreedAgain(_ path: TreePath, _ up: AgreedEntry?) -> [BidiStep]? {
        guard end.policy.drift != .repair, let up else { return nil }
        return [told(path, up, .agreed, nil)]
    }

    /// What is in a directory is nobody's to delete by the way.
    private static func losesDirectory(_ settlement: PushSettlement, _ up: AgreedEntry?, _ down: AgreedEntry?) -> Bool {
        switch settlement {
        case .asSource, .both: down?.isDirectory ?? false && up.map { !$0.isDirectory } ?? false
        case .kept: up?.isDirectory ?? false
        case .stands, .flaggedAnew, .forget, .agreedAgain: false
        }
    }

    private func told(_ path: TreePath, _ agreed: AgreedEntry, _ state: RowState, _ identity: LocalIdentity?)
        -> BidiStep
    {
        var plan = PlannedStep(path: path, agreed: agreed, state: state, identity: identity)
        plan.isTold = true
        return .apply(plan)
    }

    private func removal(_ path: TreePath, _ expected: Expected) -> BidiStep {
        var removal = Removal(path: path, expected: expected)
        removal.isTold = true
        return .removeLater(removal)
    }
}
