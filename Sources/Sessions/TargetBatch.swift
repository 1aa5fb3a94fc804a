import Core
import Platform
import Reconciliation
import Roots
import Snapshots
import Wire

/// What a target has ready to apply: collects steps, applies them together, records what was achieved, tells the source.
///
/// Order (invariant 2): content durable → published → directories durable (all `Applier`) → recorded → acknowledged.
final class TargetBatch {
    let end: SessionEnd
    private let applying: any Applying
    /// Nil unless this session only plans.
    let forecast: Forecast?
    private let link: FrameLink
    private let observer: any SessionObserver
    private var work: WorkList<StagedFile>
    private var sentNumber: Int64 = 0
    /// Commits that were sent and that the source has not recorded yet.
    private var unrecorded = 0
    private var theirs: Int64?
    /// The source's last commit, as far as it has said.
    private var sourceMine: Int64
    private(set) var counts = CycleCounts()
    /// What the batch in hand has written; nil where only a scan can tell.
    private var written: [Published]? = []
    private var hasUnknownWrites = false
    /// Something has another name now, by what was done here or found to be so.
    private(set) var hasRenamed = false
    private var lastExchanged: TreePath?
    /// The names that files got in this cycle, by those that stand for them.
    private(set) var linked: [TreePath: [TreePath]] = [:]
    private var linkedInodes: [TreePath: LocalIdentity] = [:]
    /// What was renamed and made for it, where that has to be known.
    var renamings: [ImageChange]?
    /// All that is recorded is of renames.
    var isRenaming = false
    var foreseenRenames = ForeseenRenames()

    init(end: SessionEnd, _ applying: any Applying, link: FrameLink, observer: any SessionObserver) {
        self.end = end
        self.link = link
        self.observer = observer
        sourceMine = end.meta.theirs
        self.applying = applying
        forecast = applying as? Forecast
        (applying as? Applier)?.tracksDirectories = end.preserved.readsExtended
        work = WorkList(isBidi: end.isBidi)
    }

    var isEmpty: Bool { work.isEmpty }
    var isFull: Bool { work.isFull }

    /// More is written than the operations say: only a scan can tell what.
    func noteUnknownWrites() { hasUnknownWrites = true }

    // MARK: Collecting

    func add(_ step: PlannedStep, _ staged: StagedFile? = nil) {
        var step = step
        if end.preserved.readsExtended { step.identity = step.identity.flatMap(end.kept) }
        // All else that is its own is seen by a scan, and a plan cannot read again.
        if !end.preserved.readsExtended || end.isPlan { step.keepsOwnMode = false }
        work.add(step, staged)
    }

    /// The target has this content already: only attributes may be off, or only the row is missing.
    func add(same file: SentFile, _ wanted: WantedFile) throws(HeadwaterError) {
        guard
            var step = wanted.step(
                same: AgreedEntry(attributes: file.attributes, digest: file.digest), end.preserved)
        else {
            throw .protocolBroken(WireFault("change \(file.index) is the same as what is not here"))
        }
        step.identity = step.identity.flatMap(end.kept)
        add(step)
    }

    func takeLinks() -> [PlannedStep] { work.takeLinks() }

    /// - Parameter inode: what the file is known by here.
    func addLink(_ step: PlannedStep, inode: LocalIdentity?) {
        if case .link(let to, _) = step.action {
            linked[to, default: []].append(step.path)
            linkedInodes[to] = inode
        }
        work.addLink(step)
    }

    func known(afterwards identity: LocalIdentity) -> LocalIdentity? { (applying as? Applier)?.renewed(identity) }

    private func operation(_ step: PlannedStep, _ staged: StagedFile?) -> Operation? {
        guard case .link(let to, let attributes) = step.action else { return step.operation(staged, end.preserved) }
        return .link(step.path, to: to, inode: linkedInodes[to], attributes, expected: step.expected)
    }

    func remove(later removal: Removal) { work.remove(later: removal) }
    var removedPaths: Set<TreePath> { work.removedPaths }
    func replaces(_ path: TreePath) -> Bool { work.replaces(path) }
    func removalPaths() -> [TreePath] { work.removalPaths() }
    func beginRemovals() -> Bool { work.beginRemovals() }
    func addReplacements() { work.addReplacements() }

