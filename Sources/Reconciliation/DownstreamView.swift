import Content
import Core

/// One path as it is here.
package struct Standing: Sendable {
    var path: TreePath
    var agreed: AgreedEntry?
    var row: Row?
    var change: SideChange
    /// Nil where nothing stands.
    var attributes: Attributes?
    var identity: LocalIdentity?
    var expected: Expected = .absent
    /// `agreed` as this end can have it, to be compared with what stands here.
    var agreedHere: AgreedEntry?

    var kind: EntryKind? { attributes?.kind }

    /// A directory that the other end kept, and this one does not have.
    var isResidueElsewhere: Bool { row?.state == .residue && attributes == nil }

    /// Whether this side is what the conflict was flagged with, as far as can be told without reading.
    func isAsFlagged(_ conflict: Conflict) -> Bool {
        guard let attributes else { return conflict.downstream == nil }
        return attributes.isAsFlagged(conflict.downstream?.attributes)
            && (attributes.kind == .directory || identity == row?.local)
    }
}

/// The downstream end's own side of a bidirectional cycle, path by path: what its scan found, beside what its rows say.
///
/// Content is read only where both sides changed a path and its size does not tell.
final class DownstreamView<View: EndView> {
    private let view: View
    private var ground: UnknownGround
    /// The last directory below which all was found as agreed.
    private var clean: TreePath?

    init(_ view: View) {
        self.view = view
        ground = UnknownGround(view.unknownPlaces)
    }

    func isNeverSynced(_ path: TreePath) -> Bool { view.neverSynced.covers(path) }

    /// The problem of a place that cannot be looked at, once; nil inside where it was told before, nil outside where all is well.
    func unknownGround(_ record: ChangeRecord) -> HeadwaterError?? {
        let found = view.found(at: record.path)?.attributes.kind
        guard let place = ground.hiding(record.path, found: found, wanted: record.attributes?.kind) else { return nil }
        return .some(ground.problem(of: place))
    }

    func standing(at path: TreePath) throws(HeadwaterError) -> Standing {
        try standing(at: path, view.found(at: path))
    }

    private func standing(at path: TreePath, _ found: Found?) throws(HeadwaterError) -> Standing {
        let row = try view.standingRow(at: path)
        let agreed = row.flatMap { $0.state.hasAncestor ? $0.agreed : nil }
        guard let found = found.map({ view.looked(path, $0, row) }) else {
            return Standing(
                path: path, agreed: agreed, row: row, change: agreed == nil ? .none : .gone, agreedHere: agreed)
        }
        var standing = Standing(
            path: path, agreed: agreed, row: row, change: .unsynced, attributes: found.attributes,
            identity: found.identity, expected: found.expected,
            agreedHere: agreed.map { here($0, over: found.attributes) })
        if found.kind.isSynced { standing.change = change(standing) }
        return standing
    }

    private func change(_ found: Standing) -> SideChange {
        let attributes = found.attributes!
        guard let agreed = found.agreed, let row = found.row else {
            return .content(AgreedEntry(attributes: attributes, digest: linkDigest(found)))
        }
        let standing = EntryStanding(
            of: attributes, found.identity!, against: row, view.preserved, view.isVerifying)
        if standing == .untouched { return .none }
        if attributes.kind == .directory && agreed.isDirectory {
            return view.preserved.isSame(attributes, as: agreed.attributes) ? .none : .attributes(attributes)
        }
        if attributes.kind == agreed.attributes.kind, attributes.size == agreed.attributes.size {
            guard let digest = digest(found) else { return .unsynced }
            if digest == agreed.digest { return standing == .unverified ? .none : .attributes(attributes) }
            return .content(AgreedEntry(attributes: attributes, digest: digest))
        }
        return .content(AgreedEntry(attributes: attributes, digest: linkDigest(found)))
    }

    /// What both ends have or are to have, as it can be here in place of what stands.
    private func here(_ entry: AgreedEntry, over standing: Attributes?) -> AgreedEntry {
        var here = entry
        here.attributes = view.preserved.here(entry.attributes, over: standing)
        return here
    }

    /// What the upstream end did, as it can be done here.
    func here(_ change: SideChange, _ mine: Standing) -> SideChange {
        switch change {
        case .attributes(let attributes): .attributes(view.preserved.here(attributes, over: mine.attributes))
        case .content(let entry): .content(here(entry, over: mine.attributes))
        case .none, .gone, .unsynced: change
        }
    }

    /// What stands here with its digest, read where it is not known yet; nil where nothing stands.
    func version(_ found: Standing) -> AgreedEntry? {
        guard let attributes = found.attributes else { return nil }
        if case .content(let entry) = found.change, entry.digest != nil { return entry }
        if case .none = found.change { return found.agreed }
        return AgreedEntry(attributes: attributes, digest: digest(found))
    }

