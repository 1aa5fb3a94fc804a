import Content
import Core
import Filters
import Glibc
import Platform
import Reconciliation
import Roots
import Snapshots
import Wire

/// One end of a session while a cycle runs: its tree, its database, its lock and the brakes on what it may delete.
///
/// Used by the session's main thread only.
final class SessionEnd {
    let root: Root
    let directory: SessionDirectory
    private let lock: SessionLock?
    /// Nil unless this session only plans.
    let planned: PlannedEnd?
    /// Only what a plan permits is done; nil where there is none to be carried out.
    var permits: StepPermits?
    private let registry: RootRegistry
    let neverSynced: NeverSynced
    let filter: SessionFilter
    let resolutions: ConflictPattern
    let preserved: Preserved
    /// Where the other end is in this process too.
    let lent: LentFiles?
    private let request: SessionRequest
    private let side: EndRequest
    private var snapshot: Snapshot?
    /// Where the links of the last view lead.
    private var followed: FollowedTree?
    private let extended: ExtendedReader
    /// When the scan behind the last view began.
    private var lookedSince: Timestamp?
    /// Both ends send and receive.
    var isBidi: Bool { request.edge.mode == .bidi }

    init(
        _ opening: Opening, _ request: SessionRequest, _ side: EndRequest, _ filter: SessionFilter,
        _ resolutions: ConflictPattern, _ registry: RootRegistry, isUpstream: Bool, lent: LentFiles?
    ) {
        self.registry = registry
        extended = ExtendedReader(opening.root)
        preserved = Preserved(
            request.kept, isUpstream: isUpstream, isWritten: !isUpstream || request.edge.mode == .bidi,
            accounts: AccountNames.system, rights: .current, extended: extended)
        self.lent = lent
        self.filter = filter
        self.resolutions = resolutions
        root = opening.root
        directory = opening.directory
        (lock, planned) = (opening.lock, opening.planned)
        neverSynced = NeverSynced(mark: opening.mark, attic: request.policy.atticInTree)
        self.request = request
        self.side = side
    }

    var policy: SessionPolicy { request.policy }
    var purpose: SessionPurpose { request.purpose }
    var isPlan: Bool { request.purpose.isPlan }
    /// Content is read again, whatever the rows say of it.
    var isVerifying: Bool { request.isVerifying }

    /// From here on the rows of this snapshot are what both ends agreed on.
    func use(_ snapshot: Snapshot) { self.snapshot = snapshot }

    // MARK: Tree

    /// Begins to look at the tree while the other end is still being greeted; who needs the view waits for it. A refusal does not.
    func scanAhead() {
        let (root, moment) = (root, side.viewSince)
        _ = WorkerThread<Void>("hw-scan") { _ = try? root.view(since: moment) }
    }

    /// The tree as it is since the moment that this cycle asks for; a source that follows symlinks sees what they lead to.
    func view() throws(HeadwaterError) -> TreeImage {
        let present: TreeImage
        do throws(SystemError) { present = try root.view(since: side.viewSince) } catch {
            throw SafetyStop.unreadable(root, error)
        }
        guard let image = isPlan ? root.prediction.applied(to: present) : present else {
            throw .unforeseeable(root.givenPath)
        }
        noteLinks(image)
        lookedSince = WallClock.at(image.startedAt)
        do throws(SystemError) {
            guard policy.symlinks == .follow, meta.terms.isUpstream else { return image }
            let followed = try FollowedTree(image, of: root)
            self.followed = followed
            extended.place = { followed.place(of: $0) }
            return followed.image
        } catch {
            if error.errno == E2BIG { throw .tooManyFollowed(root.givenPath) }
            throw SafetyStop.unreadable(root, error)
        }
    }

    /// Knows from here on which files of this tree have several names.
    func noteLinks(_ image: TreeImage) {
        guard preserved.items.contains(.hardlinks) else { return }
        preserved.links = LinkIndex(image, filter, neverSynced) { [unowned self] in (try? row(at: $0)) ?? nil }
    }

    /// Has who plans after this read the tree with these changes in it.
    func foresee(_ entries: [Predicted]) { if isReadLater { registry.foresee(entries, in: root) } }
    /// Whether the tree is looked at again after this, in the same run or plan.
    var isReadLater: Bool { side.isReadLater || isBidi }

    /// How to read what the view has at a path.
    func request(_ path: TreePath, _ attributes: Attributes, _ identity: LocalIdentity) -> ReadRequest {
        ReadRequest(path: followed?.place(of: path) ?? path, attributes: attributes, identity: identity)
    }

    /// Says what was written into the tree, for who reads it later in this run; nil where only a scan can tell.
    func note(written: [Published]?) {
        if isPlan { return }
        if let written, isReadLater { root.note(published: written) } else { root.noteWrites() }
    }

