import Core
import Platform
import Roots
import Snapshots
import Wire

/// Says what changed in a source's tree since both ends agreed, difference by difference, in the words of the wire.
///
/// With `delete: before` it goes through the tree twice: for what was deleted, then for the rest.
final class Announcer {
    private let end: SessionEnd
    private let reader: CacheReader
    private let bidi: BidiSource?
    private let observer: any SessionObserver
    private var comparison: TreeComparison?
    private var isDeletionPass = false
    private var held: HeldPaths?
    /// Local halves that were found out again, until they are written.
    private var verified: [RowChange] = []
    /// Entries that are not synced by their kind, as far as the tree was gone through with a filter; nil without one.
    private(set) var untrackedCount: UInt64?

    /// Problems of single paths that were told.
    private(set) var problemCount: UInt64 = 0

    /// - Parameter bidi: nil in a push or pull.
    init(_ end: SessionEnd, _ reader: CacheReader, _ bidi: BidiSource?, _ observer: any SessionObserver) {
        (self.end, self.reader, self.bidi, self.observer) = (end, reader, bidi, observer)
    }

    private func tell(_ problem: HeadwaterError) {
        problemCount += 1
        observer.note(problem: problem)
    }

    /// Whether nothing is left to say in this pass.
    var isAtEnd: Bool { comparison == nil }

    /// Whether the pass that ended, or is under way, is followed by another.
    var hasAnotherPass: Bool { isDeletionPass }

    func begin(_ image: TreeImage, to link: FrameLink) throws(HeadwaterError) {
        for problem in end.filter.visible(image.problems) where !end.neverSynced.covers(problem.path) {
            tell(.unreadable(problem.path, problem.error))
        }
        if end.policy.mirror { held = try HeldPaths(image, end.filter, without: end.neverSynced, to: link) }
        isDeletionPass = end.policy.delete == .before
        comparison = try TreeComparison(image, end.filter, try end.rows(), without: end.neverSynced)
    }

    /// Goes through the tree once more, for what is not a deletion.
    func beginLastPass(_ image: TreeImage) throws(HeadwaterError) {
        isDeletionPass = false
        comparison = try TreeComparison(image, end.filter, try end.rows(), without: end.neverSynced)
    }

    /// Nothing more is said.
    func stop() { comparison = nil }

    /// Writes down what was found out beside, when a pass has ended.
    func endPass() throws(HeadwaterError) {
        try flushVerified()
        try held?.flush()
    }

    /// What the next difference is to the target: mostly one record, or none. The last call of a pass leaves `isAtEnd` true.
    func next() throws(HeadwaterError) -> [(ChangeRecord, ReadRequest?)] {
        let difference = try comparison!.next()
        if difference == nil {
            if !end.filter.isEmpty { untrackedCount = UInt64(comparison!.untrackedCount) }
            comparison = nil
        }
        return try announcements(of: difference)
    }

    /// Whether a difference belongs to this pass; for a mirror, what the first one leaves out is told at least to be here.
    private func isDue(_ difference: TreeComparison.Difference) throws(HeadwaterError) -> Bool {
        let isDeletion = if case .deleted = difference { true } else { false }
        if isDeletionPass, case .created(let path, _) = difference { try held?.add(path) }
        return isDeletionPass ? isDeletion : !isDeletion || end.policy.delete != .before
    }

    private func flushVerified() throws(HeadwaterError) {
        try end.refresh(verified)
        verified = []
    }