    private func linkDigest(_ found: Standing) -> Digest? { found.kind == .symlink ? digest(found) : nil }

    private func digest(_ found: Standing) -> Digest? {
        guard let attributes = found.attributes, let identity = found.identity else { return nil }
        return view.digest(at: found.path, attributes, identity)
    }

    // MARK: Around a path

    /// An agreed directory, and what stands here in its place.
    typealias Taken = (path: TreePath, agreed: AgreedEntry, now: AgreedEntry?, identity: LocalIdentity?)

    /// What leads to a path that is not here.
    enum Way {
        case clear
        /// The nearest directory above that was agreed on is something else here.
        case taken(Taken)
        /// Something that is not synced stands in the way.
        case unsynced(TreePath)
        /// Something that was never a directory for both does.
        case barred
    }

    func way(to path: TreePath) throws(HeadwaterError) -> Way {
        var above = path
        while !above.isRoot {
            above = above.parent
            let found = try standing(at: above)
            guard found.attributes != nil else { continue }
            if found.change == .unsynced { return .unsynced(above) }
            if found.kind == .directory { return .clear }
            guard let agreed = found.agreed, agreed.isDirectory else { return .barred }
            return .taken((above, agreed, version(found), found.identity))
        }
        return .clear
    }

    /// An agreed directory that is not here any more; nil where it is, or where none is agreed.
    func missingDirectory(_ path: TreePath) throws(HeadwaterError) -> AgreedEntry? {
        if view.found(at: path) != nil { return nil }
        guard let agreed = try view.row(at: path)?.agreed, agreed.isDirectory else { return nil }
        return agreed
    }

    /// The agreed paths below any of these directories that are not here, in scan order. Reads all rows.
    func lacking(below directories: [TreePath]) throws(HeadwaterError) -> [TreePath] {
        guard !directories.isEmpty, var rows = try view.allRows() else { return [] }
        var found: [TreePath] = []
        while let row = try rows.next() {
            guard row.state == .agreed, directories.contains(where: { $0.contains(row.path) && $0 != row.path }),
                view.found(at: row.path) == nil
            else { continue }
            found.append(row.path)
        }
        return found
    }

    /// What this side did below a directory that is agreed and stands here.
    func below(_ path: TreePath) throws(HeadwaterError) -> BelowDirectory {
        if let clean, clean.contains(path) { return [] }
        var below: BelowDirectory = []
        var conflict: TreePath?
        try view.visit(below: path) { (path, found) throws(HeadwaterError) in
            var share = try share(path, found)
            // What is new in a directory that is in conflict waits with it, and needs no way to it.
            if conflict?.contains(path) ?? false {
                share.remove(.created)
            } else if found.kind == .directory {
                let isInConflict = share.contains(.changed) ? true : try isInConflict(path)
                if isInConflict { conflict = path }
            }
            below.formUnion(share)
            return true
        }
        if view.found(at: path)?.isIncomplete ?? false { below.insert(.unsynced) }
        if below.isEmpty { clean = path }
        return below
    }

    private func isInConflict(_ path: TreePath) throws(HeadwaterError) -> Bool {
        try view.standingRow(at: path)?.state == .conflict
    }

    private func share(_ path: TreePath, _ found: Found) throws(HeadwaterError) -> BelowDirectory {
        if found.isIncomplete { return .unsynced }
        let found = try standing(at: path, found)
        // Neither is news: a directory that was kept, and a path in conflict.
        if found.row?.state == .conflict || (found.row?.state == .residue && found.kind == .directory) { return [] }
        switch found.change {
        case .content: return found.agreed == nil ? .created : .changed
        case .unsynced: return .unsynced
        case .none, .gone, .attributes: return []
        }
    }
}

extension ChangeRecord {
    /// A file that was sent for it, with the metadata that was announced: content comes without.
    func whole(_ sent: AgreedEntry) -> AgreedEntry {
        var whole = sent
        whole.attributes.metadata = attributes?.metadata
        return whole
    }

    /// What the upstream end says of a path, beside what was agreed.
    ///
    /// - Parameter sent: the file with its digest, where it was asked for.
    func change(since agreed: AgreedEntry?, _ sent: AgreedEntry?) -> SideChange {
        switch state {
        case .absent: return .gone
        case .conflict: return .none
        case .touchedFile(let attributes): return .attributes(attributes)
        case .directory:
            let attributes = attributes!
            return agreed?.isDirectory ?? false
                ? .attributes(attributes) : .content(AgreedEntry(attributes: attributes, digest: nil))
        case .symlink(let target, _, _):
            let entry = AgreedEntry(attributes: attributes!, digest: Hash.digest(target))
            return agreed.map(entry.hasContent(of:)) ?? false ? .attributes(entry.attributes) : .content(entry)
        case .file(let attributes):
            return .content(sent ?? AgreedEntry(attributes: attributes, digest: nil))
        }
    }
}
