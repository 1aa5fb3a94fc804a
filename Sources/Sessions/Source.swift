import Content
import Core
import Platform
import Reconciliation
import Roots
import Snapshots
import Wire

/// The source's side of one direction of a cycle: says what changed, delivers the content that the target lacks, records what
/// the target has made durable.
///
///     renaming ─► announcing ─► serving ─► done            stop or failure ends it anywhere; with `delete: before` what is deleted is
///                                                          announced first, and the rest when the target has decided that
///                     └─ wants are served and commits recorded in between ─┘
///
/// One thread runs it and owns the snapshot; `Inbox` is filled by another.
final class Source {
    /// Announced changes that the target has not decided yet; more wait.
    static let recordsInFlightMax = 16 * 1024
    /// The same in bytes: paths can be long.
    static let bytesInFlightMax = 8 << 20
    let end: SessionEnd
    private let link: FrameLink
    private let inbox: Inbox
    private let observer: any SessionObserver
    let content: ContentSender
    private let mayBeStopped: Bool
    private let rowsBefore: Int64
    /// The tree that this direction tells of. The other direction of a bidirectional cycle goes by it, too: what changed since was not
    /// announced, so that nothing was decided about it.
    private(set) var image: TreeImage?
    private let announcer: Announcer
    private let renames: RenameSource
    /// All deletions are announced and not all of them decided.
    private var isBetweenPasses = false
    private var announced = 0
    private var decidedBefore = 0
    /// Where each frame of changes ended that is not decided yet, and what it weighed.
    private var framesInFlight: [(end: Int, bytes: Int)] = []
    private var bytesInFlight = 0
    private var pathsAsked: Int64 = 0
    private var theirs: Int64
    /// A target wants each content once, in the order of the changes.
    private var lastWanted = -1
    private var inFlight: [Int: Announced] = [:]
    /// What was recorded in this cycle of files that others are names of.
    var linkDigests: [TreePath: Digest] = [:]
    /// Set also when the direction before was ended early.
    private(set) var stopping = false
    /// Nil in a push or pull.
    let bidi: BidiSource?
    private var untracked: UInt64 = 0
    private var progress = Progress(phase: .scanning)

    init(
        end: SessionEnd, _ conversation: Conversation, _ observer: any SessionObserver, bidi: BidiSource? = nil
    ) {
        self.end = end
        self.observer = observer
        self.bidi = bidi
        (link, inbox, mayBeStopped) = (conversation.link, conversation.inbox, conversation.mayBeStopped)
        (rowsBefore, theirs) = (end.rowCount, end.meta.theirs)
        content = ContentSender(link: link, end) { [inbox] in inbox.isCancelled }
        announcer = Announcer(end, content.reader, bidi, observer)
        renames = RenameSource(end, bidi)
    }

    deinit { content.close() }

    /// Runs the source's side to its end; returns the target's counts.
    ///
    /// - Parameter wasStopped: an operator ended the cycle before this direction began.
    func run(wasStopped: Bool = false) throws(HeadwaterError) -> CycleCounts {
        defer { content.close() }
        // What a target plans is not bounded by what was announced to it: of a mirror's surplus nothing is.
        if !end.isPlan { inbox.refuseMore() }
        let image = try end.view()
        self.image = image
        try begin(image)
        if wasStopped { try stop() }
        while true {
            while let item = try inbox.poll() { if let finished = try handle(item) { return finished } }
            if try announceSome() { continue }
            if try content.serveNext(decidedBefore: decidedBefore, in: &inFlight) {
                noteProgress()
                continue
            }
            if let item = try inbox.next(), let finished = try handle(item) { return finished }
        }
    }

    private func begin(_ image: TreeImage) throws(HeadwaterError) {
        try end.checkRoot(image)
        end.keepChunkLists()
        observer.note(
            detail: "\(end.root.canonicalPath): \(image.count) entries; \(end.rowCount) are known from earlier runs")
        untracked = UInt64(image.untrackedCount)
        progress.phase = .transferring
    }

    /// What only a source knows of a cycle.
    var counts: CycleCounts {
        var counts = CycleCounts()
        counts.problems = announcer.problemCount
        counts.untracked = announcer.untrackedCount ?? untracked
        return counts
    }

    // MARK: Announcing

