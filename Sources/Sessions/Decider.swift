import Content
import Core
import Platform
import Reconciliation
import Roots
import Snapshots
import Wire

/// A file whose content is on its way.
struct WantedFile {
    var index: Int
    var path: TreePath
    var attributes: Attributes
    /// What stands at the path, to be compared right before it is replaced.
    var expected: Expected
    /// The digest of what stands there, where that may be what is wanted.
    var has: Digest?
    /// What stands there, for a `same`: its attributes and identity when it was digested.
    var found: (attributes: Attributes, identity: LocalIdentity)?
    /// A directory stands there, so that it can be published only after the removals.
    var replacesDirectory: Bool
    /// The mode that the file keeps at this end; nil: the source's.
    var modeHere: UInt16?

    /// What the file is to be here, where the source's is so.
    func here(_ attributes: Attributes) -> Attributes {
        var here = attributes
        here.mode = modeHere ?? attributes.mode
        return here
    }
}

/// One step that is ready to be applied and recorded.
struct Planned {
    /// The change that asks for it, or `noIndex`.
    var index: Int
    var path: TreePath
    /// Nil for a removal and for a conflict.
    var agreed: AgreedEntry?
    /// What the row becomes.
    var state = RowState.agreed
    /// Nil where the tree is right already and only the row is to be made.
    var operation: Operation?
    /// The row is to say that both sides changed the path.
    var flag: Conflict?
    /// Nothing is agreed yet: the row stays as it is.
    var isUnrecorded = false
    /// For a row without an operation: what stands there.
    var identity: LocalIdentity?
    var replacesDirectory = false
    /// Stands for `index` in a step that no change of the source asked for.
    static let noIndex = -1
}

struct Removal {
    /// The change that asks for it, or `Planned.noIndex`: for what a mirror has beyond its source.
    var index: Int
    var path: TreePath
    var expected: Expected
    /// The row stays as it is: the other end has yet to hear of it.
    var isUnrecorded = false
}

/// Looks at this end's tree and rows to say what each change of the source means here. Decisions are `Reconciliation`'s.
final class Decider {
    enum Verdict {
        case nothing
        case apply(Planned)
        case removeLater(Removal)
        case want(WantedFile)
        case problem(HeadwaterError)
        /// Left alone, since this end cannot look there; a problem the first time that this directory matters.
        case unknown(HeadwaterError?)
    }

    let end: SessionEnd
    private let reader: CacheReader
    private var image: TreeImage?
    private var unknown: UnknownGround?
    private let hasRows: Bool
    private let policy: SessionPolicy
    private var repaired: Set<TreePath> = []
    /// Agreed directories that are gone or something else here, and stay so until something below them comes.
    private var keptAway: Set<TreePath> = []
    private var surplus: Surplus?

    init(end: SessionEnd) {
        self.end = end
        policy = end.policy
        reader = end.root.cache.openReader()
        hasRows = end.rowCount > 0
    }

    deinit { reader.close() }

    /// Where this tree is not as the last cycle left it, in scan order.
    struct Drift {
        /// Agreed directories that are gone, or something else now: what is below them needs them first.
        var directories: [TreePath] = []
        var others: [TreePath] = []
        /// Directories of which only the time is another one: what was put beside what is agreed has done that.
        var times: [TreePath] = []
        /// Agreed paths whose place is taken by what is not synced.
        var blocked: [TreePath] = []
        /// Agreed directories that cannot be read or must not be entered.
        var unknown: [HeadwaterError] = []
    }

    /// Finds the drift; what was only touched is refreshed in the rows.
    ///
    /// - Parameter isCancelled: asked now and then, since content may have to be read; nothing has been changed by then.
    func findDrift(_ image: TreeImage, unless isCancelled: () -> Bool) throws(HeadwaterError) -> Drift {
        begin(image)
        if policy.mirror { surplus = Surplus(image, end.filter) }
        var drift = Drift()
        guard hasRows else { return drift }
        for (path, _) in end.filter.visible(image.problems) {
            if end.neverSynced.covers(path) { continue }
            let isAgreed = path.isRoot ? true : try end.row(at: path) != nil
            if isAgreed, let problem = unknown!.problem(of: path) { drift.unknown.append(problem) }
        }
        var comparison = try TreeComparison(image, end.filter, try end.rows(), without: end.neverSynced)
        var verified: [RowChange] = []
        while let difference = try comparison.next() {
            switch difference {
            case .created, .conflict, .residue: continue
            case .blocked(let row, let kind): if kind == .untracked { drift.blocked.append(row.path) }
            case .changed(let path, let entry, let row):
                drift.add(path, row, entry.attributes.synced)
            case .deleted(let row): drift.add(row.path, row, nil)
            case .unverified(let path, let entry, let row):
                if isCancelled() { throw .cancelled }
                if try end.hasAgreedContent(path, entry.attributes, entry.identity, row, reader: reader) {
                    verified.append(.local(path, entry.identity))
                    if verified.count >= Decider.verifiedMax { try flush(&verified) }
                } else {
                    drift.others.append(path)
                }
            }
        }
        try flush(&verified)
        if policy.drift == .keep { keptAway = Set(drift.directories) }
        return drift
    }