    /// Notes that what the source has deleted stays here.
    func keepRow(of record: ChangeRecord) { work.keepRow(of: record) }
    func keepRows(above path: TreePath) { work.keepRows(above: path) }

    /// Lets go of what was staged and will not be applied in this cycle.
    func discard() { for staged in work.drop() { staged.discard() } }

    // MARK: Applying

    /// Applies and records what was collected; returns the problems of single paths.
    func apply() throws(HeadwaterError) -> [HeadwaterError] {
        let taken = work.take()
        if taken.isEmpty { return [] }
        let kept = try require(taken)
        let operations = taken.compactMap {
            kept.contains($0.step.path) ? nil : operation($0.step, $0.content)
        }
        var outcomes = try applying.apply(operations).makeIterator()
        var rows: [RowChange] = []
        var indices: [Int] = []
        var residues: [Int] = []
        var told: [RowsMessage.Item] = []
        var problems: [HeadwaterError] = []
        for (step, staged) in taken {
            let outcome: Outcome? =
                step.action == nil ? nil : kept.contains(step.path) ? .kept : outcomes.next()!
            if step.renaming != nil {
                if let row = renamed(step, outcome) {
                    rows.append(row)
                    indices.append(step.index)
                    if let forecast { foresee(step, operation(step, staged), forecast) }
                }
                continue
            }
            note(step, outcome)
            forecast?.note(step, operation(step, staged), outcome)
            let found = try work.record(step, outcome?.achieved) { () throws(HeadwaterError) in
                try end.standingRow(at: step.path)
            }
            if let problem = found.problem { problems.append(problem) }
            if case .failed(let error)? = outcome { problems.append(.notApplied(step.path, error)) }
            guard let row = found.row else { continue }
            rows.append(row)
            if step.isTold {
                if let item = RowsMessage.Item(row) { told.append(item) }
            } else if case .put(_, _, _, .residue, _) = row {
                residues.append(step.index)
            } else {
                indices.append(step.index)
            }
        }
        forecast?.tell()
        rows += try renewedDirectories(operations)
        // What went to an attic within the tree is new there, too.
        if end.policy.atticInTree != nil && operations.contains(where: { $0.expected != .absent }) { written = nil }
        if !operations.isEmpty { end.note(written: hasUnknownWrites ? nil : written) }
        written = []
        try record(
            rows, indices.filter { $0 != PlannedStep.noIndex }, residues.filter { $0 != PlannedStep.noIndex }, told)
        return problems
    }

    /// Sees that a plan which is carried out permits all of it, before any of it is done.
    ///
    /// - Returns: where a directory stays. The plan foresaw that it will not be empty, so that it has no step for it.
    private func require(_ taken: [StagedStep]) throws(HeadwaterError) -> Set<TreePath> {
        guard let permits = end.permits else { return [] }
        var kept: Set<TreePath> = []
        do throws(HeadwaterError) {
            for (step, staged) in taken where try !isPermitted(step, staged, permits) {
                kept.insert(step.path)
                staged?.discard()
            }
        } catch {
            for entry in taken { entry.content?.discard() }
            throw error
        }
        return kept
    }

    /// False where only a directory would have to go that holds something.
    private func isPermitted(
        _ step: PlannedStep, _ staged: StagedFile?, _ permits: StepPermits
    ) throws(HeadwaterError) -> Bool {
        let isUpward = end.meta.terms.isUpstream
        if let conflict = step.flag { try permits.require(ForeseenStep(conflict, isUpward: isUpward)) }
        if step.renaming != nil { return try requireRename(step, operation(step, staged), permits) }
        guard let operation = operation(step, staged),
            let foreseen = ForeseenStep(step, operation, isUpward: isUpward)
        else { return true }
        if operation.displacesDirectory && !permits.holds(foreseen.place) { return false }
        try permits.require(foreseen)
        return true
    }

    /// Counts what was done, and notes what the tree is now.
    private func note(_ step: PlannedStep, _ outcome: Outcome?) {
        switch outcome {
        case .kept, .changedMeanwhile, .failed: written = nil
        case .done(let status):
            count(step.action!, step.agreed!)
            written?.append(Published(path: step.path, status: status))
            renamings?.append(.published(Published(path: step.path, status: status)))
        case .removed where step.expected != .absent:
            counts.deleted += 1
            written?.append(Published(path: step.path, status: nil))
        case nil, .removed, .exchanged: break
        }
    }

