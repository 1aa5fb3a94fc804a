import Content
import Core

/// What one change of a source means at the target.
package enum Verdict: Sendable {
    case nothing
    case apply(PlannedStep)
    case removeLater(Removal)
    case want(WantedFile)
    case problem(HeadwaterError)
    /// Left alone, since this end cannot look there; a problem the first time that this directory matters.
    case unknown(HeadwaterError?)
}

/// Looks at this end's tree and rows to say what each change of the source means here. Decisions are `Reconciliation`'s.
package final class Decider<View: EndView> {
    /// This end, as it is when deciding begins.
    package let view: View
    private var unknown: UnknownGround
    private let hasRows: Bool
    private let policy: SessionPolicy
    private var repaired: Set<TreePath> = []
    /// Agreed directories that are gone or something else here, and stay so until something below them comes.
    private var keptAway: Set<TreePath> = []
    private var surplus: Surplus<View>?

    /// - Parameter view: this end, as it is when deciding begins.
    package init(_ view: View) {
        self.view = view
        policy = view.policy
        hasRows = view.hasRows
        unknown = UnknownGround(view.unknownPlaces)
    }

    /// Finds the drift; what was only touched is refreshed in the rows.
    ///
    /// - Parameter check: asked now and then, since content may have to be read; nothing has been changed by then.
    package func findDrift(_ check: () throws(HeadwaterError) -> Void) throws(HeadwaterError) -> Drift {
        if policy.mirror { surplus = Surplus(view) }
        var drift = Drift()
        guard hasRows else { return drift }
        for path in view.visibleProblems where !view.neverSynced.covers(path) {
            let isAgreed = path.isRoot ? true : try view.row(at: path) != nil
            if isAgreed, let problem = unknown.problem(of: path) { drift.unknown.append(problem) }
        }
        let differences = try view.differences()
        var verified: [RowChange] = []
        while let difference = try differences.next() {
            if difference.row?.state == .kept { continue }
            switch difference {
            case .created, .conflict, .residue: continue
            case .blocked(let row, let kind): if kind == .untracked { drift.blocked.append(row.path) }
            case .changed(let path, let entry, let row):
                drift.add(path, row, view.preserved.seen(path, entry, row), view.preserved)
            case .deleted(let row): drift.add(row.path, row, nil, view.preserved)
            case .unverified(let path, let entry, let row):
                try check()
                if view.hasAgreedContent(path, entry.attributes, entry.identity, row) {
                    verified.append(.local(path, entry.identity))
                    if verified.count >= RowChange.verifiedMax { try flush(&verified) }
                } else {
                    if view.isSilentChange(path, entry, row) { drift.silent.append(path) }
                    drift.others.append(path)
                }
            }
        }
        try flush(&verified)
        if policy.drift == .keep { keptAway = Set(drift.directories) }
        return drift
    }

    private func flush(_ verified: inout [RowChange]) throws(HeadwaterError) {
        try view.refresh(verified)
        verified = []
    }

    // MARK: Residues

    /// Directories that were kept for what was in them go when nothing is. The next announcement of this end says so.
    ///
    /// - Parameter removed: what is removed beside; it holds nothing up.
    package func emptyResidues(besides removed: Set<TreePath>) throws(HeadwaterError) -> [Removal] {
        var going = removed
        var removals: [Removal] = []
        for path in try view.residues().reversed() where !going.contains(path) {
            if try !holdsNothing(path, but: going) { continue }
            going.insert(path)
            removals.append(Removal(path: path, expected: expected(at: path), isUnrecorded: true))
        }
        return removals
    }

    /// Whether nothing was found in a directory that was listed whole, but for directories that are going.
    private func holdsNothing(_ path: TreePath, but going: Set<TreePath>) throws(HeadwaterError) -> Bool {
        guard let found = view.found(at: path), found.attributes.kind == .directory, !found.isIncomplete else {
            return false
        }
        var isEmpty = true
        try view.visit(below: path) { path, _ in
            isEmpty = going.contains(path)
            return isEmpty
        }
        return isEmpty
    }

    // MARK: For the policies

    var hasKeptAway: Bool { !keptAway.isEmpty }

    func takeKeptAway(_ path: TreePath) -> Bool { keptAway.remove(path) != nil }

    func claim(at path: TreePath, withBelow: Bool) throws(HeadwaterError) {
        try surplus?.claim(at: path, withBelow: withBelow)
    }

    func takeSurplus() -> Surplus<View>? {
        defer { surplus = nil }
        return surplus
    }

    /// What stands at a path, to be compared right before it is changed.
    package func expected(at path: TreePath) -> Expected { view.found(at: path)?.expected ?? .absent }

    /// A directory that was put back ahead of the changes: the image knows it as it was before.
    package func noteRepaired(_ path: TreePath) { repaired.insert(path) }

    func isRepaired(_ path: TreePath) -> Bool { repaired.contains(path) }

    /// What one change of the source means here.
    package func decide(_ index: Int, _ record: ChangeRecord) throws(HeadwaterError) -> Verdict {
        let path = record.path
        if view.neverSynced.covers(path) { return .nothing }
        let standing = hasRows ? try view.standingRow(at: path) : nil
        let row = standing.flatMap { $0.state.hasAncestor ? $0 : nil }
        if record.state == .absent && (standing == nil || standing!.state == .withheld) { return .nothing }
        if let kind = record.attributes?.kind ?? row?.agreed.attributes.kind { try view.checkIsIncluded(path, kind) }
        let scanned = view.found(at: path)
        if let scanned, record.state != .absent { surplus?.claim(scanned.place) }
        noteLeaving(record, scanned)
        let found = repaired.contains(path) ? nil : scanned.map { view.looked(path, $0, standing) }
        let here = record.attributes.map { view.preserved.here($0, over: found?.attributes) }
        let source = here.map { SourceState.present($0) } ?? .absent
        // What is withheld is not even looked at.
        if policy.delete != .never || record.state != .absent,
            let ground = unknown.hiding(path, found: found?.kind, wanted: record.attributes?.kind)
        {
            return .unknown(unknown.problem(of: ground))
        }
        if case .conflict(let conflict) = record.state {
            return .apply(PlannedStep(index: index, path: path, flag: conflict, identity: found?.identity))
        }
        let target = state(path, found, row, isDeleted: record.state == .absent)
        if let verdict = linked(index, record, here, found) { return verdict }
        if case .touchedFile = record.state, let found, let row, found.kind == .file,
            case .present(_, isUntouched: true, _) = target
        {
            var plan = attributes(index, record, here!, found)
            plan.agreed?.digest = row.agreed.digest
            return .apply(plan)
        }
        let decision = decidePush(source: source, target: target, agreed: row?.agreed, policy: policy)
        let expected = found?.expected ?? .absent
        switch decision {
        case .blocked: return .problem(.blocked(path))
        case .keepChanged: return .problem(.keptChanged(path))
        case .withhold:
            return .apply(
                PlannedStep(
                    index: index, path: path, agreed: row!.agreed, state: .withheld, identity: row!.local))
        case .forget, .remove: return .removeLater(Removal(index: index, path: path, expected: expected))
        case .adopt:
            return .apply(
                PlannedStep(index: index, path: path, agreed: agreed(record), identity: found!.identity))
        case .setAttributes: return .apply(attributes(index, record, here!, found!))
        case .makeDirectory: return .apply(planned(index, record, .makeDirectory(here!), expected))
        case .makeSymlink: return symlink(index, record, found, expected)
        case .fetch(let replaces):
            var file = wanted(
                index, record, found, expected, replacesDirectory: replaces && found?.attributes.kind == .directory)
            if case .present(_, isUntouched: true, _) = target { file.mayBuild(on: row?.agreed) }
            return .want(file)
        case .fetchUnlessSame(let mayTrustRow):
            return .want(candidate(index, record, found!, expected, mayTrustRow ? row?.agreed.digest : nil))
        }
    }

    // MARK: Parts

    private func state(_ path: TreePath, _ found: Found?, _ row: Row?, isDeleted: Bool) -> TargetState {
        guard let found else { return .absent }
        switch found.kind {
        case .untracked, .problem: return .unsynced
        case .file, .directory, .symlink:
            let isUntouched =
                row.map {
                    EntryStanding(
                        of: found.attributes, found.identity, against: $0, view.preserved, view.isVerifying)
                        == .untouched
                }
                ?? false
            // To look costs reading: only where it decides.
            let isLookedAt = isDeleted && policy.drift == .keep && !isUntouched
            let isOther = isLookedAt ? hasOtherContent(path, found, row!) : false
            return .present(found.attributes, isUntouched: isUntouched, hasOtherContent: isOther)
        }
    }

    private func hasOtherContent(_ path: TreePath, _ found: Found, _ row: Row) -> Bool {
        if found.attributes.kind != row.agreed.attributes.kind { return true }
        if found.attributes.kind == .directory { return false }
        if found.attributes.size != row.agreed.attributes.size { return true }
        return !view.hasAgreedContent(path, found.attributes, found.identity, row)
    }

    private func agreed(_ record: ChangeRecord) -> AgreedEntry {
        var digest: Digest?
        if case .symlink(let target, _, _) = record.state { digest = Hash.digest(target) }
        return AgreedEntry(attributes: record.attributes!, digest: digest)
    }

    /// Makes what stands there as it is to be; nothing is done where it is so.
    private func attributes(_ index: Int, _ record: ChangeRecord, _ here: Attributes, _ found: Found) -> PlannedStep {
        if here == found.attributes {
            return PlannedStep(index: index, path: record.path, agreed: agreed(record), identity: found.identity)
        }
        return planned(index, record, .setAttributes(here), found.expected)
    }

    private func planned(
        _ index: Int, _ record: ChangeRecord, _ action: PlannedStep.Action, _ expected: Expected
    ) -> PlannedStep {
        PlannedStep(index: index, path: record.path, agreed: agreed(record), action: action, expected: expected)
    }

    private func symlink(_ index: Int, _ record: ChangeRecord, _ found: Found?, _ expected: Expected) -> Verdict {
        guard case .symlink(let target, _, _) = record.state else {
            preconditionFailure("a symlink's record carries its target")
        }
        let here = view.preserved.here(record.attributes!, over: found?.attributes)
        if let found, found.attributes.kind == .symlink, view.linkTarget(at: record.path) == target {
            return .apply(attributes(index, record, here, found))
        }
        var plan = planned(index, record, .putSymlink(target: target, here), expected)
        plan.replacesDirectory = found?.attributes.kind == .directory
        return .apply(plan)
    }

    private func wanted(
        _ index: Int, _ record: ChangeRecord, _ found: Found?, _ expected: Expected, replacesDirectory: Bool
    ) -> WantedFile {
        WantedFile(
            index: index, path: record.path, attributes: record.attributes!, expected: expected,
            standing: found?.attributes, replacesDirectory: replacesDirectory)
    }

    /// A file of the right size stands there: its digest goes with the want.
    private func candidate(
        _ index: Int, _ record: ChangeRecord, _ found: Found, _ expected: Expected, _ known: Digest?
    ) -> WantedFile {
        var file = wanted(index, record, found, expected, replacesDirectory: false)
        file.found = found
        file.has = known ?? view.digest(at: record.path, found.attributes, found.identity)
        file.mayBuild(on: AgreedEntry(attributes: found.attributes, digest: file.has))
        return file
    }
}
