import Content
import Core
import Platform
import Reconciliation
import Roots
import Snapshots
import Wire

/// The target's side of one direction of a cycle: decides what each change means here, asks for what it lacks, stages, applies and
/// records it.
///
///     receiving ─► removing ─► settling ─► done            stop or failure ends it anywhere; with `delete: before` the first two are run
///                                                          through for the deletions alone, then for the rest
///
/// Before all that, what the source has renamed is renamed. *receiving*: changes are decided as they come, content is staged, full batches are applied and recorded. *removing*: all changes
/// are known, so the brakes can judge; then deletions, deepest first, and what takes the place of removed directories. *settling*:
/// the source has recorded everything.
///
/// One thread runs it and owns the snapshot, the stage and the tree.
final class Target {
    /// Content that is asked for and not staged yet; more wants wait.
    static let windowBytes: UInt64 = 16 << 20

    let end: SessionEnd
    let link: FrameLink
    let inbox: Inbox
    let observer: any SessionObserver
    private var reader: CacheReader
    private var deciding: Decider<SessionView>?
    /// Nil where this session only plans.
    let stage: Stage?
    let forecast: Forecast?
    let batch: TargetBatch
    let incoming: IncomingContent
    private let mayBeStopped: Bool
    /// Paths that only this end saw change, as far as the source has not said anything of them.
    var drift: Set<TreePath> = []
    var undecided: [(index: Int, record: ChangeRecord, bytes: Int, isAnswer: Bool)] = []
    private var undecidedHead = 0
    private var undecidedBytes = 0
    /// Answers that came ahead of the changes.
    var answers: [(index: Int, record: ChangeRecord)] = []
    /// Answers are collected, not decided.
    var isRepairing = false
    /// Runs of changes that are still to come: with `delete: before` one of deletions, then the rest.
    private var passesLeft: Int
    private let passes: Int
    /// What a mirror's source says of itself.
    private var sourceHasEntries = true
    private(set) var decidedBefore = 0
    var received = 0
    private var lastAnnounced: TreePath?
    /// Renames that came and are not carried out yet; all of them come before the first change.
    var renameFrames: [RenamesMessage] = []
    var isRenamed = false
    /// What was asked for last and is not answered yet; the answer keeps its order.
    var asked: ArraySlice<TreePath>?
    private var wantsStop: Bool
    var stopping = false
    /// Decides the first direction of a bidirectional cycle; nil in a push or pull and in the second direction.
    var bidi: BidiTarget<SessionView>?
    /// What both sides of a push or pull changed; nil where the source wins and no conflict stands.
    var conflicts: PushConflicts<SessionView>?
    let isFirstOfTwo: Bool
    /// What this end announced its own changes by, in the direction before.
    let announcedImage: TreeImage?
    private var progress = Progress(phase: .scanning)

    /// - Parameters:
    ///   - isFirstOfTwo: the other direction of a bidirectional cycle follows this one.
    ///   - source: this end's part in the direction before.
    init(
        end: SessionEnd, _ conversation: Conversation, _ observer: any SessionObserver, isFirstOfTwo: Bool = false,
        after source: Source? = nil
    ) throws(HeadwaterError) {
        self.end = end
        self.observer = observer
        self.isFirstOfTwo = isFirstOfTwo
        (announcedImage, wantsStop) = (source?.image, source?.stopping ?? false)
        (link, inbox, mayBeStopped) = (conversation.link, conversation.inbox, conversation.mayBeStopped)
        passes = end.policy.delete == .before ? 2 : 1
        passesLeft = passes
        stage = end.isPlan ? nil : try end.openStage()
        forecast = end.isPlan ? Forecast(end, observer) : nil
        reader = end.root.cache.openReader()
        if end.preserved.items.contains(.hardlinks), let stage { end.preserved.canLink = stage.canLink() }
        batch = TargetBatch(
            end: end, forecast ?? Applier(stage!, keepsTimes: end.policy.preserve.contains(.times)), link: link,
            observer: observer)
        incoming = IncomingContent(stage: stage, end.preserved)
    }