    /// - Parameters:
    ///   - change: what is recorded of it; nil where it was not achieved.
    ///   - isDone: in this cycle; not where it was found to be so already.
    func note(renamed step: RenameStep, _ change: RowChange?, isDone: Bool) {
        // Only a scan tells what came along with a directory.
        written = nil
        guard let change else { return }
        hasRenamed = true
        guard isDone else { return }
        if case .renamed(let renaming) = change { renamings?.append(.renamed(renaming)) }
        // A longer cycle is a row of exchanges with the same first path.
        let isFirst = if case .exchange(let path, _) = step { path != lastExchanged } else { false }
        lastExchanged = if case .exchange(let path, _) = step { path } else { nil }
        counts.renamed += isFirst ? 2 : 1
    }

    private func record(_ rows: [RowChange], _ indices: [Int], _ residues: [Int], _ told: [RowsMessage.Item])
        throws(HeadwaterError)
    {
        if rows.isEmpty { return }
        if isRenaming && !indices.isEmpty { try end.keepRows() }
        let before = end.meta.mine
        sentNumber = try end.commit(rows, theirs: theirs)
        observer.note(moved: counts)
        // What only this end knew of is no news where it had no row.
        if indices.isEmpty && residues.isEmpty && sentNumber == before { return }
        var rest = told[...]
        try send(indices, residues, RowsMessage.Item.takeFrame(&rest))
        while !rest.isEmpty { try send([], [], RowsMessage.Item.takeFrame(&rest)) }
    }

    private func send(_ indices: [Int], _ residues: [Int], _ told: [RowsMessage.Item]) throws(HeadwaterError) {
        unrecorded += 1
        let message = CommittedMessage(
            number: sentNumber, indices: indices, residues: residues, rows: told, counts: counts)
        try link.send(.committed, message.encoded())
    }

    private func count(_ action: PlannedStep.Action, _ agreed: AgreedEntry) {
        switch action {
        case .putFile:
            counts.files += 1
            counts.bytesPayload &+= agreed.attributes.size
        case .putSymlink: counts.symlinks += 1
        case .makeDirectory: counts.directories += 1
        case .link: counts.files += 1
        case .setAttributes: if agreed.attributes.kind == .file { counts.files += 1 }
        case .remove, .move, .exchange: break
        }
    }

    // MARK: The other end

    func accept(_ recorded: RecordedMessage) throws(HeadwaterError) {
        guard recorded.theirs <= sentNumber, unrecorded > 0 else {
            throw .protocolBroken(WireFault("commit \(recorded.theirs) recorded, which was not sent"))
        }
        guard recorded.mine >= sourceMine, recorded.mine - sourceMine <= 1 else { throw .oddCommit(recorded.mine) }
        sourceMine = recorded.mine
        unrecorded -= 1
        theirs = recorded.mine
        end.acknowledge(mineThrough: recorded.theirs)
    }

    /// Whether the source holds everything that was committed here.
    var isRecorded: Bool { unrecorded == 0 }

    /// Remembers the source's last number; writes nothing when nothing was committed.
    func finish() throws(HeadwaterError) {
        if let theirs { _ = try end.commit([], theirs: theirs) }
    }
}

extension RowsMessage.Item {
    /// A row as the source is told it; nil for what it has no use for.
    fileprivate init?(_ row: RowChange) {
        switch row {
        case .conflict(let conflict, _): self.init(path: conflict.path, state: .conflict(conflict))
        case .put(let path, let agreed, _, .kept, _): self.init(path: path, state: .kept(agreed))
        case .put(let path, let agreed, _, .withheld, _): self.init(path: path, state: .withheld(agreed))
        case .put(let path, let agreed, _, .agreed, _): self.init(path: path, state: .agreed(agreed))
        case .remove(let path), .forget(let path): self.init(path: path, state: .gone)
        case .put, .local, .renamed: return nil
        }
    }

    /// The next of them that fit into one frame.
    fileprivate static func takeFrame(_ rest: inout ArraySlice<RowsMessage.Item>) -> [RowsMessage.Item] {
        var bytes = 0
        let taken = rest.prefix { item in
            bytes += item.bytesEstimate
            return bytes <= ChangesMessage.expandedBytesMax / 2
        }
        rest = rest.dropFirst(taken.count)
        return Array(taken)
    }
}