    /// Decides from here on by what this scan found.
    func begin(_ image: TreeImage) {
        self.image = image
        unknown = UnknownGround(image)
    }

    /// Rows whose local half was found out again, kept at most until they are written.
    static let verifiedMax = 4096

    private func flush(_ verified: inout [RowChange]) throws(HeadwaterError) {
        try end.refresh(verified)
        verified = []
    }

    /// The digest of what the scan found at a path, read if need be; nil where it cannot be read.
    func digest(_ path: TreePath, _ attributes: Attributes, _ identity: LocalIdentity) -> Digest? {
        if attributes.kind == .symlink { return (try? reader.readLink(path)).map { Hash.digest($0) } }
        return try? reader.digest(ReadRequest(path: path, attributes: attributes, identity: identity)).get()
    }

    // MARK: For the policies

    var hasKeptAway: Bool { !keptAway.isEmpty }

    func takeKeptAway(_ path: TreePath) -> Bool { keptAway.remove(path) != nil }

    func claim(at path: TreePath, withBelow: Bool) { surplus?.claim(at: path, withBelow: withBelow) }

    func takeSurplus() -> Surplus? {
        defer { surplus = nil }
        return surplus
    }

    func expected(at path: TreePath) -> Expected {
        image!.index(of: path).map { Found(image!, $0, path, end.filter).expected } ?? .absent
    }

    /// A directory that was put back ahead of the changes: the image knows it as it was before.
    func noteRepaired(_ path: TreePath) { repaired.insert(path) }