    deinit { reader.close() }

    /// From when this end's tree was looked at.
    var decider: Decider<SessionView> {
        guard let deciding else { preconditionFailure("nothing is decided before the tree was looked at") }
        return deciding
    }

    /// From here on what the tree is like is what this image says.
    func look(at image: TreeImage) {
        reader.close()
        // What it had open leads to other names by now.
        reader = end.root.cache.openReader()
        end.noteLinks(image)
        deciding = Decider(SessionView(end, image, reader))
    }

    /// Runs the target's side to its end; returns what it did and the source's counts beside.
    func run() throws(HeadwaterError) -> (mine: CycleCounts, source: CycleCounts) {
        defer { batch.discard() }
        do throws(HeadwaterError) { return try runThrough() } catch {
            // What has come whole need not come again: it is recorded here, and told at the next hello.
            if Conversation.isBroken(error) { try? apply() }
            throw error
        }
    }

    private func runThrough() throws(HeadwaterError) -> (mine: CycleCounts, source: CycleCounts) {
        let rowsBefore = end.rowCount
        inbox.takeMore()
        let image = try begin()
        progress.phase = .transferring
        // Of a mirror's rows there may be none yet.
        let base = end.policy.mirror ? max(rowsBefore, Int64(image.count)) : rowsBefore
        for pass in (1...passes).reversed() where !stopping {
            try receive(pass: pass)
            try remove(ofRows: base)
        }
        return try settle()
    }

    // MARK: Receiving

    /// Until all changes of a pass are decided and their content is staged.
    ///
    /// - Parameter pass: counts down to 1, the last one, after which the source is asked about what drifted.
    private func receive(pass: Int) throws(HeadwaterError) {
        while true {
            try decideSome()
            if isReceived(pass) {
                if pass > 1 || !askAboutDrift() { break }
                try sendAsks()
                continue
            }
            if batch.isFull { try apply() }
            guard let item = try inbox.next(until: batch.isEmpty ? nil : MonotonicClock.after(seconds: 1)) else {
                try apply()
                continue
            }
            try handle(item)
        }
        try apply()
    }

    /// Whether every change is here and decided, and all content that was asked for is staged.
    private func isReceived(_ pass: Int) -> Bool {
        (stopping || (passesLeft < pass && asked == nil)) && undecidedHead == undecided.count && incoming.isEmpty
            && !isComparing
    }

    func handle(_ item: Inbox.Item) throws(HeadwaterError) {
        switch item {
        case .cancelled: try stop()
        case .frame(let frame): try handle(frame)
        }
    }

    private func handle(_ frame: Frame) throws(HeadwaterError) {
        switch frame.kind {
        case .renames: try accept(try decoding { () throws(WireFault) in try RenamesMessage(decoding: frame.payload) })
        case .changes: try accept(try decoding { () throws(WireFault) in try ChangesMessage(decoding: frame.payload) })
        case .content, .segment, .same, .promised, .lent: try take(content: frame)
        case .held:
            let held = try decoding { () throws(WireFault) in try HeldMessage(decoding: frame.payload) }
            guard end.policy.mirror else { throw .protocolBroken(WireFault("held paths where nothing is mirrored")) }
            sourceHasEntries = held.hasEntries
            if held.isWhole { try decider.note(held: [.root], withBelow: true) }
            try decider.note(held: held.paths, withBelow: held.withBelow)
        case .failed:
            let message = try decoding { () throws(WireFault) in try FailedMessage(decoding: frame.payload) }
            if !(bidi?.fail(message.index) ?? conflicts?.fail(message.index) ?? false) {
                _ = try incoming.take(message.index)
            }
            note(problem: message.error)
        case .recorded:
            try batch.accept(try decoding { () throws(WireFault) in try RecordedMessage(decoding: frame.payload) })
        case .problem:
            observer.note(problem: try decoding { () throws(WireFault) in try ErrorMessage.decode(frame.payload) })
        case .stop:
            guard mayBeStopped || wantsStop else { throw .stoppedUnasked }
            noteStopped()
        case .failure: throw try Conversation.failure(frame)
        default: throw .protocolBroken(WireFault("\(frame.kind) sent to a target"))
        }
    }

