import Content
import Core
import Platform
import Roots
import Snapshots
import Wire

/// The source's side of one direction of a cycle: says what changed, delivers the content that the target lacks, records what
/// the target has made durable.
///
///     comparing ─► announcing ─► serving ─► done           stop or failure ends it anywhere; with `delete: before` what is deleted is
///                                                          announced first, and the rest when the target has decided that
///                     └─ wants are served and commits recorded in between ─┘
///
/// One thread runs it and owns the snapshot; `Inbox` is filled by another.
final class Source {
    /// Announced changes that the target has not decided yet; more wait.
    static let recordsInFlightMax = 16 * 1024
    /// The same in bytes: paths can be long.
    static let bytesInFlightMax = 8 << 20
    private let end: SessionEnd
    private let link: FrameLink
    private let inbox: Inbox
    private let observer: any SessionObserver
    private let content: ContentSender
    private let mayBeStopped: Bool
    private let rowsBefore: Int64
    private var comparison: TreeComparison?
    /// Only deletions are announced; another pass brings the rest.
    private var isDeletionPass = false
    /// All deletions are announced and not all of them decided.
    private var isBetweenPasses = false
    private var held: HeldPaths?
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
    private var verified: [RowChange] = []
    private var stopping = false
    private(set) var counts = CycleCounts()
    private var progress = Progress(phase: .scanning)

    /// A change that was announced and is not recorded yet.
    struct Announced {
        var path: TreePath
        var record: ChangeRecord.State
        var request: ReadRequest?
        /// Answers an ask: the row stands already.
        var isAnswer: Bool
        /// The bundle of small files that travel together.
        var pack: Int
        var sent: SentContent?
    }

    /// What was delivered for a change, to be recorded once the target has it.
    struct SentContent {
        var attributes: Attributes
        var digest: Digest
        /// Nil where a write in the same tick of the clock could go unnoticed: the next cycle reads the file again.
        var identity: LocalIdentity?
    }

    init(end: SessionEnd, _ conversation: Conversation, _ observer: any SessionObserver) {
        self.end = end
        self.observer = observer
        (link, inbox, mayBeStopped) = (conversation.link, conversation.inbox, conversation.mayBeStopped)
        (rowsBefore, theirs) = (end.rowCount, end.meta.theirs)
        content = ContentSender(link: link, root: end.root, lent: end.lent)
    }

    deinit { content.close() }

    /// Runs the source's side to its end; returns the target's counts.
    func run() throws(HeadwaterError) -> CycleCounts {
        defer { content.close() }
        inbox.refuseMore()
        let image = try end.view()
        try begin(image)
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
        observer.note(
            detail: "\(end.root.canonicalPath): \(image.count) entries; \(end.rowCount) are known from earlier runs")
        counts.untracked = UInt64(image.untrackedCount)
        for problem in image.problems where !end.neverSynced.covers(problem.path) {
            note(problem: .unreadable(problem.path, problem.error))
        }
        if end.policy.mirror { held = try HeldPaths(image, without: end.neverSynced, to: link) }
        isDeletionPass = end.policy.delete == .before
        comparison = try TreeComparison(image, try end.rows(), without: end.neverSynced)
        progress.phase = .transferring
    }

    // MARK: Announcing