    /// Sends one frame of changes if the target has decided enough of those before; false when there is nothing to do now.
    private func announceSome() throws(HeadwaterError) -> Bool {
        if !renames.isOver { return try announceRenames() }
        if isBetweenPasses && decidedBefore == announced {
            isBetweenPasses = false
            try announcer.beginLastPass()
        }
        guard !announcer.isAtEnd, hasRoom else { return false }
        var records: [ChangeRecord] = []
        var bytes = 0
        while records.count < ChangesMessage.recordsMax / 2 && bytes < ChangesMessage.bytesTarget {
            // Content may have to be read to tell: an operator need not wait for it.
            if inbox.isCancelled { return true }
            for (record, request) in try announcer.next() {
                // Mostly one; of conflicts that are flagged together there may be more than one frame takes.
                if bytes >= ChangesMessage.bytesTarget {
                    try sendChanges(&records, &bytes, isLast: false)
                }
                records.append(record)
                bytes += record.bytesEstimate
                remember(record, request, isAnswer: false)
            }
            if announcer.isAtEnd { break }
        }
        if announcer.isAtEnd {
            try announcer.endPass()
            isBetweenPasses = announcer.hasAnotherPass
        }
        try sendChanges(&records, &bytes, isLast: announcer.isAtEnd)
        return true
    }

    private func sendChanges(_ records: inout [ChangeRecord], _ bytes: inout Int, isLast: Bool) throws(HeadwaterError) {
        content.closePack(at: announced)
        framesInFlight.append((announced, bytes))
        bytesInFlight += bytes
        let message = ChangesMessage(
            isLast: isLast, isAnswer: false, firstIndex: announced - records.count, records: records)
        try link.send(.changes, message.encoded())
        (records, bytes) = ([], 0)
    }

    /// Whether the target has decided enough to be told more.
    private var hasRoom: Bool {
        announced - decidedBefore < Source.recordsInFlightMax && bytesInFlight < Source.bytesInFlightMax
    }

    /// The same for what was renamed. What has changed is compared only when nothing of that is left.
    private func announceRenames() throws(HeadwaterError) -> Bool {
        if renames.isDrained {
            guard decidedBefore == announced else { return false }
            try renames.beginRound(image!)
        }
        if renames.isOver {
            let last = RenamesMessage(isLast: true, firstIndex: announced, steps: [])
            try link.send(.renames, last.encoded())
            // What stands for the names of a file may be called otherwise by now.
            end.noteLinks(image!)
            try announcer.begin(image!, to: link, renames.known)
            return true
        }
        guard hasRoom else { return false }
        let (message, bytes) = renames.take(at: announced)
        announced += message.steps.count
        framesInFlight.append((announced, bytes))
        bytesInFlight += bytes
        try link.send(.renames, message.encoded())
        return true
    }

    private func remember(_ record: ChangeRecord, _ request: ReadRequest?, isAnswer: Bool) {
        let pack = content.pack(for: record, at: announced)
        inFlight[announced] = Announced(
            path: record.path, record: record.state, request: request, isAnswer: isAnswer, pack: pack)
        announced += 1
        progress.entriesTotal += 1
        if case .file(let attributes) = record.state { progress.bytesTotal &+= attributes.size }
    }

    // MARK: Messages

    /// Handles one item; the target's counts when the cycle is over.
    private func handle(_ item: Inbox.Item) throws(HeadwaterError) -> CycleCounts? {
        switch item {
        case .cancelled: try stop()
        case .frame(let frame):
            switch frame.kind {
            case .want: try accept(try decoding { () throws(WireFault) in try WantMessage(decoding: frame.payload) })
            case .ask: try answer(try decoding { () throws(WireFault) in try AskMessage(decoding: frame.payload) })
            case .committed:
                try record(try decoding { () throws(WireFault) in try CommittedMessage(decoding: frame.payload) })
            case .problem:
                let error = try decoding { () throws(WireFault) in try ErrorMessage.decode(frame.payload) }
                observer.note(problem: error)
            case .planned:
                let planned = try decoding { () throws(WireFault) in try PlannedMessage(decoding: frame.payload) }
                guard end.isPlan, !mayBeStopped else {
                    throw .protocolBroken(WireFault("a plan that nobody asked for"))
                }
                observer.note(planned: planned.steps, recorded: planned.recorded)
            case .stop:
                guard mayBeStopped else { throw .stoppedUnasked }
                try stop()
            case .failure: throw try Conversation.failure(frame)
            case .done:
                let done = try decoding { () throws(WireFault) in try DoneMessage(decoding: frame.payload) }
                try check(done)
                try link.send(.done, end.done(counts).encoded())
                return done.counts
            default: throw .protocolBroken(WireFault("\(frame.kind) sent to a source"))
            }
        }
        return nil
    }

    /// A cycle is over only when the target has decided every change, and holds it or says that it is a problem.
    ///
    /// One change may be left without a word: of the file that shows that the target is mounted.
    private func check(_ done: DoneMessage) throws(HeadwaterError) {
        // Where both ends change things, not every change of one is for the other; nor what lies at or below a conflict.
        let isDecided = bidi != nil || (announcer.isAtEnd && decidedBefore == announced)
        let openCount = bidi != nil || end.meta.counts.conflicts > 0 ? 0 : inFlight.values.count { !$0.isAnswer }
        if !stopping && !(isDecided && (openCount <= 1 || done.counts.problems > 0)) {
            throw .protocolBroken(WireFault("done with \(openCount) of \(announced) changes open"))
        }
        try end.compare(done)
    }

