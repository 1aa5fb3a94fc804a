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
///     receiving ─► removing ─► settling ─► done            stop or failure ends it anywhere
///
/// *receiving*: changes are decided as they come, content is staged, full batches are applied and recorded. *removing*: all changes
/// are known, so the brakes can judge; then deletions, deepest first, and what takes the place of removed directories. *settling*:
/// the source has recorded everything.
///
/// One thread runs it and owns the snapshot, the stage and the tree.
final class Target {
    /// Content that is asked for and not staged yet; more wants wait.
    static let windowBytes: UInt64 = 16 << 20

    private let end: SessionEnd
    private let link: FrameLink
    private let inbox: Inbox
    private let observer: any SessionObserver
    private let decider: Decider
    private let stage: Stage
    private let batch: TargetBatch
    private let incoming: IncomingContent
    private let mayBeStopped: Bool
    /// Paths that only this end saw change, as far as the source has not said anything of them.
    private var drift: Set<TreePath> = []
    private var undecided: [(index: Int, record: ChangeRecord, bytes: Int)] = []
    private var undecidedHead = 0
    private var undecidedBytes = 0
    /// Answers about directories, which are decided ahead of the changes.
    private var answers: [(index: Int, record: ChangeRecord)] = []
    private var isRepairing = false
    private var decidedBefore = 0
    private var received = 0
    private var lastAnnounced: TreePath?
    private var isAnnounced = false
    /// What was asked for last and is not answered yet; the answer keeps its order.
    private var asked: ArraySlice<TreePath>?
    private var wantsStop: Bool
    private(set) var stopping = false
    /// Decides the first direction of a bidirectional cycle; nil in a push or pull and in the second direction.
    private var bidi: BidiTarget?
    private let isFirstOfTwo: Bool
    /// What this end announced its own changes by, in the direction before.
    private let announcedImage: TreeImage?
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
        stage = try end.openStage()
        decider = Decider(end: end)
        batch = TargetBatch(end: end, stage: stage, link: link, observer: observer)
        incoming = IncomingContent(stage: stage)
    }

    /// Runs the target's side to its end; returns what it did and the source's counts beside.
    func run() throws(HeadwaterError) -> (mine: CycleCounts, source: CycleCounts) {
        let rowsBefore = end.rowCount
        defer { batch.discard() }
        inbox.takeMore()
        let image = if let announcedImage { announcedImage } else { try end.view() }
        try end.checkRoot(image)
        for rescued in stage.rescued { note(problem: .rescued(rescued)) }
        if end.isBidi { try beginBidi(image) } else { try findDrift(image) }
        try receive()
        try remove(ofRows: rowsBefore)
        return try settle()
    }

    private func findDrift(_ image: TreeImage) throws(HeadwaterError) {
        let found = try decider.findDrift(image) { inbox.isCancelled }
        drift = Set(found.others)
        for path in found.blocked { note(problem: .blocked(path)) }
        for problem in found.unknown { note(problem: problem) }
        progress.phase = .transferring
        try repair(found.directories)
    }

    // MARK: Both directions

    /// What the second direction has to know of this one.
    var bidiOutcome: BidiOutcome { bidi?.outcome ?? BidiOutcome() }

    /// What differs here is no drift but the other direction's; conflicts that stand are looked at before any change.
    private func beginBidi(_ image: TreeImage) throws(HeadwaterError) {
        decider.begin(image)
        progress.phase = .transferring
        try removeEmptyResidues(image)
        if !isFirstOfTwo { return }
        let bidi = try BidiTarget(end, image, decider)
        self.bidi = bidi
        var rest = bidi.standingPaths[...]
        if rest.isEmpty { return }
        var found: [TreePath: (index: Int, record: ChangeRecord)] = [:]
        isRepairing = true
        while !rest.isEmpty && !stopping {
            try ask(Target.takeAsk(&rest))
            while asked != nil && !stopping { if let item = try inbox.next() { try handle(item) } }
            for answer in answers { found[answer.record.path] = answer }
            answers = []
        }
        isRepairing = false
        if stopping { return }
        var wants = try take(bidi.settleStanding(found))[...]
        repeat {
            try say(decidedBefore: received, Array(wants.prefix(WantMessage.itemsMax)))
            wants = wants.dropFirst(WantMessage.itemsMax)
        } while !wants.isEmpty
        while bidi.isWaiting && !stopping { if let item = try inbox.next() { try handle(item) } }
    }

    /// Directories that were kept for what was in them go when nothing is. The next announcement of this end says so.
    private func removeEmptyResidues(_ image: TreeImage) throws(HeadwaterError) {
        var going: Set<TreePath> = []
        for path in try end.residues().reversed() where image.holdsNothing(at: path, but: going) {
            going.insert(path)
            let expected = Expected(image, at: path)
            batch.remove(
                later: Removal(index: Planned.noIndex, path: path, expected: expected, isUnrecorded: true))
        }
    }

    /// Does what was decided of a change; returns what is to be asked for.
    private func take(_ steps: [BidiTarget.Step]) throws(HeadwaterError) -> [WantMessage.Item] {
        var items: [WantMessage.Item] = []
        for step in steps {
            switch step {
            case .apply(let planned): batch.add(planned)
            case .removeLater(let removal): batch.remove(later: removal)
            case .want(let wanted):
                incoming.expect(wanted)
                items.append(WantMessage.Item(index: wanted.index, has: wanted.has))
            case .compare(let wanted):
                items.append(WantMessage.Item(index: wanted.index, has: nil, isComparison: true))
            case .problem(let error): note(problem: error)
            }
        }
        return items
    }

    // MARK: Repairing

    /// Puts agreed directories back that are gone or something else at this end, before any change below them is decided.
    ///
    /// What the source has in their place now, if no directory, comes as a change of its own.
    private func repair(_ directories: [TreePath]) throws(HeadwaterError) {
        var rest = directories[...]
        isRepairing = true
        while !rest.isEmpty && !stopping {
            let paths = Target.takeAsk(&rest)
            try ask(paths)
            while asked != nil && !stopping { if let item = try inbox.next() { try handle(item) } }
            for (index, record) in answers {
                guard case .directory = record.state else { continue }
                if let item = try decide(index, record) {
                    throw .protocolBroken(WireFault("content \(item.index) of a directory"))
                }
                decider.noteRepaired(record.path)
            }
            answers = []
            try apply()
            if undecided.isEmpty { try say(decidedBefore: received, []) }
        }
        isRepairing = false
    }

    // MARK: Receiving

    private func receive() throws(HeadwaterError) {
        while true {
            try decideSome()
            if isReceived {
                if !askAboutDrift() { break }
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
    private var isReceived: Bool {
        (stopping || (isAnnounced && asked == nil)) && undecidedHead == undecided.count && incoming.isEmpty
            && !(bidi?.isWaiting ?? false)
    }

    private func handle(_ item: Inbox.Item) throws(HeadwaterError) {
        switch item {
        case .cancelled: try stop()
        case .frame(let frame): try handle(frame)
        }
    }

    private func handle(_ frame: Frame) throws(HeadwaterError) {
        switch frame.kind {
        case .changes: try accept(try decoding { () throws(WireFault) in try ChangesMessage(decoding: frame.payload) })
        case .content:
            for put in try incoming.accept(
                try decoding { () throws(WireFault) in try ContentMessage(decoding: frame.payload) })
            { batch.add(put) }
        case .segment:
            if let put = try incoming.accept(
                try decoding { () throws(WireFault) in try SegmentMessage(decoding: frame.payload) })
            {
                batch.add(put)
            }
        case .same:
            for file in try decoding({ () throws(WireFault) in try SameMessage(decoding: frame.payload) }).files {
                if let steps = try bidi?.take(file) {
                    let items = try take(steps)
                    if !items.isEmpty { try say(decidedBefore: decidedBefore, items) }
                } else {
                    try batch.add(same: file, try incoming.take(file.index))
                }
            }
        case .lent:
            for file in try decoding({ () throws(WireFault) in try SameMessage(decoding: frame.payload) }).files {
                try take(lent: file)
            }
        case .failed:
            let message = try decoding { () throws(WireFault) in try FailedMessage(decoding: frame.payload) }
            if !(bidi?.fail(message.index) ?? false) { _ = try incoming.take(message.index) }
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

    /// Stages a file that the source, in this process too, has lent open.
    private func take(lent file: SentFile) throws(HeadwaterError) {
        guard let lent = end.lent, let source = lent.take(file.index) else {
            throw .protocolBroken(WireFault("change \(file.index) lent to another process"))
        }
        let wanted = try incoming.take(file.index)
        let inbox = inbox
        let taken: (staged: StagedFile, digest: Digest)?
        do throws(HeadwaterError) {
            taken = try stage.file(wanted.here(file.attributes), contentOf: source.descriptor) { inbox.isCancelled }
        } catch {
            if source.isUnchanged { throw error }
            return note(problem: .unreadable(wanted.path, ReadFault.changed))
        }
        guard let taken else { return }
        guard source.isUnchanged else {
            taken.staged.discard()
            return note(problem: .unreadable(wanted.path, ReadFault.changed))
        }
        lent.settle(file.index, taken.digest)
        let sent = SentFile(index: file.index, attributes: file.attributes, digest: taken.digest)
        batch.add(IncomingContent.planned(taken.staged, wanted, sent))
    }

    private func accept(_ message: ChangesMessage) throws(HeadwaterError) {
        guard message.firstIndex == received, message.isAnswer ? asked != nil : !isAnnounced else {
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
                // Only directories are put back ahead.
                if bidi != nil {
                    answers.append((begin + offset, record))
                } else if case .directory = record.state {
                    answers.append((begin + offset, record))
                }
            } else {
                let bytes = message.isAnswer ? 0 : record.bytesEstimate
                undecidedBytes += bytes
                undecided.append((begin + offset, record, bytes))
            }
        }
        guard undecided.count - undecidedHead <= Source.recordsInFlightMax + 2 * ChangesMessage.recordsMax,
            undecidedBytes <= Source.bytesInFlightMax + 2 * ChangesMessage.expandedBytesMax
        else { throw .protocolBroken(WireFault("too many undecided changes")) }
        if message.isLast { if message.isAnswer { asked = nil } else { isAnnounced = true } }
        progress.entriesTotal = received
    }

    /// An answer has what was asked about, in that order; what the source lacks is left out.
    private func checkAsked(_ path: TreePath) throws(HeadwaterError) {
        guard let position = asked?.firstIndex(of: path) else {
            throw .protocolBroken(WireFault("an answer about what was not asked"))
        }
        asked = asked![(position + 1)...]
    }

    /// Decides changes while there is room in the window, and tells the source.
    private func decideSome() throws(HeadwaterError) {
        while undecidedHead < undecided.count {
            var items: [WantMessage.Item] = []
            while undecidedHead < undecided.count, hasRoom,
                items.count < ChangesMessage.recordsMax / 2, !batch.isFull
            {
                let (index, record, bytes) = undecided[undecidedHead]
                undecidedHead += 1
                undecidedBytes -= bytes
                if let bidi {
                    items += try take(bidi.decide(index, record))
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
    private var hasRoom: Bool { incoming.bytesWanted < Target.windowBytes && !(bidi?.isFull ?? false) }

    private func say(decidedBefore index: Int, _ items: [WantMessage.Item]) throws(HeadwaterError) {
        decidedBefore = index
        try link.send(.want, WantMessage(decidedBefore: index, items: items).encoded())
    }

    private func decide(_ index: Int, _ record: ChangeRecord) throws(HeadwaterError) -> WantMessage.Item? {
        drift.remove(record.path)
        switch try decider.decide(index, record) {
        case .nothing: return nil
        case .apply(let planned): batch.add(planned)
        case .removeLater(let removal): batch.remove(later: removal)
        case .want(let wanted):
            incoming.expect(wanted)
            return WantMessage.Item(index: index, has: wanted.has)
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

    private func ask(_ paths: [TreePath]) throws(HeadwaterError) {
        asked = paths[...]
        try link.send(.ask, AskMessage(paths: paths).encoded())
    }

    /// The next paths to ask about, in scan order; few enough that their answers fit into the window of undecided changes.
    private static func takeAsk(_ rest: inout ArraySlice<TreePath>) -> [TreePath] {
        var paths: [TreePath] = []
        var bytes = 0
        while let path = rest.first, paths.count < ChangesMessage.recordsMax, bytes < ChangesMessage.bytesTarget {
            rest.removeFirst()
            paths.append(path)
            bytes += path.key.count + 8
        }
        return paths
    }

    private func apply() throws(HeadwaterError) {
        for problem in try batch.apply() { note(problem: problem) }
        noteProgress()
    }

    // MARK: Removing and settling

    /// Deletes what the source no longer has, under the brakes; nothing more once the cycle was stopped.
    private func remove(ofRows rows: Int64) throws(HeadwaterError) {
        if stopping { return }
        do throws(HeadwaterError) {
            try end.permitDeletions(batch.removalPaths, ofRows: rows)
        } catch {
            if error.exit == .halted {
                for path in SafetyStop.listed(batch.removalPaths) { observer.note(problem: path) }
            }
            throw error
        }
        while !stopping && batch.beginRemovals() {
            try apply()
            while let item = try inbox.poll() { try handle(item) }
        }
        if stopping { return }
        batch.addReplacements()
        try apply()
    }

    /// Waits until the source has recorded every commit, so that nothing is left to say at the next hello.
    private func settle() throws(HeadwaterError) -> (mine: CycleCounts, source: CycleCounts) {
        while !batch.isRecorded {
            if let item = try inbox.next() { try handle(item) }
        }
        try batch.finish()
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
    }

    private var problems: UInt64 = 0

    private func note(problem: HeadwaterError) {
        if let path = problem.path { bidi?.hold(path) }
        problems += 1
        observer.note(problem: problem)
    }

    private func noteProgress() {
        let counts = batch.counts
        progress.entriesDone = Int(clamping: counts.files + counts.directories + counts.symlinks + counts.deleted)
        progress.bytesDone = counts.bytesPayload
        observer.note(progress: progress)
    }
}

extension TreeImage {
    /// Whether nothing was found in a directory that was listed whole, but for directories that are going.
    fileprivate func holdsNothing(at path: TreePath, but going: Set<TreePath>) -> Bool {
        guard var index = index(of: path), kind(at: index) == .directory, !isIncomplete(at: index) else { return false }
        let prefix = path.key + [0]
        while index + 1 < count {
            index += 1
            let key = key(at: index)
            if !key.starts(with: prefix) { return true }
            if !going.contains(TreePath(trusted: key)) { return false }
        }
        return true
    }
}

extension Expected {
    /// As the scan found it.
    fileprivate init(_ image: TreeImage, at path: TreePath) {
        guard let index = image.index(of: path) else {
            self = .absent
            return
        }
        let attributes = image.attributes(at: index).synced
        self = .present(
            attributes.kind, image.identity(at: index), size: attributes.size, mode: attributes.mode)
    }
}
