import Core
import Roots
import Wire

/// What a source has renamed, ahead of all changes: done where it can be, so that what follows finds the entries under their new names.
extension Target {
    /// Takes all renames; returns whether anything in the tree or the rows is under another name afterwards.
    func takeRenames() throws(HeadwaterError) -> Bool {
        let renames = RenameTarget(end, stage, forecast) { [inbox] in inbox.isCancelled }
        // What this end has announced must not be forgotten, and what is only planned cannot be seen: see `treeAfterRenames`.
        if announcedImage != nil || end.isPlan { batch.renamings = [] }
        batch.isRenaming = true
        while !isRenamed && !stopping {
            while !isRenamed && !renameFrames.isEmpty { try take(renameFrames.removeFirst(), renames) }
            if !isRenamed, let item = try inbox.next() { try handle(item) }
        }
        batch.isRenaming = false
        try batch.closeRenames()
        return batch.hasRenamed
    }

    private func take(_ message: RenamesMessage, _ renames: RenameTarget) throws(HeadwaterError) {
        for (offset, step) in message.steps.enumerated() where !stopping {
            let planned = try renames.decide(message.firstIndex + offset, step) { () throws(HeadwaterError) in
                try carryOut()
            }
            if let planned { batch.add(planned.step, planned.content) }
            if batch.isFull { try carryOut() }
        }
        try carryOut()
        isRenamed = message.isLast
        // Answers that came behind it are taken already.
        let isAllDecided = renameFrames.isEmpty && undecided.isEmpty
        let through = isAllDecided ? received : message.firstIndex + message.steps.count
        if through > decidedBefore { try say(decidedBefore: through, []) }
    }

    /// What was not achieved comes again as a change, and is told then if it has to be.
    private func carryOut() throws(HeadwaterError) { _ = try batch.apply() }

    /// Whether changes may come. They may be here before the renames are carried out: a halt on drift is looked for first.
    var hasAllRenames: Bool { isRenamed || renameFrames.last?.isLast ?? false }

    func accept(_ message: RenamesMessage) throws(HeadwaterError) {
        guard message.firstIndex == received, !hasAllRenames else {
            throw .protocolBroken(WireFault("renames from \(message.firstIndex) on where \(received) was due"))
        }
        received += message.steps.count
        renameFrames.append(message)
        let waiting = renameFrames.reduce(0) { $0 + $1.steps.count }
        guard waiting <= Source.recordsInFlightMax + 2 * RenamesMessage.stepsMax else {
            throw .protocolBroken(WireFault("too many undecided renames"))
        }
    }
}
