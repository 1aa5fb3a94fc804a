import Core
import Platform
import Roots
import Snapshots
import Wire

/// What a target has ready to apply: collects steps, applies them together, records what was achieved, tells the source.
///
/// Order (invariant 2): content durable → published → directories durable (all `Applier`) → recorded → acknowledged.
final class TargetBatch {
    private static let stepsMax = 2048
    private static let bytesMax: UInt64 = 32 << 20

    private let end: SessionEnd
    private let applier: Applier
    private let link: FrameLink
    private let observer: any SessionObserver
    private var steps: [Planned] = []
    private var bytes: UInt64 = 0
    private var removals: [Removal] = []
    private var replacements: [Planned] = []
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

    init(end: SessionEnd, stage: Stage, link: FrameLink, observer: any SessionObserver) {
        self.end = end
        self.link = link
        self.observer = observer
        sourceMine = end.meta.theirs
        applier = Applier(stage)
    }

    var isEmpty: Bool { steps.isEmpty }
    var isFull: Bool { steps.count >= TargetBatch.stepsMax || bytes >= TargetBatch.bytesMax }

    /// More is written than the operations say: only a scan can tell what.
    func noteUnknownWrites() { hasUnknownWrites = true }

    // MARK: Collecting

    func add(_ step: Planned) {
        if step.replacesDirectory {
            replacements.append(step)
        } else {
            append(step)
        }
    }

    /// The target has this content already: only attributes may be off, or only the row is missing.
    func add(same file: SentFile, _ wanted: WantedFile) throws(HeadwaterError) {
        guard let found = wanted.found, wanted.has == file.digest, found.attributes.size == file.attributes.size else {
            throw .protocolBroken(WireFault("change \(file.index) is the same as what is not here"))
        }
        let agreed = AgreedEntry(attributes: file.attributes, digest: file.digest)
        var step = Planned(
            index: file.index, path: wanted.path, agreed: agreed, operation: nil, identity: found.identity)
        let here = wanted.here(file.attributes)
        if found.attributes != here {
            step.operation = .setAttributes(wanted.path, here, expected: wanted.expected)
        }
        append(step)
    }

    func remove(later removal: Removal) {
        removals.append(removal)
        areRemovalsSorted = false
    }

    private func append(_ step: Planned) {
        steps.append(step)
        bytes &+= UInt64(step.path.key.count)
        switch step.operation {
        case .putFile(_, let staged, _): bytes &+= staged.attributes.size
        case .putSymlink(_, let target, _, _): bytes &+= UInt64(target.count)
        default: break
        }
    }

    // MARK: Removing

    /// The paths that a deletion would take away from the tree, in scan order.
    ///
    /// A directory above what is kept on purpose is not among them, nor tried: it keeps its row, and its turn comes with that.
    func removalPaths() -> [TreePath] {
        removals.removeAll { keptAbove.contains($0.path) }
        return removals.filter { $0.expected != .absent }.map(\.path).sorted()
    }

    /// Takes the next removals, what lies deepest first; false when there are none left.
    func beginRemovals() -> Bool {
        if removals.isEmpty { return false }
        if !areRemovalsSorted {
            removals.sort { $0.path < $1.path }
            areRemovalsSorted = true
        }
        for removal in removals.suffix(TargetBatch.stepsMax).reversed() {
            // What the scan did not find is looked for once more: only what is gone is recorded as gone.
            var step = Planned(
                index: removal.index, path: removal.path, agreed: nil,
                operation: .remove(removal.path, expected: removal.expected))
            step.isUnrecorded = removal.isUnrecorded
            steps.append(step)
        }
        removals.removeLast(min(TargetBatch.stepsMax, removals.count))
        return true
    }

    private var areRemovalsSorted = false
    /// Directories that hold what should have been deleted and was not: they keep their rows, so that their turn comes with it.
    private var keptAbove: Set<TreePath> = []

    /// Notes that what the source has deleted stays here.
    func keepRow(of record: ChangeRecord) { if record.state == .absent { keepRows(above: record.path) } }

    private func keepRows(above path: TreePath) {
        var above = path
        while !above.isRoot {
            above = above.parent
            if !keptAbove.insert(above).inserted { return }
        }
    }

    /// Lets go of what was staged and will not be applied in this cycle.
    func discard() {
        for step in steps + replacements { if case .putFile(_, let staged, _) = step.operation { staged.discard() } }
        (steps, replacements) = ([], [])
    }

    /// What takes the place of directories that are empty by now.
    func addReplacements() {
        for step in replacements.sorted(by: { $0.path < $1.path }) { append(step) }
        replacements = []
    }

    // MARK: Applying