    /// Sends one frame of changes if the target has decided enough of those before; false when there is nothing to do now.
    private func announceSome() throws(HeadwaterError) -> Bool {
        if isBetweenPasses && decidedBefore == announced { (isBetweenPasses, isDeletionPass) = (false, false) }
        guard comparison != nil, !isBetweenPasses, announced - decidedBefore < Source.recordsInFlightMax,
            bytesInFlight < Source.bytesInFlightMax
        else { return false }
        var records: [ChangeRecord] = []
        var bytes = 0
        let first = announced
        while records.count < ChangesMessage.recordsMax / 2 && bytes < ChangesMessage.bytesTarget {
            // Content may have to be read to tell: an operator need not wait for it.
            if inbox.isCancelled { return true }
            guard let difference = try comparison!.next() else {
                comparison = nil
                break
            }
            guard try isDue(difference), let (record, request) = try announce(difference) else { continue }
            records.append(record)
            bytes += record.bytesEstimate
            remember(record, request, isAnswer: false)
        }
        if comparison == nil { try flushVerified() }
        content.closePack(at: announced)
        framesInFlight.append((announced, bytes))
        bytesInFlight += bytes
        if comparison == nil { try held?.flush() }
        let message = ChangesMessage(isLast: comparison == nil, isAnswer: false, firstIndex: first, records: records)
        try link.send(.changes, message.encoded())
        if comparison == nil && isDeletionPass {
            isBetweenPasses = true
            comparison = try TreeComparison(try end.view(), try end.rows(), without: end.neverSynced)
        }
        return true
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

    private func remember(_ record: ChangeRecord, _ request: ReadRequest?, isAnswer: Bool) {
        let pack = content.pack(for: record, at: announced)
        inFlight[announced] = Announced(
            path: record.path, record: record.state, request: request, isAnswer: isAnswer, pack: pack)
        announced += 1
        progress.entriesTotal += 1
        if case .file(let attributes) = record.state { progress.bytesTotal &+= attributes.size }
    }

    /// What a difference is to the target; nil where there is nothing to say.
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
            if kind == .untracked { note(problem: .replacedByUnsynced(row.path)) }
            return nil
        }
    }

    private func describe(_ path: TreePath, _ raw: Attributes, _ identity: LocalIdentity) -> (
        ChangeRecord, ReadRequest?
    )? {
        let attributes = raw.synced
        switch attributes.kind {
        case .directory:
            return (ChangeRecord(path: path, state: .directory(mode: attributes.mode, mtime: attributes.mtime)), nil)
        case .symlink:
            do throws(SystemError) {
                let target = try content.reader.readLink(path)
                let request = ReadRequest(path: path, attributes: attributes, identity: identity)
                return (ChangeRecord(path: path, state: .symlink(target: target, mtime: attributes.mtime)), request)
            } catch {
                note(problem: .unreadable(path, error))
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
        try end.hasAgreedContent(path, entry.attributes, entry.identity, row, reader: content.reader)
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
        let isDecided = comparison == nil && decidedBefore == announced
        let openCount = inFlight.values.count { !$0.isAnswer }
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
            guard let change = inFlight[item.index], case .file = change.record, item.index > lastWanted else {
                throw .protocolBroken(WireFault("content of change \(item.index) wanted, which is no file in flight"))
            }
            lastWanted = item.index
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
        let image = try end.view()
        var records: [ChangeRecord] = []
        var bytes = 0
        for path in ask.paths {
            guard let index = image.index(of: path), image.kind(at: index).isSynced,
                let (record, request) = describe(path, image.attributes(at: index), image.identity(at: index))
            else { continue }
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
        guard !committed.runs.isEmpty || end.policy.mirror else {
            throw .protocolBroken(WireFault("a commit of nothing"))
        }
        theirs = committed.number
        var changes: [RowChange] = []
        for index in committed.runs.joined() {
            guard let change = inFlight.removeValue(forKey: index) else {
                throw .protocolBroken(WireFault("commit of change \(index), which is not in flight"))
            }
            if let row = try recorded(change, index) { changes.append(row) }
        }
        let mine = try end.commit(changes, theirs: committed.number)
        try link.send(.recorded, RecordedMessage(theirs: committed.number, mine: mine).encoded())
        observer.note(moved: committed.counts)
        progress.entriesDone = Int(
            clamping: committed.counts.files + committed.counts.directories + committed.counts.symlinks
                + committed.counts.deleted)
        observer.note(progress: progress)
    }

    private func recorded(_ change: Announced, _ index: Int) throws(HeadwaterError) -> RowChange? {
        let path = change.path
        switch change.record {
        case .absent:
            guard end.policy.delete == .never, let row = try end.row(at: path) else { return .forget(path) }
            return .put(path, row.agreed, local: nil, state: .withheld)
        case .directory(let mode, let mtime):
            let attributes = Attributes(kind: .directory, mode: mode, size: 0, mtime: mtime)
            return .put(path, AgreedEntry(attributes: attributes, digest: nil), local: nil, state: .agreed)
        case .symlink(let target, let mtime):
            let attributes = Attributes(kind: .symlink, mode: 0, size: UInt64(target.count), mtime: mtime)
            return .put(
                path, AgreedEntry(attributes: attributes, digest: Hash.digest(target)), local: change.request?.identity,
                state: .agreed)
        case .file:
            guard let sent = change.sent ?? content.lentContent(index, change.request) else {
                throw .protocolBroken(WireFault("commit of file \(index), whose content was not sent"))
            }
            return .put(
                path, AgreedEntry(attributes: sent.attributes, digest: sent.digest), local: sent.identity,
                state: .agreed)
        }
    }

    /// Ends early: nothing more is announced or served; the target finishes what it holds.
    private func stop() throws(HeadwaterError) {
        if stopping { return }
        stopping = true
        comparison = nil
        content.dropAll()
        try link.send(.stop)
    }

    // MARK: Telling

    private func note(problem: HeadwaterError) {
        counts.problems += 1
        observer.note(problem: problem)
    }

    private func noteProgress() {
        progress.bytesDone = content.bytesDone
        observer.note(progress: progress)
    }
}
