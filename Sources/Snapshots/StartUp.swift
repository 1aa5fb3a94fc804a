import Core

/// Decides at the hello whether a cycle may begin, and how: the two tables of "Two ends, one truth". Pure.
///
/// No ancestor is ever guessed. A kill, a cut or a power loss at any moment leads to a first cycle or an incremental one, never to a
/// refusal; what no such event explains refuses.
package struct StartUp: Sendable {
    private let local: EndState
    private let remote: EndState
    private let terms: SessionTerms
    private let filterDigest: Digest

    /// - Parameters:
    ///   - terms: what is now asked for, as the local end sees it.
    ///   - filterDigest: of the filter now asked for.
    package init(local: EndState, remote: EndState, terms: SessionTerms, filterDigest: Digest) {
        self.local = local
        self.remote = remote
        self.terms = terms
        self.filterDigest = filterDigest
    }

    /// - Parameter newID: the name for a snapshot that has to be made; random.
    package func decide(newID: SnapshotID) -> StartDecision {
        if let error = unusable() { return .refuse(error) }
        let stale = staleEnd()
        if let error = changedTerms(but: stale) { return .refuse(error) }
        if let stale, let fresh = stale == .remote ? local.meta : remote.meta {
            return .firstCycle(.init(id: fresh.id, creates: [stale]))
        }
        switch (local.meta, remote.meta) {
        case (nil, nil): return begin(newID, creating: [.local, .remote])
        case (let meta?, nil): return oneSided(meta, missing: .remote)
        case (nil, let meta?): return oneSided(meta, missing: .local)
        case (let here?, let there?): return both(here, there)
        }
    }

    /// What `--reset` does: both ends make new snapshots that name the other end's old one, so that a reset killed between the two
    /// is finished by the next start. A faulty or missing snapshot is replaced like any other.
    package func reset(newID: SnapshotID) -> StartDecision.FirstCycle {
        var replaces: [End: SnapshotID] = [:]
        replaces[.local] = remote.meta?.id ?? local.meta?.id
        replaces[.remote] = local.meta?.id ?? remote.meta?.id
        return StartDecision.FirstCycle(id: newID, creates: [.local, .remote], replaces: replaces)
    }

    private func both(_ here: SnapshotMeta, _ there: SnapshotMeta) -> StartDecision {
        if here.id != there.id { return .refuse(StartRefusal.otherSession(local.file, remote.file)) }
        if here.isFresh && there.isFresh { return begin(here.id, creating: []) }
        if there.mine < here.theirs {
            return .refuse(StartRefusal.restored(remote.file, .remote, has: there.mine, seen: here.theirs))
        }
        if here.mine < there.theirs {
            return .refuse(StartRefusal.restored(local.file, .local, has: here.mine, seen: there.theirs))
        }
        let decision = StartDecision.Incremental(
            localLacksAfter: there.mine > here.theirs ? here.theirs : nil,
            remoteLacksAfter: here.mine > there.theirs ? there.theirs : nil,
            filterChanged: here.filterDigest != filterDigest || there.filterDigest != filterDigest)
        let isLevel = decision.localLacksAfter == nil && decision.remoteLacksAfter == nil
        if isLevel, let error = StartUp.disagreement(here, there, file: local.file) { return .refuse(error) }
        return .incremental(decision)
    }

    /// Whether two snapshots that have recorded all of each other hold the same; also asked after catching up.
    package static func disagreement(_ here: SnapshotMeta, _ there: SnapshotMeta, file: String) -> HeadwaterError? {
        if here.sum == there.sum && here.counts.agreed == there.counts.agreed { return nil }
        return StartRefusal.diverged(file, here.counts.agreed, there.counts.agreed)
    }

    /// Both ends have their snapshot before the first publish, so one with numbers never stands alone unless the other was lost.
    private func oneSided(_ meta: SnapshotMeta, missing: End) -> StartDecision {
        if !meta.isFresh {
            // A renaming that reached one end only.
            if let former = (missing == .local ? local : remote).sibling {
                return .refuse(StartRefusal.renamed(former, terms.session, missing))
            }
            return .refuse(StartRefusal.missing(missing, file: missing == .local ? local.file : remote.file))
        }
        return begin(meta.id, creating: [missing])
    }

    /// The end that a killed reset did not reach: the other one's new snapshot names the old one found here.
    private func staleEnd() -> End? {
        guard let here = local.meta, let there = remote.meta, here.id != there.id else { return nil }
        if here.isFresh && here.replaces == there.id { return .remote }
        if there.isFresh && there.replaces == here.id { return .local }
        return nil
    }

    private func begin(_ id: SnapshotID, creating: Set<End>) -> StartDecision {
        for (end, state) in [(End.local, local), (.remote, remote)] where creating.contains(end) {
            if let former = state.sibling { return .refuse(StartRefusal.renamed(former, terms.session, end)) }
        }
        return .firstCycle(.init(id: id, creates: creating))
    }

    private func unusable() -> HeadwaterError? {
        for (end, state) in [(End.local, local), (.remote, remote)] {
            if case .refused(let fault) = state.snapshot {
                return fault.error(file: state.file, atPeer: end == .remote)
            }
        }
        return nil
    }

    /// - Parameter stale: an end whose snapshot is about to go; what it recorded no longer counts.
    private func changedTerms(but stale: End?) -> HeadwaterError? {
        for (end, state, wanted) in [(End.local, local, terms), (.remote, remote, terms.mirrored)] where end != stale {
            if let recorded = state.meta?.terms, recorded != wanted {
                return StartRefusal.changed(end, file: state.file, from: recorded, to: wanted)
            }
        }
        return nil
    }
}