    /// What a difference is to the target; for nil, what is left to say at the end.
    private func announcements(of difference: TreeComparison.Difference?) throws(HeadwaterError) -> [(
        ChangeRecord, ReadRequest?
    )] {
        guard let bidi else {
            guard let difference, try isDue(difference), let one = try announce(difference) else { return [] }
            return [one]
        }
        let path = difference?.path
        var told: [(ChangeRecord, ReadRequest?)] = bidi.flags(before: path).map {
            (ChangeRecord(path: $0.path, state: .conflict($0)), nil)
        }
        guard let difference, let path, !bidi.isHeld(path) else { return told }
        switch difference {
        case .conflict(let row, let entry):
            if bidi.spreads(row.path) {
                if entry != nil {
                    for (above, entry) in bidi.takeWaiting(above: path) { told += resolved(above, entry) }
                }
                told += resolved(row.path, entry)
            }
        case .residue(let row, let entry):
            if let entry, entry.attributes.kind == .directory, row.local != nil {
                bidi.wait(row.path, entry)
            } else if entry != nil || row.local != nil {
                told += resolved(row.path, entry)
            }
        case .changed(_, let entry, let row) where entry.attributes.kind == .directory && row.agreed.isDirectory:
            // The time of a directory alone is no change.
            if entry.attributes.synced.mode != row.agreed.attributes.mode { told += resolved(path, entry) }
        case .changed(_, let entry, let row) where try isTouched(path, entry, row):
            let request = ReadRequest(path: path, attributes: entry.attributes, identity: entry.identity)
            told.append((ChangeRecord(path: path, state: .touchedFile(entry.attributes.synced)), request))
        case .created:
            for (above, entry) in bidi.takeWaiting(above: path) { told += resolved(above, entry) }
            if let one = try announce(difference) { told.append(one) }
        default: if let one = try announce(difference) { told.append(one) }
        }
        return told
    }

    /// What stands at a path as it is, whatever was agreed.
    private func resolved(_ path: TreePath, _ entry: EntryStatus?) -> [(ChangeRecord, ReadRequest?)] {
        guard let entry else { return [(ChangeRecord(path: path, state: .absent), nil)] }
        guard entry.attributes.kind.isSynced else { return [] }
        return describe(path, entry.attributes, entry.identity).map { [$0] } ?? []
    }

    /// Whether only mode or time of a file changed.
    private func isTouched(_ path: TreePath, _ entry: EntryStatus, _ row: Row) throws(HeadwaterError) -> Bool {
        guard entry.attributes.kind == .file, row.agreed.attributes.kind == .file,
            entry.attributes.size == row.agreed.attributes.size
        else { return false }
        return try isStillAgreed(path, entry, row)
    }

    private func announce(_ difference: TreeComparison.Difference) throws(HeadwaterError) -> (
        ChangeRecord, ReadRequest?
    )? {
        switch difference {
        case .created(let path, let entry), .changed(let path, let entry, _):
            if let described = describe(path, entry.attributes, entry.identity) { return described }
            // A symlink that could not be read: there all the same.
            try held?.add(path)
            return nil
        case .unverified(let path, let entry, let row):
            if try isStillAgreed(path, entry, row) {
                verified.append(.local(path, entry.identity))
                if verified.count >= Decider.verifiedMax { try flushVerified() }
                return nil
            }
            return describe(path, entry.attributes, entry.identity)
        case .deleted(let row):
            return (ChangeRecord(path: row.path, state: .absent), nil)
        case .blocked(let row, let kind):
            if kind == .untracked { tell(.replacedByUnsynced(row.path)) }
            return nil
        case .conflict, .residue: return nil
        }
    }

    /// What stands at a path, with what to read it by; nil, with a problem, for a symlink that cannot be read.
    func describe(_ path: TreePath, _ raw: Attributes, _ identity: LocalIdentity) -> (
        ChangeRecord, ReadRequest?
    )? {
        let attributes = raw.synced
        switch attributes.kind {
        case .directory:
            return (ChangeRecord(path: path, state: .directory(mode: attributes.mode, mtime: attributes.mtime)), nil)
        case .symlink:
            do throws(SystemError) {
                let target = try reader.readLink(path)
                let request = ReadRequest(path: path, attributes: attributes, identity: identity)
                return (ChangeRecord(path: path, state: .symlink(target: target, mtime: attributes.mtime)), request)
            } catch {
                tell(.unreadable(path, error))
                return nil
            }
        default:
            return (
                ChangeRecord(path: path, state: .file(attributes)),
                ReadRequest(path: path, attributes: raw, identity: identity)
            )
        }
    }

    private func isStillAgreed(_ path: TreePath, _ entry: EntryStatus, _ row: Row) throws(HeadwaterError) -> Bool {
        try end.hasAgreedContent(path, entry.attributes, entry.identity, row, reader: reader)
    }
}