    private func accept(_ want: WantMessage) throws(HeadwaterError) {
        guard want.decidedBefore >= decidedBefore, want.decidedBefore <= announced else {
            throw .protocolBroken(WireFault("changes up to \(want.decidedBefore) of \(announced) decided"))
        }
        for item in want.items {
            guard let change = inFlight[item.index], change.mayBeWanted(item, after: lastWanted) else {
                throw .protocolBroken(WireFault("content of change \(item.index) wanted, which is no file in flight"))
            }
            if item.isComparison {
                inFlight[item.index]?.isCompared = true
            } else if item.isAgain {
                inFlight[item.index]?.isWantedAgain = true
            } else {
                inFlight[item.index]?.isWanted = true
                // An answer to what was asked ahead of the changes comes behind them in the count.
                if !change.wasCompared { lastWanted = max(lastWanted, item.index) }
            }
            if !stopping { content.enqueue(item) }
        }
        decidedBefore = want.decidedBefore
        let decided = framesInFlight.prefix { $0.end <= decidedBefore }
        bytesInFlight -= decided.reduce(0) { $0 + $1.bytes }
        framesInFlight.removeFirst(decided.count)
    }

    /// Says how the paths stand that only the target saw change; of what is not there or cannot be read, nothing.
    private func answer(_ ask: AskMessage) throws(HeadwaterError) {
        if stopping { return }
        // A target asks about each of its rows once at most, and once more where it first asks whether it has to halt.
        pathsAsked += Int64(ask.paths.count)
        let asksMax = end.policy.drift == .halt ? 2 * rowsBefore : rowsBefore
        guard pathsAsked <= asksMax else { throw .protocolBroken(WireFault("more asked about than agreed on")) }
        var records: [ChangeRecord] = []
        var bytes = 0
        for path in ask.paths {
            guard let (record, request) = try announcer.answer(path, in: image!).first else { continue }
            records.append(record)
            bytes += record.bytesEstimate
            remember(record, request, isAnswer: true)
            if bytes > ChangesMessage.bytesTarget {
                try send(answers: records, isLast: false)
                (records, bytes) = ([], 0)
            }
        }
        try send(answers: records, isLast: true)
    }

    private func send(answers records: [ChangeRecord], isLast: Bool) throws(HeadwaterError) {
        content.closePack(at: announced)
        let message = ChangesMessage(
            isLast: isLast, isAnswer: true, firstIndex: announced - records.count, records: records)
        try link.send(.changes, message.encoded())
    }

    /// Records what the target has made durable and tells it so.
    private func record(_ committed: CommittedMessage) throws(HeadwaterError) {
        guard committed.number - theirs <= 1, committed.number >= theirs else { throw .oddCommit(committed.number) }
        guard !committed.runs.isEmpty || !committed.residues.isEmpty || !committed.rows.isEmpty || end.policy.mirror
        else {
            throw .protocolBroken(WireFault("a commit of nothing"))
        }
        theirs = committed.number
        var changes: [RowChange] = []
        for index in committed.runs.joined() {
            if let row = try renames.record(index, image!) {
                try end.keepRows()
                changes.append(row)
                continue
            }
            guard let change = inFlight.removeValue(forKey: index) else {
                throw .protocolBroken(WireFault("commit of change \(index), which is not in flight"))
            }
            changes.append(try recorded(change, index))
        }
        for index in committed.residues.joined() {
            guard let change = inFlight.removeValue(forKey: index) else {
                throw .protocolBroken(WireFault("commit of change \(index), which is not in flight"))
            }
            if let row = try row(of: change, index, isResidue: true).residue { changes.append(row) }
        }
        for item in committed.rows {
            changes.append(try recorded(item))
            close(item)
        }
        let mine = try end.commit(changes, theirs: committed.number)
        try link.send(.recorded, RecordedMessage(theirs: committed.number, mine: mine).encoded())
        observer.note(moved: committed.counts)
        progress.entriesDone = Int(
            clamping: committed.counts.files + committed.counts.directories + committed.counts.symlinks
                + committed.counts.deleted)
        observer.note(progress: progress)
    }

    /// A change that the target has answered with a row of its own.
    private func close(_ item: RowsMessage.Item) {
        switch item.state {
        case .agreed, .kept: break
        case .gone, .conflict, .withheld, .residue: return
        }
        if let open = inFlight.first(where: { $0.value.path == item.path && !$0.value.isAnswer }) {
            inFlight[open.key] = nil
        }
    }

    /// Ends early: nothing more is announced or served; the target finishes what it holds.
    private func stop() throws(HeadwaterError) {
        if stopping { return }
        stopping = true
        announcer.stop()
        renames.stop()
        content.dropAll()
        try link.send(.stop)
    }

    // MARK: Telling

    private func noteProgress() {
        progress.bytesDone = content.bytesDone
        observer.note(progress: progress)
    }
}
