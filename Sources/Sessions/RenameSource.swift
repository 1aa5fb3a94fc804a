import Core
import Reconciliation
import Roots
import Snapshots
import Wire

/// The source's side of renames: ahead of all changes it says what it has under other names, round by round, and takes over into its rows
/// what the target has done of it.
///
///     searching ─► announcing ─► waiting until all is decided ─► searching …       over: nothing is left that could be renamed
///
/// Afterwards the rows of both ends are where the entries are, so that the changes are those of content and attributes only. What the
/// target has refused is a deletion and a creation.
final class RenameSource {
    /// What lies in what was renamed takes a round for each step of it; deeper it is created anew.
    private static let roundsMax = 32

    private let end: SessionEnd
    private let bidi: BidiSource?
    private var refused: Set<FoundRename> = []
    private var steps: ArraySlice<RenameStep> = []
    private var inFlight: [Int: RenameStep] = [:]
    private var roundCount = 0
    /// Whether another round may find more.
    private var needsRound = true
    private(set) var isOver = false
    /// What the last search has found beside, where nothing has changed since.
    private(set) var known: RenameSearch.Known?

    init(_ end: SessionEnd, _ bidi: BidiSource?) { (self.end, self.bidi) = (end, bidi) }

    /// Whether nothing of the round is left to be sent.
    var isDrained: Bool { steps.isEmpty }

    func stop() { (isOver, steps, known) = (true, [], nil) }

    /// Begins the next round, once the target has decided all of the last one; `isOver` where there is none.
    func beginRound(_ image: TreeImage) throws(HeadwaterError) {
        refuseWhatIsLeft()
        while needsRound && roundCount < RenameSource.roundsMax {
            roundCount += 1
            var search = RenameSearch(end, image, bidi, without: refused)
            let (found, known) = try search.run()
            let round = try order(found, image)
            refused.formUnion(round.dropped)
            // What came along with a directory was not looked at.
            needsRound = found.contains(where: \.isDirectory) || !round.waiting.isEmpty
            steps = round.steps[...]
            if !steps.isEmpty { return }
            self.known = known
            // Directories that cannot be renamed give way to what is in them.
            let stuck = round.dropped + round.waiting
            if !stuck.contains(where: \.isDirectory) { break }
            refused.formUnion(stuck)
        }
        isOver = true
    }

    private func order(_ found: [FoundRename], _ image: TreeImage) throws(HeadwaterError) -> Renames.Round {
        if found.isEmpty { return Renames.Round() }
        let end = end
        return try Renames.round(
            found,
            kind: { (path) throws(HeadwaterError) in try end.standingRow(at: path)?.agreed.attributes.kind },
            directory: { path in
                guard let index = image.index(of: path), image.kind(at: index) == .directory else { return nil }
                return .directory(path, end.preserved.said(path, image.status(at: index), agreed: nil))
            }, copies: end.policy.delete == .never)
    }

    /// What the target has decided and not committed.
    private func refuseWhatIsLeft() {
        for step in inFlight.values {
            switch step {
            case .directory: continue
            case .move(let from, let to), .copy(let from, let to): refuse(from, to)
            case .exchange(let path, let other):
                refuse(path, other)
                refuse(other, path)
            }
        }
        inFlight = [:]
    }

    private func refuse(_ from: TreePath, _ to: TreePath) {
        for isDirectory in [true, false] {
            refused.insert(FoundRename(from: from, to: to, isDirectory: isDirectory))
        }
    }

    /// The next steps, as many as fit into a frame, and what they weigh.
    func take(at first: Int) -> (message: RenamesMessage, bytes: Int) {
        var message = RenamesMessage(isLast: false, firstIndex: first, steps: [])
        var bytes = 0
        while let step = steps.first, message.steps.count < RenamesMessage.stepsMax,
            bytes < ChangesMessage.bytesTarget
        {
            steps.removeFirst()
            inFlight[first + message.steps.count] = step
            message.steps.append(step)
            bytes += step.bytesEstimate
        }
        return (message, bytes)
    }

    /// What to record of a step that the target has committed; nil where the index is not one of a step.
    func record(_ index: Int, _ image: TreeImage) throws(HeadwaterError) -> RowChange? {
        guard let step = inFlight.removeValue(forKey: index) else { return nil }
        known = nil
        switch step {
        case .directory(let path, let attributes):
            let local = image.index(of: path).map { image.identity(at: $0) }
            return .put(path, AgreedEntry(attributes: attributes, digest: nil), local: local, state: .agreed)
        // What an entry is remembered by stays: a renamed file's content is looked at by the comparison that follows.
        case .move(let from, let to): return .renamed(RowRenaming(from: from, to: to, isTold: true))
        case .exchange(let path, let other):
            return .renamed(RowRenaming(from: path, to: other, isExchange: true, isTold: true))
        case .copy(let from, let to):
            guard let row = try end.row(at: from) else {
                throw .protocolBroken(WireFault("commit of a copy of what is not agreed"))
            }
            return .put(to, row.agreed, local: nil, state: .agreed, origin: .copied)
        }
    }
}