    /// Applies and records what was collected; returns the problems of single paths.
    func apply() throws(HeadwaterError) -> [HeadwaterError] {
        if steps.isEmpty { return [] }
        let taken = steps
        steps = []
        bytes = 0
        let operations = taken.compactMap(\.operation)
        var outcomes = try applier.apply(operations).makeIterator()
        var rows: [RowChange] = []
        var indices: [Int] = []
        var residues: [Int] = []
        var problems: [HeadwaterError] = []
        for step in taken {
            let outcome = step.operation == nil ? nil : outcomes.next()!
            guard let row = try row(of: step, outcome, &problems) else { continue }
            rows.append(row)
            if case .put(_, _, _, .residue) = row { residues.append(step.index) } else { indices.append(step.index) }
        }
        // What went to an attic within the tree is new there, too.
        if end.policy.atticInTree != nil && operations.contains(where: { $0.expected != .absent }) { written = nil }
        if !operations.isEmpty { end.note(written: hasUnknownWrites ? nil : written) }
        written = []
        try record(
            rows, indices.filter { $0 != Planned.noIndex }, residues.filter { $0 != Planned.noIndex })
        return problems
    }

    /// What to record of a step; nil, with a problem, when it was not achieved.
    private func row(of step: Planned, _ outcome: Outcome?, _ problems: inout [HeadwaterError]) throws(HeadwaterError)
        -> RowChange?
    {
        switch outcome {
        case .kept, .changedMeanwhile, .failed: written = nil
        case nil, .done, .removed: break
        }
        switch (step.agreed, outcome) {
        case (nil, nil):
            return step.flag.map { .conflict($0, local: step.identity) } ?? .remove(step.path)
        case (let agreed?, nil): return .put(step.path, agreed, local: step.identity, state: step.state)
        case (let agreed?, .done(let identity)):
            count(step.operation!, agreed)
            note(written: step.path, agreed.attributes, identity)
            return step.isUnrecorded ? nil : .put(step.path, agreed, local: identity, state: .agreed)
        case (nil, .removed):
            if step.operation?.expected != .absent {
                counts.deleted += 1
                written?.append(Published(path: step.path, status: nil))
            }
            return step.isUnrecorded ? nil : .remove(step.path)
        case (nil, .kept):
            if end.isBidi { return step.isUnrecorded ? nil : try residue(step) }
            // Not ours to delete, unless it is what could not be deleted just now.
            return keptAbove.contains(step.path) ? nil : .remove(step.path)
        case (.some, .kept): if !keptAbove.contains(step.path) { problems.append(.notEmpty(step.path)) }
        case (_, .changedMeanwhile):
            problems.append(.changedMeanwhile(step.path))
            if step.agreed == nil { keepRows(above: step.path) }
        case (_, .failed(let error)):
            problems.append(.notApplied(step.path, error))
            if step.agreed == nil { keepRows(above: step.path) }
        case (.some, .removed), (nil, .done): preconditionFailure("an outcome of another kind of operation")
        }
        return nil
    }

    /// A directory that stays for what is in it, and that the other end does not have.
    private func residue(_ step: Planned) throws(HeadwaterError) -> RowChange? {
        guard let row = try end.standingRow(at: step.path), row.agreed.isDirectory,
            case .present(_, let identity, _, _)? = step.operation?.expected
        else { return nil }
        return .put(step.path, row.agreed, local: identity, state: .residue)
    }

    private func note(written path: TreePath, _ agreed: Attributes, _ identity: LocalIdentity) {
        var attributes = agreed
        attributes.mtime = identity.mtime
        written?.append(Published(path: path, status: EntryStatus(attributes: attributes, identity: identity)))
    }

    private func record(_ rows: [RowChange], _ indices: [Int], _ residues: [Int]) throws(HeadwaterError) {
        if rows.isEmpty { return }
        let before = end.meta.mine
        sentNumber = try end.commit(rows, theirs: theirs)
        observer.note(moved: counts)
        // What only this end knew of is no news where it had no row.
        if indices.isEmpty && residues.isEmpty && sentNumber == before { return }
        unrecorded += 1
        try link.send(
            .committed,
            CommittedMessage(number: sentNumber, indices: indices, residues: residues, counts: counts).encoded())
    }

    private func count(_ operation: Operation, _ agreed: AgreedEntry) {
        switch operation {
        case .putFile:
            counts.files += 1
            counts.bytesPayload &+= agreed.attributes.size
        case .putSymlink: counts.symlinks += 1
        case .makeDirectory: counts.directories += 1
        case .setAttributes: if agreed.attributes.kind == .file { counts.files += 1 }
        case .remove: break
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
