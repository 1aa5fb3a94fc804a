import Core

/// What becomes of the conflicts that stood when the cycle began.
extension BidiTarget {
    /// The paths whose conflicts stand, to ask how the upstream side is now.
    package var standingPaths: [TreePath] { standing.keys.sorted() }

    /// Decides the conflicts that stand, before any change.
    ///
    /// - Parameter answers: how the upstream side is now; what is missing is not there.
    package func settleStanding(_ answers: [TreePath: (index: Int, record: ChangeRecord)]) throws(HeadwaterError)
        -> [BidiStep]
    {
        var steps: [BidiStep] = []
        for conflict in standing.values.sorted(by: { $0.path < $1.path }) {
            if isBlocked(conflict.path.parent) { continue }
            if let ground = view.unknownGround(ChangeRecord(path: conflict.path, state: .absent)) {
                if let ground { steps.append(.problem(ground)) }
                continue
            }
            let mine = try view.standing(at: conflict.path)
            guard mine.change != .unsynced else { continue }
            let answer = answers[conflict.path]
            if end.keep(of: conflict) == nil,
                answer?.record.attributes == conflict.upstream?.attributes, mine.isAsFlagged(conflict)
            {
                continue
            }
            if let answer, answer.record.attributes?.kind == .file {
                settling[answer.index] = conflict
                steps.append(compare(answer.index, answer.record, mine))
            } else {
                steps += try settle(conflict, answer, nil)
            }
        }
        return steps
    }

    func settle(
        _ conflict: Conflict, _ answer: (index: Int, record: ChangeRecord)?, _ sent: AgreedEntry?
    ) throws(HeadwaterError) -> [BidiStep] {
        let path = conflict.path
        let mine = try view.standing(at: path)
        let down = view.version(mine)
        let up = answer.flatMap { $0.record.change(since: nil, sent).entry }
        let keep = end.keep(of: conflict)
        let settlement = Reconciliation.settle(conflict, upstream: up, downstream: down, keep: keep)
        let sides = Self.sides(settlement, up, down)
        if let loser = sides.loser, loser.isDirectory, let winner = sides.winner, !winner.isDirectory {
            // What is in it is nobody's to delete by the way.
            return [.problem(.directoryLoses(path))]
        }
        switch settlement {
        case .stands: return []
        case .flaggedAnew:
            flag(path, conflict.ancestor, up: up, down: down, mine.identity, since: conflict.since)
            return []
        case .forget, .upward:
            letGo(path)
            outcome.settled.insert(path)
            if mine.kind == .directory, conflict.ancestor?.isDirectory ?? false { goingUp.append(path) }
            return []
        case .equal, .downward, .both:
            if answer != nil, mine.attributes == nil, let taken = try view.takenAbove(path) {
                flag(taken.path, taken.agreed, up: taken.agreed, down: taken.now, taken.identity)
                return []
            }
            letGo(path)
            var steps: [BidiStep] = []
            if keep != nil && settlement != .equal {
                steps.append(.keepLoser(path, isBeside: settlement == .both))
            }
            // What is deleted upstream goes here, and then from the rows of both.
            guard let answer else {
                outcome.settled.insert(path)
                let removal = Removal(path: path, expected: mine.expected, isUnrecorded: true)
                return steps + [.removeLater(removal)]
            }
            if case .directory = answer.record.state, mine.kind != .directory, conflict.ancestor?.isDirectory ?? false {
                comingDown.append(path)
            }
            return try steps + obey(answer.index, answer.record, mine, sent)
        }
    }

    private static func sides(_ settlement: Settlement, _ up: AgreedEntry?, _ down: AgreedEntry?) -> (
        winner: AgreedEntry?, loser: AgreedEntry?
    ) {
        switch settlement {
        case .downward, .both: (up, down)
        case .upward: (down, up)
        case .stands, .flaggedAnew, .forget, .equal: (nil, nil)
        }
    }

    private func letGo(_ path: TreePath) {
        standing[path] = nil
        outcome.held.remove(path)
        outcome.heldBelow.remove(path)
    }
}
