import Core
import Reconciliation

/// What both ends of a session go by.
package struct Terms: Sendable {
    package var policy = SessionPolicy.standard
    package var isBidi = false
    /// What a person decided for conflicts.
    package var decided: [TreePath: Keep] = [:]
    /// Makes deciding wrong, to see that it is found.
    package var fault: Fault?
    /// Digests that were asked for come when this many more changes were decided.
    package var lag = 0

    package init(isBidi: Bool = false, policy: SessionPolicy = .standard) {
        (self.isBidi, self.policy) = (isBidi, policy)
    }
}

/// What deciding could get wrong: each must be found by the histories.
package enum Fault: String, CaseIterable, Sendable {
    /// A conflict goes the upstream's way instead of being flagged.
    case conflictOverwritten
    /// Removals of what the other side deleted are not done.
    case deletionForgotten
    /// A change is not done.
    case changeForgotten
    /// What stands in the way is removed with all that is below it.
    case directoryTakenApart
}

/// One direction of a cycle between two ends in memory: does what `Source` and `Target` do with what production's own machines decide,
/// without wire, stage and disk.
final class Direction {
    let source: MemoryEnd
    let target: MemoryEnd
    let terms: Terms
    private let bidiSource: BidiSource?
    private let sourceView: MemoryView
    private let announcements: Announcements<MemoryView>
    let decider: Decider<MemoryView>
    private let preserved: Preserved
    private(set) var bidi: BidiTarget<MemoryView>?
    private var conflicts: PushConflicts<MemoryView>?
    private let now: Timestamp
    private var work: WorkList<MemoryEntry>
    private var inFlight: [(record: ChangeRecord, entry: EntryStatus?)] = []
    private var delivered: [Int: (content: AgreedEntry, identity: LocalIdentity?)] = [:]
    /// Files whose content or digest was asked for.
    private var wanted: [WantedFile] = []
    private var compared: [(file: WantedFile, askedAt: Int)] = []
    private var losers: [TreePath: MemoryTree.Loser] = [:]
    private var drift: Set<TreePath> = []
    private var sourceHasEntries = true
    private(set) var report = CycleReport()

    init(
        from source: MemoryEnd, to target: MemoryEnd, _ terms: Terms, _ bidiSource: BidiSource? = nil,
        isFirstOfTwo: Bool = false, at now: Timestamp
    ) throws(HeadwaterError) {
        self.now = now
        (self.source, self.target, self.terms, self.bidiSource) = (source, target, terms, bidiSource)
        sourceView = MemoryView(source, terms)
        announcements = try Announcements(sourceView, bidiSource)
        let view = MemoryView(target, terms)
        decider = Decider(view)
        preserved = view.preserved
        work = WorkList(isBidi: terms.isBidi)
        if isFirstOfTwo { bidi = try BidiTarget(view, decider, at: now) }
    }

    /// What the second direction has to know.
    var outcome: BidiOutcome { bidi?.result ?? BidiOutcome() }

    func run() throws(HeadwaterError) {
        try noteHeld()
        if terms.isBidi { try beginBidi() } else { try beginPush() }
        if report.isHalted { return }
        if !terms.isBidi { try beginConflicts() }
        while true {
            try announce()
            if !announcements.hasAnotherPass { try askAboutDrift() }
            try apply()
            try remove()
            if report.isHalted || !announcements.hasAnotherPass { return }
            try announcements.beginLastPass()
        }
    }

    // MARK: Source

    private func noteHeld() throws(HeadwaterError) {
        for path in sourceView.visibleProblems { report.problems.append(Problem(code: "path.unreadable", path: path)) }
        if !terms.policy.mirror { return }
        let held = try sourceView.held()
        sourceHasEntries = held.hasEntries
        try decider.note(held: held.paths, withBelow: true)
    }

    private func announce() throws(HeadwaterError) {
        while !announcements.isAtEnd {
            for change in try heard(announcements.next()) {
                if !terms.isBidi, let steps = try conflicts?.judge(change.index, change.record) {
                    drift.remove(change.record.path)
                    take(steps)
                } else {
                    try decide(change.index, change.record)
                }
            }
        }
        try settle()
    }