    private func accept(_ message: ChangesMessage) throws(HeadwaterError) {
        guard message.firstIndex == received, message.isAnswer ? asked != nil : hasAllRenames && passesLeft > 0 else {
            throw .protocolBroken(WireFault("changes from \(message.firstIndex) on where \(received) was due"))
        }
        if !message.isAnswer, let first = message.records.first, let last = message.records.last {
            if let before = lastAnnounced, first.path <= before {
                throw .protocolBroken(WireFault("changes are not in scan order"))
            }
            lastAnnounced = last.path
        }
        let begin = received
        received += message.records.count
        if stopping { return }
        for (offset, record) in message.records.enumerated() {
            if message.isAnswer { try checkAsked(record.path) }
            if case .conflict = record.state, !end.isBidi || isFirstOfTwo || message.isAnswer {
                throw .protocolBroken(WireFault("a conflict flagged by who does not decide"))
            }
            if isRepairing && message.isAnswer {
                answers.append((begin + offset, record))
            } else {
                let bytes = message.isAnswer ? 0 : record.bytesEstimate
                undecidedBytes += bytes
                undecided.append((begin + offset, record, bytes, message.isAnswer))
            }
        }
        guard undecided.count - undecidedHead <= Source.recordsInFlightMax + 2 * ChangesMessage.recordsMax,
            undecidedBytes <= Source.bytesInFlightMax + 2 * ChangesMessage.expandedBytesMax
        else { throw .protocolBroken(WireFault("too many undecided changes")) }
        if message.isLast {
            if message.isAnswer { asked = nil } else { (passesLeft, lastAnnounced) = (passesLeft - 1, nil) }
        }
        progress.entriesTotal = received
    }

    /// Decides changes while there is room in the window, and tells the source.
    private func decideSome() throws(HeadwaterError) {
        while undecidedHead < undecided.count {
            var items: [WantMessage.Item] = []
            while undecidedHead < undecided.count, hasRoom,
                items.count < ChangesMessage.recordsMax / 2, !batch.isFull
            {
                let (index, record, bytes, isAnswer) = undecided[undecidedHead]
                undecidedHead += 1
                undecidedBytes -= bytes
                if let bidi {
                    drift.remove(record.path)
                    items += try take(bidi.decide(index, record))
                } else if !isAnswer, let steps = try conflicts?.judge(index, record) {
                    drift.remove(record.path)
                    items += try take(steps)
                } else if let item = try decide(index, record) {
                    items.append(item)
                }
                decidedBefore = index + 1
            }
            if undecidedHead == undecided.count || undecidedHead > 8192 {
                undecided.removeFirst(undecidedHead)
                undecidedHead = 0
                if undecided.isEmpty { decidedBefore = received }
            }
            try say(decidedBefore: decidedBefore, items)
            if batch.isFull { try apply() }
            if !hasRoom { return }
        }
    }

    /// Whether more may be asked of the source.
    private var hasRoom: Bool {
        let isAskedFull = bidi?.isFull(atMost: WantMessage.itemsMax) ?? conflicts?.isFull(atMost: WantMessage.itemsMax)
        return incoming.bytesWanted < Target.windowBytes && !(isAskedFull ?? false)
    }

    func say(decidedBefore index: Int, _ items: [WantMessage.Item]) throws(HeadwaterError) {
        decidedBefore = index
        try link.send(.want, WantMessage(decidedBefore: index, items: items).encoded())
    }