    /// Has the chunk lists of large files that are sent from here kept beside the databases.
    func keepChunkLists() {
        guard !isPlan, let reserved = try? directory.openReserved() else { return }
        root.cache.keepChunkLists(in: ChunkStore(reserved: reserved, path: root.canonicalPath))
    }

    func openStage() throws(HeadwaterError) -> Stage {
        let attic = policy.attic.map { _ in AtticPlace(path: policy.atticInTree, at: WallClock.now) }
        return try Stage(
            root: root.descriptor.raw, base: root.base.raw, session: directory.session, attic: attic,
            label: request.edge.downstream)
    }

    /// What a person decided for a path that is in conflict; nil where nothing was, or it is not.
    func decided(at path: TreePath) throws(HeadwaterError) -> Keep? {
        if resolutions.isEmpty { return nil }
        guard let row = try opened.row(at: path), row.state == .conflict else { return nil }
        return resolutions.keep(of: try opened.conflict(at: path))
    }

    /// What an entry that was read is to be remembered by; nil where a write in the same tick of the clock could go unnoticed: the next
    /// cycle reads it again.
    func kept(_ identity: LocalIdentity) -> LocalIdentity? {
        // Nothing is read again within a plan.
        if isPlan { return identity }
        let readAt = root.cache.readSince ?? WallClock.now
        // Extended attributes and ACLs are read at any time after the scan.
        let since = preserved.readsExtended ? lookedSince.map { min($0, readAt) } ?? readAt : readAt
        return Racy.isRacy(identity, readAt: since) ? nil : identity
    }

    // MARK: Rows

    var meta: SnapshotMeta { opened.meta }
    var rowCount: Int64 { opened.meta.counts.rows }
    /// A number for all that is recorded.
    var stateMark: UInt64 { opened.mark }

    /// The rows that a tree is compared with, in whatever state.
    func rows() throws(HeadwaterError) -> RowCursor? { rowCount == 0 ? nil : try opened.rows() }

    func row(at path: TreePath) throws(HeadwaterError) -> Row? {
        guard let row = try opened.row(at: path), row.state == .agreed else { return nil }
        return row
    }

    /// The next rows behind `last` of those below `path`, in whatever state.
    func rows(below path: TreePath, after last: TreePath?) throws(HeadwaterError) -> [Row] {
        try opened.rows(below: path, after: last, atMost: 512)
    }

    /// The row in whatever state; nil where there is none, or only a tombstone.
    func standingRow(at path: TreePath) throws(HeadwaterError) -> Row? {
        guard let row = try opened.row(at: path), row.state != .gone else { return nil }
        return row
    }

    /// The directories that are residue at this end, in the order of their paths.
    func residues() throws(HeadwaterError) -> [TreePath] {
        let counts = meta.counts
        if counts.rows == counts.agreed + counts.conflicts { return [] }
        let rows = try opened.rows(in: .residue)
        var found: [TreePath] = []
        while let row = try rows.next() { if row.local != nil { found.append(row.path) } }
        return found
    }

    /// The paths at which both ends keep what they have, in order.
    func keptPaths() throws(HeadwaterError) -> [TreePath] {
        let counts = meta.counts
        if counts.rows == counts.agreed + counts.conflicts { return [] }
        let rows = try opened.rows(in: .kept)
        var found: [TreePath] = []
        while let row = try rows.next() { found.append(row.path) }
        return found
    }

    /// The conflicts that stand, in the order of their paths.
    func conflicts() throws(HeadwaterError) -> [Conflict] { try opened.conflicts() }

    /// From here on what is recorded is seen by who reads the rows: where a plan would drop it, it has a copy of them from now on.
    func keepRows() throws(HeadwaterError) {
        guard let planned, opened.isOnlyLookedAt else { return }
        snapshot = try planned.database.open(isWritten: true)
    }

    /// Records what is on disk at both ends; returns the number of this end's last commit.
    func commit(_ changes: [RowChange], theirs: Int64?) throws(HeadwaterError) -> Int64 {
        try opened.commit(changes, theirs: theirs)
    }

    /// Notes that files were only touched: a matter of this end alone, worth no wait for the disk.
    func refresh(_ changes: [RowChange]) throws(HeadwaterError) {
        let remembered = changes.filter { change in
            if case .local(_, let identity) = change { kept(identity) != nil } else { true }
        }
        if !remembered.isEmpty { _ = try opened.commit(remembered, durably: false) }
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
        let notOurs = neverSynced.topLevelCount { image.index(of: $0) != nil }
        let isRenumbered = root.device == meta.root.device ? false : try knowsWhatStands(in: image)
        let current = RootBrakes.Current(
            kind: .directory, device: isRenumbered ? meta.root.device : root.device, inode: root.inode,
            topLevelEntries: topLevelCount(image, notOurs), hasMark: true)
        let note = EmptiedNote(directory: directory)
        var reason = RootBrakes.halt(recorded: recorded, current: current)
        if reason == nil { reason = try isStillEmptied(image, note) ? .emptied : nil }
        guard let reason else { return isPlan ? () : note.remove() }
        let halt = SafetyStop.stop(
            reason, root.givenPath, isUpstream: meta.terms.isUpstream,
            facts: "device=\(root.device) inode=\(root.inode) top-level=\(meta.counts.topLevel)")
        if reason == .emptied && !isPermitted(halt) && !isPlan { try note.make() }
        try permit(halt)
        if isPlan { return }
        try opened.setRoot(RootIdentity(device: root.device, inode: root.inode))
        note.remove()
    }