    /// Takes what the source says; returns the changes.
    private func heard(_ told: [Announcement]) throws(HeadwaterError) -> [(index: Int, record: ChangeRecord)] {
        var changes: [(index: Int, record: ChangeRecord)] = []
        for one in told {
            switch one {
            case .change(let record, let entry):
                changes.append((inFlight.count, record))
                inFlight.append((record, entry))
            case .changedSilently: break
            case .verified(let path, let identity): source.commit([.local(path, identity)])
            case .here(let path): try decider.note(held: [path], withBelow: false)
            case .unreadable(let path): report.problems.append(Problem(code: "path.unreadable", path: path))
            case .replacedByUnsynced(let path): report.note(.replacedByUnsynced(path))
            }
        }
        return changes
    }

    private func ask(_ paths: some Sequence<TreePath>) throws(HeadwaterError) -> [(index: Int, record: ChangeRecord)] {
        var found: [(index: Int, record: ChangeRecord)] = []
        for path in paths { found += try heard(announcements.answer(path)) }
        return found
    }

    /// What the source reads of a file that is asked for.
    private func read(_ file: WantedFile) -> MemoryEntry {
        let entry = sourceView.tree[file.path]!
        delivered[file.index] = (entry.agreed, entry.identity)
        return entry
    }

    // MARK: Target

    private func note(_ problem: HeadwaterError) {
        if let path = problem.path { bidi?.hold(path) }
        report.note(problem)
    }

    private func beginBidi() throws(HeadwaterError) {
        guard let bidi else { return }
        var found: [TreePath: (index: Int, record: ChangeRecord)] = [:]
        for answer in try ask(bidi.standingPaths()) { found[answer.record.path] = answer }
        while let steps = try bidi.settleStanding(found) {
            take(steps)
            try settle()
        }
        drift = Set(try bidi.lacking())
    }

    private func beginPush() throws(HeadwaterError) {
        let found = try decider.findDrift { () throws(HeadwaterError) in }
        for path in found.blocked { note(.blocked(path)) }
        for problem in found.unknown { note(problem) }
        if terms.policy.drift == .halt {
            for answer in try ask((found.directories + found.others).sorted()) {
                if try decider.isAsAgreed(answer.record) { report.isHalted = true }
            }
        }
        if terms.policy.drift == .keep || report.isHalted { return }
        drift = Set(found.others + found.times)
        for answer in try ask(found.directories) {
            guard case .directory = answer.record.state else { continue }
            try decide(answer.index, answer.record)
            decider.noteRepaired(answer.record.path)
        }
        try apply()
    }

    /// Looks at the conflicts of a push that stand.
    private func beginConflicts() throws(HeadwaterError) {
        if !PushConflicts<MemoryView>.isNeeded(terms.policy, conflicts: Int64(target.conflicts.count)) { return }
        let conflicts = try PushConflicts(decider.view, decider, at: now)
        self.conflicts = conflicts
        try decider.note(held: target.rows.filter { $0.state == .kept }.map(\.path), withBelow: true)
        if !conflicts.standingPaths.isEmpty {
            var found: [TreePath: (index: Int, record: ChangeRecord)] = [:]
            for answer in try ask(conflicts.standingPaths) { found[answer.record.path] = answer }
            take(try conflicts.settleStanding(found))
            try settle()
        }
        for path in conflicts.standingPaths { work.keepRows(above: path) }
    }

    private func askAboutDrift() throws(HeadwaterError) {
        for answer in try ask(drift.sorted()) { try decide(answer.index, answer.record) }
        try settle()
    }

    private func decide(_ index: Int, _ record: ChangeRecord) throws(HeadwaterError) {
        drift.remove(record.path)
        switch (terms.fault, record.state) {
        case (.conflictOverwritten, .conflict), (.changeForgotten, .file), (.deletionForgotten, .absent): return
        case (.directoryTakenApart, .file): target.tree.remove(record.path)
        default: break
        }
        if let bidi {
            take(try bidi.decide(index, record))
            try settle(until: inFlight.count - terms.lag)
            return
        }
        if terms.isBidi, terms.decided[record.path] != nil { losers[record.path] = .attic }
        if record.state != .absent { for step in try decider.wayTo(record.path) { work.add(step) } }
        switch try decider.decide(index, record) {
        case .nothing: break
        case .apply(let step): work.add(step)
        case .removeLater(let removal): work.remove(later: removal)
        case .want(let file): wanted.append(file)
        case .problem(let problem):
            note(problem)
            work.keepRow(of: record)
        case .unknown(let problem):
            if let problem { note(problem) }
            work.keepRow(of: record)
        }
    }

