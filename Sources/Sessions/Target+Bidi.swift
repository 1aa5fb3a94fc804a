import Core
import Roots
import Wire

/// What a target does in a bidirectional cycle beside what it does in a push or pull.
extension Target {
    /// What the second direction has to know of this one.
    var bidiOutcome: BidiOutcome { bidi?.result ?? BidiOutcome() }

    /// What differs here is no drift but the other direction's; conflicts that stand are looked at before any change.
    func beginBidi(_ image: TreeImage) throws(HeadwaterError) {
        decider.begin(image)
        try removeEmptyResidues(image)
        if !isFirstOfTwo { return }
        let bidi = try BidiTarget(end, image, decider)
        self.bidi = bidi
        var rest = bidi.standingPaths[...]
        if rest.isEmpty { return }
        var found: [TreePath: (index: Int, record: ChangeRecord)] = [:]
        try collect(&rest) { index, record in found[record.path] = (index, record) }
        if stopping { return }
        var wants = try take(bidi.settleStanding(found))[...]
        repeat {
            try say(decidedBefore: received, Array(wants.prefix(WantMessage.itemsMax)))
            wants = wants.dropFirst(WantMessage.itemsMax)
        } while !wants.isEmpty
        while bidi.isWaiting && !stopping { if let item = try inbox.next() { try handle(item) } }
        drift = Set(try bidi.lacking())
    }

    /// Directories that were kept for what was in them go when nothing is. The next announcement of this end says so.
    private func removeEmptyResidues(_ image: TreeImage) throws(HeadwaterError) {
        var going: Set<TreePath> = []
        for path in try end.residues().reversed() where image.holdsNothing(at: path, but: going) {
            going.insert(path)
            batch.remove(
                later: Removal(
                    index: Planned.noIndex, path: path, expected: decider.expected(at: path), isUnrecorded: true))
        }
    }

    /// Does what was decided of a change; returns what is to be asked for.
    func take(_ steps: [BidiTarget.Step]) throws(HeadwaterError) -> [WantMessage.Item] {
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
            case .keepLoser(let path, let isBeside):
                stage.decide(isBeside ? .beside : .inAttic, at: path)
                if isBeside { batch.noteUnknownWrites() }
            }
        }
        return items
    }

    /// Takes the source's digest of a file: an answer to a comparison, or of content that is here already.
    func take(same file: SentFile) throws(HeadwaterError) {
        guard let steps = try bidi?.take(file) else { return try batch.add(same: file, try incoming.take(file.index)) }
        let items = try take(steps)
        if !items.isEmpty { try say(decidedBefore: decidedBefore, items) }
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