    /// Whether anything in the tree is the very inode that a row knows, unchanged since: its births and changes are told in nanoseconds, and
    /// nobody can set them, so that no copy of the tree has them. The disk is the one that it was then, whatever its number.
    private func knowsWhatStands(in image: TreeImage) throws(HeadwaterError) -> Bool {
        for index in 0..<image.count {
            let (key, identity) = (image.key(at: index), image.identity(at: index))
            if key.isEmpty || identity.ctime == .zero { continue }
            guard let path = try? TreePath(validating: key), let row = try row(at: path) else { continue }
            if row.local == identity { return true }
        }
        return false
    }

    /// Only whether there are any where a filter must be asked for each.
    private func topLevelCount(_ image: TreeImage, _ notOurs: Int) -> Int {
        if filter.isEmpty { return image.topLevelCount - notOurs }
        return filter.hasTopLevelEntries(image, without: neverSynced) ? 1 : 0
    }

    /// Whether the root was found emptied, and nothing that was agreed at its top has come back since.
    private func isStillEmptied(_ image: TreeImage, _ note: EmptiedNote) throws(HeadwaterError) -> Bool {
        guard meta.counts.topLevel > 0, note.exists else { return false }
        for index in 0..<image.count {
            let key = image.key(at: index)
            guard !key.isEmpty, !key.contains(0), let path = try? TreePath(validating: key),
                let row = try row(at: path), row.agreed.attributes.kind == image.kind(at: index)
            else { continue }
            // Whoever makes a directory of that name has not put back what was in it.
            let holdsSomething = index + 1 < image.count && image.key(at: index + 1).starts(with: key + [0])
            if image.kind(at: index) != .directory || holdsSomething { return false }
        }
        return true
    }

    /// Halts before more is deleted than `max_delete` allows.
    ///
    /// What is permitted is noted for the next ten minutes before anything is deleted, so that a killed run counts too. A release
    /// begins the ten minutes anew.
    /// - Parameters:
    ///   - rows: how many there were when the cycle began.
    ///   - isSourceEmpty: the source of a mirror has nothing at all: halts whatever the limit.
    func permitDeletions(_ paths: [TreePath], ofRows rows: Int64, ofEmptySource isSourceEmpty: Bool)
        throws(HeadwaterError)
    {
        var window = DeletionWindow(directory: directory, now: WallClock.now.seconds, isKept: !isPlan)
        if paths.isEmpty {
            if window.isHeld {
                window.letGo()
                try window.store()
            }
            return
        }
        if let fault = root.stillThere() { throw SafetyStop.fault(fault, root.givenPath) }
        if isSourceEmpty {
            try permit(SafetyStop.emptySource(paths))
            window.clear()
            return try window.store()
        }
        let limit: MaxDelete =
            switch request.maxDelete {
            case .count(let most): .count(most)
            case .percent(let most): .percent(most)
            }
        let figures = window.figures(ofRows: rows)
        let verdict = DeletionBrake.evaluate(
            limit, rows: Int(figures.rows), deleted: Int(figures.deleted), planned: paths.count)
        if verdict == .permitted {
            window.letGo()
            window.add(Int64(paths.count), rowsBefore: rows)
        } else {
            let halt = SafetyStop.tooManyDeletions(
                paths, ofRows: rows, figures, wasHalted: window.isHeld, limit: request.maxDelete)
            if !isPermitted(halt) && !window.isHeld {
                window.hold(figures)
                try window.store()
            }
            try permit(halt)
            window.clear()
        }
        try window.store()
    }

    /// Halts since only this end has changed these paths, and that is not to happen.
    func permitDrift(_ paths: [TreePath]) throws(HeadwaterError) { try permit(SafetyStop.drift(paths)) }

    /// Goes on only if an operator released exactly this halt.
    private func permit(_ halt: HeadwaterError) throws(HeadwaterError) { if !isPermitted(halt) { throw halt } }

    private func isPermitted(_ halt: HeadwaterError) -> Bool {
        request.released.contains { $0.code == halt.code && $0.facts == halt.facts }
    }
}

extension SessionRequest {
    /// What is kept of it: who could change a file by either of two names at two ends, or sees one at several places, keeps no names.
    fileprivate var kept: Preservation {
        edge.mode == .bidi || policy.symlinks == .follow ? policy.preserve.subtracting(.hardlinks) : policy.preserve
    }
}