    private func take(_ steps: [BidiStep]) {
        for step in steps {
            switch step {
            case .apply(let step):
                work.add(step)
                if step.isTold && step.flag != nil {
                    drift.remove(step.path)
                    work.keepRows(above: step.path)
                }
            case .removeLater(let removal): work.remove(later: removal)
            case .want(let file): wanted.append(file)
            case .compare(let file): compared.append((file, inFlight.count))
            case .problem(let problem): note(problem)
            case .keepLoser(let path, let isBeside): losers[path] = isBeside ? .beside : .attic
            }
        }
    }

    /// Brings what was asked for: digests that were asked for by then, and all content.
    private func settle(until bound: Int = .max) throws(HeadwaterError) {
        while let first = compared.first, first.askedAt <= bound {
            compared.removeFirst()
            let entry = read(first.file)
            var answer = try bidi?.take(first.file.index, entry.agreed)
            if answer == nil { answer = try conflicts?.take(first.file.index, entry.agreed) }
            if let steps = answer { take(steps) }
        }
        for file in wanted {
            let entry = read(file)
            if file.has == entry.digest, let step = file.step(same: entry.agreed, preserved) {
                work.add(step)
            } else {
                var here = entry
                here.mode = file.here(entry.attributes, preserved).mode
                work.add(file.step(entry.agreed), here)
            }
        }
        wanted = []
    }

    private func remove() throws(HeadwaterError) {
        for removal in try decider.removalsOfSurplus() { work.remove(later: removal) }
        if terms.isBidi {
            for removal in try decider.emptyResidues(besides: work.removedPaths) where !work.replaces(removal.path) {
                work.remove(later: removal)
            }
        }
        if !work.removalPaths().isEmpty && !sourceHasEntries {
            report.isHalted = true
            return
        }
        while work.beginRemovals() { try apply() }
        work.addReplacements()
        try apply()
    }

    /// Does what is ready, and records it at both ends.
    private func apply() throws(HeadwaterError) {
        let target = target
        for (step, content) in work.take() {
            var outcome: Achieved?
            if step.action != nil {
                let loser = losers[step.path] ?? (terms.policy.attic == nil ? .nowhere : .attic)
                outcome = target.tree.apply(step, content: content, loser: loser)
                report.steps += hasChanged(step, outcome!) ? 1 : 0
            }
            let found = try work.record(step, outcome) { target.row(at: step.path) }
            if let problem = found.problem { note(problem) }
            if outcome == .failed { note(.failed(step.path)) }
            guard let row = found.row else { continue }
            report.recorded += target.commit([row])
            if step.isTold { report.recorded += source.commit([row]) }
            if step.isTold || step.index == PlannedStep.noIndex { continue }
            if case .put(_, _, _, .residue, _) = row {
                record(step.index, isResidue: true)
            } else {
                record(step.index, isResidue: false)
            }
        }
    }

    private func hasChanged(_ step: PlannedStep, _ outcome: Achieved) -> Bool {
        switch outcome {
        case .done: true
        case .removed: step.expected != .absent
        case .kept, .changedMeanwhile, .failed: false
        }
    }

    private func record(_ index: Int, isResidue: Bool) {
        let (record, entry) = inFlight[index]
        var identity = entry?.identity
        if case .conflict = record.state { identity = bidiSource?.identity(of: record.path) }
        let agreed = source.row(at: record.path).flatMap { isResidue || $0.state.hasAncestor ? $0.agreed : nil }
        let row = SourceRow(
            path: record.path, record: record.state, agreed: agreed,
            delivered: delivered[index], identity: identity)
        guard let change = isResidue ? row.residue : row.change(terms.policy) else {
            if !isResidue { report.problems.append(Problem(code: "unrecorded", path: record.path)) }
            return
        }
        report.recorded += source.commit([change])
    }
}

extension HeadwaterError {
    fileprivate static func failed(_ path: TreePath) -> HeadwaterError {
        HeadwaterError("path.not-applied", "", remedy: "", exit: .problems, path: path)
    }
}