    func decide(_ index: Int, _ record: ChangeRecord) throws(HeadwaterError) -> Verdict {
        let path = record.path
        if end.neverSynced.covers(path) { return .nothing }
        let standing = hasRows ? try end.standingRow(at: path) : nil
        let row = standing?.state == .agreed || standing?.state == .withheld ? standing : nil
        if record.state == .absent && (standing == nil || standing!.state == .withheld) { return .nothing }
        if let kind = record.attributes?.kind ?? row?.agreed.attributes.kind, end.filter.hides(path, kind) {
            throw .protocolBroken(WireFault("a change of \(path), which the filter excludes"))
        }
        let place = image!.index(of: path)
        if let place, record.state != .absent { surplus?.claim(place) }
        let found = repaired.contains(path) ? nil : place.map { Found(image!, $0, path, end.filter) }
        let source = record.attributes.map { SourceState.present($0) } ?? .absent
        // What is withheld is not even looked at.
        if policy.delete != .never || record.state != .absent,
            let ground = unknown!.hiding(path, found: found?.rawKind, wanted: record.attributes?.kind)
        {
            return .unknown(unknown!.problem(of: ground))
        }
        if case .conflict(let conflict) = record.state {
            return .apply(Planned(index: index, path: path, flag: conflict, identity: found?.identity))
        }
        let target = try state(path, found, row, isDeleted: record.state == .absent)
        if case .touchedFile = record.state, let found, let row, found.rawKind == .file,
            case .present(_, isUntouched: true, _) = target
        {
            var plan = planned(
                index, record, .setAttributes(path, record.attributes!, expected: found.expected))
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
                Planned(
                    index: index, path: path, agreed: row!.agreed, state: .withheld, operation: nil,
                    identity: row!.local))
        case .forget, .remove: return .removeLater(Removal(index: index, path: path, expected: expected))
        case .adopt:
            return .apply(
                Planned(index: index, path: path, agreed: agreed(record), operation: nil, identity: found!.identity))
        case .setAttributes:
            return .apply(planned(index, record, .setAttributes(path, record.attributes!, expected: expected)))
        case .makeDirectory:
            return .apply(planned(index, record, .makeDirectory(path, record.attributes!, expected: expected)))
        case .makeSymlink: return symlink(index, record, found, expected)
        case .fetch(let replaces):
            return .want(
                wanted(index, record, expected, replacesDirectory: replaces && found?.attributes.kind == .directory))
        case .fetchUnlessSame(let mayTrustRow):
            return .want(try candidate(index, record, found!, expected, mayTrustRow ? row?.agreed.digest : nil))
        }
    }

    // MARK: Parts

    private struct Found {
        var attributes: Attributes
        var identity: LocalIdentity
        var rawKind: EntryKind

        init(_ image: TreeImage, _ index: Int, _ path: TreePath, _ filter: SessionFilter) {
            attributes = image.attributes(at: index).synced
            identity = image.identity(at: index)
            // What is excluded here and not at the source is of another kind there.
            rawKind = filter.kind(of: path, at: index, in: image)
        }

        var expected: Expected { .present(attributes.kind, identity, size: attributes.size, mode: attributes.mode) }
    }

    private func state(_ path: TreePath, _ found: Found?, _ row: Row?, isDeleted: Bool) throws(HeadwaterError)
        -> TargetState
    {
        guard let found else { return .absent }
        switch found.rawKind {
        case .untracked, .problem: return .unsynced
        case .file, .directory, .symlink:
            let isUntouched =
                row.map { EntryStanding(of: found.attributes, found.identity, against: $0) == .untouched } ?? false
            // To look costs reading: only where it decides.
            let isLookedAt = isDeleted && policy.drift == .keep && !isUntouched
            let isOther = isLookedAt ? try hasOtherContent(path, found, row!) : false
            return .present(found.attributes, isUntouched: isUntouched, hasOtherContent: isOther)
        }
    }

    private func hasOtherContent(_ path: TreePath, _ found: Found, _ row: Row) throws(HeadwaterError) -> Bool {
        if found.attributes.kind != row.agreed.attributes.kind { return true }
        if found.attributes.kind == .directory { return false }
        if found.attributes.size != row.agreed.attributes.size { return true }
        return try !end.hasAgreedContent(path, found.attributes, found.identity, row, reader: reader)
    }

    private func agreed(_ record: ChangeRecord) -> AgreedEntry {
        var digest: Digest?
        if case .symlink(let target, _) = record.state { digest = Hash.digest(target) }
        return AgreedEntry(attributes: record.attributes!, digest: digest)
    }

    private func planned(_ index: Int, _ record: ChangeRecord, _ operation: Operation) -> Planned {
        Planned(index: index, path: record.path, agreed: agreed(record), operation: operation)
    }

    private func symlink(_ index: Int, _ record: ChangeRecord, _ found: Found?, _ expected: Expected) -> Verdict {
        guard case .symlink(let target, _) = record.state else {
            preconditionFailure("a symlink's record carries its target")
        }
        let attributes = record.attributes!
        if let found, found.attributes.kind == .symlink, (try? reader.readLink(record.path)) == target {
            if found.attributes.mtime == attributes.mtime {
                return .apply(
                    Planned(
                        index: index, path: record.path, agreed: agreed(record), operation: nil,
                        identity: found.identity))
            }
            return .apply(planned(index, record, .setAttributes(record.path, attributes, expected: expected)))
        }
        var plan = planned(index, record, .putSymlink(record.path, target: target, attributes, expected: expected))
        plan.replacesDirectory = found?.attributes.kind == .directory
        return .apply(plan)
    }

    private func wanted(_ index: Int, _ record: ChangeRecord, _ expected: Expected, replacesDirectory: Bool)
        -> WantedFile
    {
        WantedFile(
            index: index, path: record.path, attributes: record.attributes!, expected: expected, has: nil, found: nil,
            replacesDirectory: replacesDirectory)
    }

    /// A file of the right size stands there: its digest goes with the want.
    private func candidate(
        _ index: Int, _ record: ChangeRecord, _ found: Found, _ expected: Expected, _ known: Digest?
    ) throws(HeadwaterError) -> WantedFile {
        var file = wanted(index, record, expected, replacesDirectory: false)
        file.found = (found.attributes, found.identity)
        if let known {
            file.has = known
        } else {
            file.has = digest(record.path, found.attributes, found.identity)
        }
        return file
    }
}

extension Decider.Drift {
    /// - Parameter found: what stands there now; nil: nothing.
    fileprivate mutating func add(_ path: TreePath, _ row: Row, _ found: Attributes?) {
        if row.agreed.attributes.kind != .directory {
            others.append(path)
        } else if found?.kind != .directory {
            directories.append(path)
        } else if found?.mode == row.agreed.attributes.mode {
            times.append(path)
        } else {
            others.append(path)
        }
    }
}