    func decide(_ index: Int, _ record: ChangeRecord) throws(HeadwaterError) -> WantMessage.Item? {
        drift.remove(record.path)
        // A loser that a person decided on is kept, whatever the policy is.
        if end.isBidi, try end.decided(at: record.path) != nil { stage?.decide(.inAttic, at: record.path) }
        if record.state != .absent { for step in try decider.wayTo(record.path) { batch.add(step) } }
        switch try decider.decide(index, record) {
        case .nothing: return nil
        case .apply(let planned): batch.add(planned)
        case .removeLater(let removal): batch.remove(later: removal)
        case .want(let wanted):
            return incoming.expect(wanted)
        case .problem(let error):
            note(problem: error)
            batch.keepRow(of: record)
        case .unknown(let problem):
            if let problem { note(problem: problem) }
            batch.keepRow(of: record)
        }
        return nil
    }

    /// Whether there are paths left that only this end saw change.
    private func askAboutDrift() -> Bool { !stopping && !drift.isEmpty }

    private func sendAsks() throws(HeadwaterError) {
        var rest = drift.sorted()[...]
        let paths = Target.takeAsk(&rest)
        for path in paths { drift.remove(path) }
        try ask(paths)
    }

    func apply() throws(HeadwaterError) {
        for problem in try batch.apply() { note(problem: problem) }
        noteProgress()
    }

    // MARK: Removing and settling

    /// Deletes what the source no longer has, under the brakes; nothing more once the cycle was stopped.
    private func remove(ofRows rows: Int64) throws(HeadwaterError) {
        if stopping { return }
        for removal in try decider.removalsOfSurplus() { batch.remove(later: removal) }
        if end.isBidi {
            for removal in try decider.emptyResidues(besides: batch.removedPaths) where !batch.replaces(removal.path) {
                batch.remove(later: removal)
            }
        }
        let paths = batch.removalPaths()
        try listing(paths) { () throws(HeadwaterError) in
            try end.permitDeletions(paths, ofRows: rows, ofEmptySource: !sourceHasEntries)
        }
        while !stopping && batch.beginRemovals() {
            try apply()
            while let item = try inbox.poll() { try handle(item) }
        }
        if stopping { return }
        batch.addReplacements()
        try apply()
        try giveNames()
    }

    /// Waits until the source has recorded every commit, so that nothing is left to say at the next hello.
    private func settle() throws(HeadwaterError) -> (mine: CycleCounts, source: CycleCounts) {
        while !batch.isRecorded {
            if let item = try inbox.next() { try handle(item) }
        }
        try batch.finish()
        if !end.isBidi && !stopping { try end.permits?.requireNothingLeft(isUpward: false) }
        forecast?.finish()
        for problem in end.preserved.takeProblems() { note(problem: problem) }
        if !stopping { stage?.removePartials() }
        var counts = batch.counts
        counts.problems += problems
        try link.send(.done, end.done(counts).encoded())
        while true {
            guard let item = try inbox.next(), case .frame(let frame) = item else { continue }
            if frame.kind == .done {
                let done = try decoding { () throws(WireFault) in try DoneMessage(decoding: frame.payload) }
                try end.compare(done)
                return (counts, done.counts)
            }
            try handle(frame)
        }
    }

    // MARK: Stopping and telling

    private func stop() throws(HeadwaterError) {
        if stopping { return }
        wantsStop = true
        try link.send(.stop)
        // What is asked for may still come; the source says when nothing more will.
    }

    /// The source sends nothing more: what is staged is applied, the rest waits for the next cycle.
    private func noteStopped() {
        stopping = true
        undecided = []
        (undecidedHead, undecidedBytes) = (0, 0)
        incoming.dropAll()
        bidi?.dropAll()
        conflicts?.dropAll()
    }

    private var problems: UInt64 = 0

    func note(problem: HeadwaterError) {
        if let path = problem.path { bidi?.hold(path) }
        problems += 1
        observer.note(problem: problem)
    }

    private func noteProgress() {
        let counts = batch.counts
        progress.entriesDone = Int(
            clamping: counts.files + counts.directories + counts.symlinks + counts.deleted + counts.renamed)
        progress.bytesDone = counts.bytesPayload
        observer.note(progress: progress)
    }
}
