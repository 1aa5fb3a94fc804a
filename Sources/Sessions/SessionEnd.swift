import Content
import Core
import Platform
import Roots
import Snapshots
import Wire

/// One end of a session while a cycle runs: its tree, its database, its lock and the brakes on what it may delete.
///
/// Used by the session's main thread only.
final class SessionEnd {
    let root: Root
    let directory: SessionDirectory
    private let lock: SessionLock
    /// The file that shows that the root is mounted: never synced.
    let mark: TreePath?
    private let request: SessionRequest
    private let side: EndRequest
    private var snapshot: Snapshot?

    init(_ opening: Opening, _ request: SessionRequest, _ side: EndRequest) {
        root = opening.root
        directory = opening.directory
        lock = opening.lock
        mark = opening.mark
        self.request = request
        self.side = side
    }

    /// From here on the rows of this snapshot are what both ends agreed on.
    func use(_ snapshot: Snapshot) { self.snapshot = snapshot }

    // MARK: Tree

    /// Begins to look at the tree while the other end is still being greeted; who needs the view waits for it. A refusal does not.
    func scanAhead() {
        let (root, moment) = (root, side.viewSince)
        _ = WorkerThread<Void>("hw-scan") { _ = try? root.view(since: moment) }
    }

    /// The tree as it is since the moment that this cycle asks for.
    func view() throws(HeadwaterError) -> TreeImage {
        do throws(SystemError) { return try root.view(since: side.viewSince) } catch {
            throw SafetyStop.unreadable(root, error)
        }
    }

    func openStage() throws(HeadwaterError) -> Stage {
        try Stage(root: root.descriptor.raw, base: root.base.raw, session: directory.session)
    }

    /// Whether a file or symlink that looks as agreed, but is not the recorded inode, has the agreed content.
    func hasAgreedContent(
        _ path: TreePath, _ attributes: Attributes, _ identity: LocalIdentity, _ row: Row, reader: CacheReader
    ) throws(HeadwaterError) -> Bool {
        guard let agreed = row.agreed.digest else { return false }
        if attributes.kind == .symlink {
            return (try? reader.readLink(path)).map { Hash.digest($0) == agreed } ?? false
        }
        return reader.digest(ReadRequest(path: path, attributes: attributes, identity: identity)) == .success(agreed)
    }

    // MARK: Rows

    var meta: SnapshotMeta { opened.meta }
    var rowCount: Int64 { opened.meta.counts.rows }

    func rows() throws(HeadwaterError) -> RowCursor? { rowCount == 0 ? nil : try opened.rows(in: .agreed) }

    func row(at path: TreePath) throws(HeadwaterError) -> Row? {
        guard let row = try opened.row(at: path), row.state == .agreed else { return nil }
        return row
    }

    /// Records what is on disk at both ends; returns the number of this end's last commit.
    func commit(_ changes: [RowChange], theirs: Int64?) throws(HeadwaterError) -> Int64 {
        try opened.commit(changes, theirs: theirs)
    }

    /// Notes that files were only touched: a matter of this end alone, worth no wait for the disk.
    func refresh(_ changes: [RowChange]) throws(HeadwaterError) {
        if !changes.isEmpty { _ = try opened.commit(changes, durably: false) }
    }

    func acknowledge(mineThrough number: Int64) { opened.acknowledge(mineThrough: number) }

    private var opened: Snapshot {
        guard let snapshot else { preconditionFailure("rows are used after the handshake only") }
        return snapshot
    }

    /// What this end says when its part is over.
    func done(_ counts: CycleCounts) -> DoneMessage {
        DoneMessage(counts: counts, sum: meta.sum, rows: meta.counts.agreed)
    }

    /// Compares what both ends hold at the end of a cycle: it is the same, or one of them was told something else.
    func compare(_ done: DoneMessage) throws(HeadwaterError) {
        var there = meta
        (there.sum, there.counts.agreed) = (done.sum, done.rows)
        if let error = StartUp.disagreement(meta, there, file: directory.databaseFile) { throw error }
    }

    // MARK: Brakes

    /// Halts when the root is not the directory it was, is no longer mounted, or has lost all of its content.
    func checkRoot(_ image: TreeImage) throws(HeadwaterError) {
        if let fault = root.stillThere() { throw SafetyStop.fault(fault, root.givenPath) }
        let meta = opened.meta
        let recorded = RootBrakes.Recorded(
            device: meta.root.device, inode: meta.root.inode, topLevelRows: Int(meta.counts.topLevel))
        let hasMarkAtTop = mark.map { $0.parent.isRoot && image.index(of: $0) != nil } ?? false
        let current = RootBrakes.Current(
            kind: .directory, device: root.device, inode: root.inode,
            topLevelEntries: image.topLevelCount - (hasMarkAtTop ? 1 : 0), hasMark: true)
        guard let reason = RootBrakes.halt(recorded: recorded, current: current) else { return }
        try permit(
            SafetyStop.stop(
                reason, root.givenPath,
                facts: "device=\(root.device) inode=\(root.inode) top-level=\(meta.counts.topLevel)"))
        try opened.setRoot(RootIdentity(device: root.device, inode: root.inode))
    }

    /// Halts before more is deleted than `max_delete` allows.
    ///
    /// What is permitted is noted for the next ten minutes before anything is deleted, so that a killed run counts too. A release
    /// begins the ten minutes anew.
    /// - Parameter rows: how many there were when the cycle began.
    func permitDeletions(_ paths: [TreePath], ofRows rows: Int64) throws(HeadwaterError) {
        if paths.isEmpty { return }
        if let fault = root.stillThere() { throw SafetyStop.fault(fault, root.givenPath) }
        var window = DeletionWindow(directory: directory, now: WallClock.now.seconds)
        let limit: MaxDelete =
            switch request.maxDelete {
            case .count(let most): .count(most)
            case .percent(let most): .percent(most)
            }
        let verdict = DeletionBrake.evaluate(
            limit, rows: Int(window.rowsAtStart ?? rows), deleted: Int(window.deleted), planned: paths.count)
        if case .exceeded(let deletions, let most, let rows) = verdict {
            try permit(
                SafetyStop.tooManyDeletions(paths, total: deletions, most: most, rows: rows, limit: request.maxDelete))
            window.clear()
        } else {
            window.add(Int64(paths.count), rowsBefore: rows)
        }
        try window.store()
    }

    /// Goes on only if an operator released exactly this halt.
    private func permit(_ halt: HeadwaterError) throws(HeadwaterError) {
        if !request.released.contains(where: { $0.code == halt.code && $0.facts == halt.facts }) { throw halt }
    }
}
