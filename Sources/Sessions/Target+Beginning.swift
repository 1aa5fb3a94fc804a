import Core
import Reconciliation
import Roots

/// What a target does before all changes: it looks at its tree, has renamed what the source has renamed, and finds what only it has changed.
extension Target {
    /// What comes before all changes; returns the tree that these are decided by.
    func begin() throws(HeadwaterError) -> TreeImage {
        var image = if let announcedImage { announcedImage } else { try end.view() }
        forecast?.image = image
        try end.checkRoot(image)
        for rescued in stage?.rescued ?? [] { note(problem: .rescued(rescued)) }
        look(at: image)
        // While the source still looks for what was renamed.
        var drift = try findDrift()
        if end.policy.drift == .halt { try haltOnDrift(drift) }
        if try takeRenames() {
            image = try treeAfterRenames(image)
            try forecast?.note(renamed: image)
            look(at: image)
            drift = try findDrift()
        }
        if end.isBidi {
            try beginBidi()
        } else {
            try repair(drift)
            try beginConflicts()
        }
        return image
    }

    /// What only this end has changed; in a bidirectional session that is no drift.
    private func findDrift() throws(HeadwaterError) -> Drift {
        if end.isBidi { return Drift() }
        return try decider.findDrift { () throws(HeadwaterError) in if inbox.isCancelled { throw .cancelled } }
    }

    /// Has put right what only this end has changed, as the policy says.
    private func repair(_ found: Drift) throws(HeadwaterError) {
        for path in found.blocked { note(problem: .blocked(path)) }
        for problem in found.unknown { note(problem: problem) }
        for path in found.silent { note(problem: .changedSilently(path, isUpstream: false)) }
        if end.policy.drift != .keep {
            drift = Set(found.others + found.times)
            try repair(found.directories)
        }
    }

    /// The tree that the changes are decided by, once something has another name.
    ///
    /// In the second direction it is the one that this end announced its own changes by, with the renames in it: a scan would show what was
    /// changed since, which nobody has decided about. In a plan a scan would show nothing of them.
    private func treeAfterRenames(_ image: TreeImage) throws(HeadwaterError) -> TreeImage {
        guard let renamings = batch.renamings else { return try end.view() }
        batch.renamings = nil
        if let after = image.after(renamings) { return after }
        if end.isPlan { throw .unforeseeable(end.root.givenPath) }
        return image
    }
}
