import Core
import Platform
import Reconciliation
import Snapshots
import Wire

/// What follows two hellos: both ends decide the same from the same two states, then make, open or level their databases.
struct Handshake {
    let here: EndState
    let there: EndState
    /// As this end sees them.
    let terms: SessionTerms
    /// Of this run; what it excludes leaves both databases.
    let filter: SessionFilter
    let newID: SnapshotID
    let isReset: Bool
    /// Which of the two this end is: local is where the session is initiated.
    let side: End

    static func newID() -> SnapshotID { SnapshotID(bytes: Host.randomBytes(16))! }

    /// Gives `end` its snapshot, durable and level with the other end's.
    ///
    /// - Throws: the refusal of the start-up table, before anything is touched.
    func prepare(_ end: SessionEnd, _ conversation: Conversation) throws(HeadwaterError) {
        let startUp =
            side == .local
            ? StartUp(local: here, remote: there, terms: terms, filterDigest: filter.digest)
            : StartUp(local: there, remote: here, terms: terms.mirrored, filterDigest: filter.digest)
        switch isReset ? .firstCycle(startUp.reset(newID: newID)) : startUp.decide(newID: newID) {
        case .refuse(let error): throw error
        case .firstCycle(let first):
            let snapshot = first.creates.contains(side) ? try create(first, end) : try open(end, isWritten: true)
            end.use(snapshot)
            // One that was made by a run that went no further may have another.
            try snapshot.setFilter(filter.digest)
            try catchUp(snapshot, conversation).agree(otherAt: 0...0)
        case .incremental(let plan):
            let isLevel = plan.localLacksAfter == nil && plan.remoteLacksAfter == nil && !plan.filterChanged
            let snapshot = try open(end, isWritten: readsItsRows(end) || !isLevel)
            end.use(snapshot)
            let isLocal = side == .local
            try catchUp(snapshot, conversation).run(
                iLackAfter: isLocal ? plan.localLacksAfter : plan.remoteLacksAfter,
                otherLacksAfter: isLocal ? plan.remoteLacksAfter : plan.localLacksAfter, sendsFirst: !isLocal,
                newFilter: plan.filterChanged ? filter : nil)
        }
    }

    /// Whether what a cycle records counts within it: both ends say the same to that.
    private func readsItsRows(_ end: SessionEnd) -> Bool {
        if end.isBidi || (end.policy.overwrite ?? .always) != .always { return true }
        if case .ok(let meta) = here.snapshot { return meta.counts.conflicts > 0 }
        return false
    }

    /// - Parameter isWritten: what this cycle records must be seen by who reads the rows in it; a plan may drop it otherwise.
    private func open(_ end: SessionEnd, isWritten: Bool) throws(HeadwaterError) -> Snapshot {
        if let planned = end.planned { return try planned.database.open(isWritten: isWritten) }
        return try Snapshot.open(directory: end.directory)
    }

    private func create(_ first: StartDecision.FirstCycle, _ end: SessionEnd) throws(HeadwaterError) -> Snapshot {
        let meta = SnapshotMeta(
            terms: terms, id: first.id, replaces: first.replaces[side],
            filterDigest: filter.digest,
            root: RootIdentity(device: end.root.device, inode: end.root.inode))
        if let planned = end.planned { return try planned.database.create(meta) }
        try Snapshot.discard(directory: end.directory)
        return try Snapshot.create(directory: end.directory, meta: meta)
    }

    private func catchUp(_ snapshot: Snapshot, _ conversation: Conversation) -> CatchUp {
        var other = snapshot.meta
        if case .ok(let meta) = there.snapshot { other = meta }
        return CatchUp(
            snapshot: snapshot, link: conversation.link, inbox: conversation.inbox, observer: conversation.observer,
            other: other)
    }
}

/// The transfer itself, once both ends hold the same rows.
struct Cycle {
    private let end: SessionEnd
    private let conversation: Conversation
    private let observer: any SessionObserver

    init(_ end: SessionEnd, _ conversation: Conversation, _ observer: any SessionObserver) {
        self.end = end
        self.conversation = conversation
        self.observer = observer
    }

    /// Runs this end's role; returns what the cycle did, problems of both ends included.
    func run(isSource: Bool) throws(HeadwaterError) -> CycleCounts {
        var counts = try end.isBidi ? bothWays(isUpstream: isSource) : oneWay(isSource: isSource)
        counts.conflicts = UInt64(clamping: end.meta.counts.conflicts)
        return counts
    }

    private func oneWay(isSource: Bool) throws(HeadwaterError) -> CycleCounts {
        if isSource {
            let source = Source(end: end, conversation, observer)
            let target = try source.run()
            return target.joined(withSource: source.counts)
        }
        let target = try Target(end: end, conversation, observer)
        let (mine, source) = try target.run()
        return mine.joined(withSource: source)
    }

    /// First upstream → downstream, where the downstream end decides by both sides' changes; then downstream → upstream what is left.
    private func bothWays(isUpstream: Bool) throws(HeadwaterError) -> CycleCounts {
        if isUpstream {
            let source = Source(end: end, conversation, observer, bidi: BidiSource())
            let down = try source.run().joined(withSource: source.counts)
            let target = try Target(end: end, conversation, AddingObserver(observer, to: down), after: source)
            let (mine, theirs) = try target.run()
            return down.joined(withSecond: mine.joined(withSource: theirs))
        }
        let target = try Target(end: end, conversation, observer, isFirstOfTwo: true)
        let (mine, theirs) = try target.run()
        let source = Source(
            end: end, conversation, AddingObserver(observer, to: mine), bidi: BidiSource(target.bidiOutcome))
        let up = try source.run(wasStopped: target.stopping)
        return mine.joined(withSource: theirs).joined(withSecond: up.joined(withSource: source.counts))
    }
}

extension CycleCounts {
    /// Both directions of a cycle.
    fileprivate func joined(withSecond second: CycleCounts) -> CycleCounts {
        var joined = self
        joined.add(moved: second)
        joined.problems = CycleCounts.sum(problems, second.problems)
        joined.untracked = CycleCounts.sum(untracked, second.untracked)
        return joined
    }

    /// The target's counts with what only the source knows.
    fileprivate func joined(withSource source: CycleCounts) -> CycleCounts {
        var joined = self
        joined.problems += source.problems
        joined.untracked = source.untracked
        return joined
    }
}

/// Hears what the second direction of a cycle moves, and tells it together with what the first one has moved.
private final class AddingObserver: SessionObserver {
    private let observer: any SessionObserver
    private let first: CycleCounts

    init(_ observer: any SessionObserver, to first: CycleCounts) { (self.observer, self.first) = (observer, first) }

    func note(problem: HeadwaterError) { observer.note(problem: problem) }
    func note(progress: Progress) { observer.note(progress: progress) }
    func note(detail: String) { observer.note(detail: detail) }
    func note(recovered counts: CycleCounts) { observer.note(recovered: counts) }
    func note(planned steps: [ForeseenStep], recorded: UInt64) { observer.note(planned: steps, recorded: recorded) }

    func note(moved counts: CycleCounts) {
        var sum = first
        sum.add(moved: counts)
        observer.note(moved: sum)
    }
}
