import Core
import Platform
import Reconciliation
import Roots
import Snapshots
import Wire

/// Tells a target what `Announcements` has to say of a source's tree: records in the words of the wire, with what to read them by.
final class Announcer {
    private let end: SessionEnd
    private let reader: CacheReader
    private let bidi: BidiSource?
    private let observer: any SessionObserver
    private var announcements: Announcements<SessionView>?
    /// For what is asked before anything was compared.
    private var early: Announcements<SessionView>?
    private var held: HeldPaths?
    /// Local halves that were found out again, until they are written.
    private var verified: [RowChange] = []

    /// Problems of single paths that were told.
    private(set) var problemCount: UInt64 = 0

    /// - Parameter bidi: nil in a push or pull.
    init(_ end: SessionEnd, _ reader: CacheReader, _ bidi: BidiSource?, _ observer: any SessionObserver) {
        (self.end, self.reader, self.bidi, self.observer) = (end, reader, bidi, observer)
    }

    /// Entries that are not synced by their kind, as far as the tree was gone through with a filter; nil without one.
    var untrackedCount: UInt64? {
        end.filter.isEmpty || !isAtEnd ? nil : announcements.map { UInt64($0.untrackedCount) }
    }

    private func tell(_ problem: HeadwaterError) {
        problemCount += 1
        observer.note(problem: problem)
    }

    /// Whether nothing is left to say in this pass.
    var isAtEnd: Bool { announcements?.isAtEnd ?? true }

    /// Whether the pass that ended, or is under way, is followed by another.
    var hasAnotherPass: Bool { announcements?.hasAnotherPass ?? false }

    /// - Parameter known: all differences, where somebody has found them already.
    func begin(_ image: TreeImage, to link: FrameLink, _ known: RenameSearch.Known? = nil) throws(HeadwaterError) {
        for problem in end.filter.visible(image.problems) where !end.neverSynced.covers(problem.path) {
            tell(.unreadable(problem.path, problem.error))
        }
        if end.policy.mirror {
            held = try HeldPaths(SessionView(end, image, reader), isWhole: image.root.isIncomplete, to: link)
        }
        early = nil
        announcements = try Announcements(SessionView(end, image, reader, known), bidi)
    }

    /// Goes through the tree once more, for what is not a deletion.
    func beginLastPass() throws(HeadwaterError) { try announcements?.beginLastPass() }

    /// Nothing more is said.
    func stop() { announcements?.stop() }

    /// Writes down what was found out beside, when a pass has ended.
    func endPass() throws(HeadwaterError) {
        try flushVerified()
        try held?.flush()
        for problem in end.preserved.takeProblems() { tell(problem) }
    }

    /// What the next difference is to the target: mostly one record, or none. The last call of a pass leaves `isAtEnd` true.
    func next() throws(HeadwaterError) -> [(ChangeRecord, ReadRequest?)] { try records(of: announcements!.next()) }

    /// What stands at a path that the target asks about; nothing where nothing does, or it cannot be read.
    func answer(_ path: TreePath, in image: TreeImage) throws(HeadwaterError) -> [(ChangeRecord, ReadRequest?)] {
        if announcements == nil && early == nil { early = try Announcements(SessionView(end, image, reader), bidi) }
        return try records(of: (announcements ?? early)!.answer(path))
    }

    private func records(of announcements: [Announcement]) throws(HeadwaterError) -> [(ChangeRecord, ReadRequest?)] {
        var records: [(ChangeRecord, ReadRequest?)] = []
        for announcement in announcements {
            switch announcement {
            case .change(let record, let entry):
                records.append((record, entry.map { end.request(record.path, $0.attributes, $0.identity) }))
            case .verified(let path, let identity):
                verified.append(.local(path, identity))
                if verified.count >= RowChange.verifiedMax { try flushVerified() }
            case .changedSilently(let path): tell(.changedSilently(path, isUpstream: end.meta.terms.isUpstream))
            case .here(let path): try held?.add(path)
            case .unreadable(let path): tell(unreadableLink(path))
            case .replacedByUnsynced(let path): tell(.replacedByUnsynced(path))
            }
        }
        return records
    }

    private func unreadableLink(_ path: TreePath) -> HeadwaterError {
        do throws(SystemError) { _ = try reader.readLink(path) } catch { return .unreadable(path, error) }
        return .unreadable(path, ReadFault.changed)
    }

    private func flushVerified() throws(HeadwaterError) {
        try end.refresh(verified)
        verified = []
    }
}
