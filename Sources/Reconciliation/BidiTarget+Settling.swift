import Core

/// What becomes of the conflicts that stood when the cycle began.
extension BidiTarget {
    /// The paths whose conflicts stand, to ask how the upstream side is now; with the directories above that only that end still has.
    package func standingPaths() throws(HeadwaterError) -> [TreePath] {
        var paths = Set(standing.keys)
        for path in standing.keys {
            var above = path.parent
            while !above.isRoot, !paths.contains(above), try view.standing(at: above).isResidueElsewhere {
                paths.insert(above)
                above = above.parent
            }
        }
        return paths.sorted()
    }

    /// Decides the conflicts that stand, before any change: all that can be decided by now. To be called again when the digests have come that
    /// this asks for, until there are none left that were not looked at but those below others that stand.
    ///
    /// - Parameter answers: how the upstream side is now; what is missing is not there.
    /// - Returns: nil when there was nothing left to decide.
    package func settleStanding(
        _ answers: [TreePath: (index: Int, record: ChangeRecord)]
    ) throws(HeadwaterError) -> [BidiStep]? {
        for (path, answer) in answers where standing[path] == nil && !looked.contains(path) {
            passed[path] = directory(answer.index, answer.record)
        }
        var steps: [BidiStep]?
        for conflict in standing.values.sorted(by: { $0.path < $1.path }) where !looked.contains(conflict.path) {
            if isBlocked(conflict.path.parent) { continue }
            looked.insert(conflict.path)
            steps = try (steps ?? []) + settleStanding(conflict, answers[conflict.path])
        }
        return steps
    }

    private func settleStanding(
        _ conflict: Conflict, _ answer: (index: Int, record: ChangeRecord)?
    ) throws(HeadwaterError) -> [BidiStep] {
        if let ground = view.unknownGround(ChangeRecord(path: conflict.path, state: .absent)) {
            return ground.map { [.problem($0)] } ?? []
        }
        let mine = try view.standing(at: conflict.path)
        guard mine.change != .unsynced else { return [] }
        if mine.attributes == nil {
            switch try view.way(to: conflict.path) {
            case .unsynced(let above): return [.problem(.blocked(above))]
            case .barred where answer != nil: return []
            case .clear, .taken, .barred: break
            }
        }
        if end.keep(of: conflict) == nil,
            isAsFlagged(answer?.record.attributes, conflict.upstream?.attributes), mine.isAsFlagged(conflict)
        {
            return []
        }
        guard let answer, answer.record.attributes?.kind == .file else { return try settle(conflict, answer, nil) }
        settling[answer.index] = conflict
        return [compare(answer.index, answer.record, mine)]
    }

    private func isAsFlagged(_ now: Attributes?, _ flagged: Attributes?) -> Bool {
        now.map { $0.isAsFlagged(flagged) } ?? (flagged == nil)
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
        let losesToNothing = sides.winner == nil && !(conflict.ancestor?.isDirectory ?? false)
        if sides.loser?.isDirectory ?? false, losesToNothing || sides.winner.map({ !$0.isDirectory }) ?? false {
            // What is in it is nobody's to delete by the way.
            let isAsWas =
                isAsFlagged(up?.attributes, conflict.upstream?.attributes)
                && isAsFlagged(down?.attributes, conflict.downstream?.attributes)
            if !isAsWas { flag(path, conflict.ancestor, up: up, down: down, mine.identity, since: conflict.since) }
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
            // It comes back for what is new in it.
            if mine.attributes == nil, let answer { passed[path] = directory(answer.index, answer.record) }
            if mine.kind == .directory, conflict.ancestor?.isDirectory ?? false { goingUp.append(path) }
            return []
        case .equal, .downward, .both:
            if answer != nil, mine.attributes == nil, let steps = try obstacle(on: path) { return steps }
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
