import Core
import Reconciliation
import Wire

/// What a target asks its source about, beside what the source announces: paths that only this end saw change.
extension Target {
    /// Puts agreed directories back that are gone or something else at this end, before any change below them is decided.
    ///
    /// What the source has in their place now, if no directory, comes as a change of its own.
    func repair(_ directories: [TreePath]) throws(HeadwaterError) {
        var rest = directories[...]
        while !rest.isEmpty && !stopping {
            var some = rest.prefix(ChangesMessage.recordsMax)
            rest = rest.dropFirst(some.count)
            try collect(&some) { (index, record) throws(HeadwaterError) in
                guard case .directory = record.state else { return }
                if let item = try decide(index, record) {
                    throw .protocolBroken(WireFault("content \(item.index) of a directory"))
                }
                decider.noteRepaired(record.path)
            }
            try apply()
        }
    }

    /// Asks the source about paths, ahead of what it announces, and hands each answer to `body`.
    func collect(
        _ rest: inout ArraySlice<TreePath>, _ body: (Int, ChangeRecord) throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) {
        isRepairing = true
        while !rest.isEmpty && !stopping {
            try ask(Target.takeAsk(&rest))
            while asked != nil && !stopping { if let item = try inbox.next() { try handle(item) } }
            for (index, record) in answers { try body(index, record) }
            answers = []
            if undecided.isEmpty && renameFrames.isEmpty { try say(decidedBefore: received, []) }
        }
        isRepairing = false
    }

    /// Halts where only this end has changed what was agreed, unless that was released. The source says which those are.
    func haltOnDrift(_ found: Drift) throws(HeadwaterError) {
        var rest = (found.directories + found.others).sorted()[...]
        var changed: [TreePath] = []
        try collect(&rest) { (_, record) throws(HeadwaterError) in
            if try decider.isAsAgreed(record) { changed.append(record.path) }
        }
        if stopping || changed.isEmpty { return }
        changed.sort()
        try listing(changed) { () throws(HeadwaterError) in try end.permitDrift(changed) }
    }

    /// Runs `body`; should it halt, the paths are told that the halt is about.
    func listing(_ paths: [TreePath], _ body: () throws(HeadwaterError) -> Void) throws(HeadwaterError) {
        do throws(HeadwaterError) { try body() } catch {
            if error.exit == .halted { for path in SafetyStop.listed(paths) { observer.note(problem: path) } }
            throw error
        }
    }

    // MARK: Questions

    func ask(_ paths: [TreePath]) throws(HeadwaterError) {
        asked = paths[...]
        try link.send(.ask, AskMessage(paths: paths).encoded())
    }

    /// The next paths to ask about, in scan order; few enough that their answers fit into the window of undecided changes.
    static func takeAsk(_ rest: inout ArraySlice<TreePath>) -> [TreePath] {
        var paths: [TreePath] = []
        var bytes = 0
        while let path = rest.first, paths.count < ChangesMessage.recordsMax, bytes < ChangesMessage.bytesTarget {
            rest.removeFirst()
            paths.append(path)
            bytes += path.key.count + 8
        }
        return paths
    }

    /// An answer has what was asked about, in that order; what the source lacks is left out.
    func checkAsked(_ path: TreePath) throws(HeadwaterError) {
        guard let position = asked?.firstIndex(of: path) else {
            throw .protocolBroken(WireFault("an answer about what was not asked"))
        }
        asked = asked![(position + 1)...]
    }
}
