import Content
import Core
import Platform
import Reconciliation
import Roots
import Snapshots
import Wire

/// The downstream end's own side of a bidirectional cycle, path by path: what its scan found, beside what its rows say.
///
/// Content is read only where both sides changed a path and its size does not tell.
final class DownstreamView {
    /// One path as it is here.
    struct Standing {
        var path: TreePath
        var agreed: AgreedEntry?
        var row: Row?
        var change: SideChange
        /// Nil where nothing stands.
        var attributes: Attributes?
        var identity: LocalIdentity?
        var expected: Expected = .absent

        var kind: EntryKind? { attributes?.kind }

        /// A directory that the other end kept, and this one does not have.
        var isResidueElsewhere: Bool { row?.state == .residue && attributes == nil }

        /// Whether this side is what the conflict was flagged with, as far as can be told without reading.
        func isAsFlagged(_ conflict: Conflict) -> Bool {
            guard let attributes else { return conflict.downstream == nil }
            return conflict.downstream?.attributes == attributes
                && (attributes.kind == .directory || identity == row?.local)
        }
    }

    private let end: SessionEnd
    private let image: TreeImage
    private let decider: Decider
    private var ground: UnknownGround
    /// The last directory below which all was found as agreed.
    private var clean: TreePath?

    init(_ end: SessionEnd, _ image: TreeImage, _ decider: Decider) {
        self.end = end
        self.image = image
        self.decider = decider
        ground = UnknownGround(image)
    }

    func isNeverSynced(_ path: TreePath) -> Bool { end.neverSynced.covers(path) }

    /// The problem of a place that cannot be looked at, once; nil inside where it was told before, nil outside where all is well.
    func unknownGround(_ record: ChangeRecord) -> HeadwaterError?? {
        let found = image.index(of: record.path).map { image.kind(at: $0) }
        guard let place = ground.hiding(record.path, found: found, wanted: record.attributes?.kind) else { return nil }
        return .some(ground.problem(of: place))
    }

    func standing(at path: TreePath) throws(HeadwaterError) -> Standing {
        let row = try end.standingRow(at: path)
        let agreed = row?.state == .agreed ? row!.agreed : nil
        guard let index = image.index(of: path) else {
            return Standing(path: path, agreed: agreed, row: row, change: agreed == nil ? .none : .gone)
        }
        let attributes = image.attributes(at: index).synced
        let identity = image.identity(at: index)
        var found = Standing(
            path: path, agreed: agreed, row: row, change: .unsynced, attributes: attributes, identity: identity,
            expected: .present(attributes.kind, identity, size: attributes.size, mode: attributes.mode))
        if end.filter.kind(of: path, at: index, in: image).isSynced { found.change = try change(found) }
        return found
    }

    private func change(_ found: Standing) throws(HeadwaterError) -> SideChange {
        let attributes = found.attributes!
        guard let agreed = found.agreed, let row = found.row else {
            return .content(AgreedEntry(attributes: attributes, digest: try linkDigest(found)))
        }
        let standing = EntryStanding(of: attributes, found.identity!, against: row)
        if standing == .untouched { return .none }
        if attributes.kind == .directory && agreed.isDirectory {
            return attributes.mode == agreed.attributes.mode ? .none : .attributes(attributes)
        }
        if attributes.kind == agreed.attributes.kind, attributes.size == agreed.attributes.size {
            guard let digest = try digest(found) else { return .unsynced }
            if digest == agreed.digest { return standing == .unverified ? .none : .attributes(attributes) }
            return .content(AgreedEntry(attributes: attributes, digest: digest))
        }
        return .content(AgreedEntry(attributes: attributes, digest: try linkDigest(found)))
    }

    /// What stands here with its digest, read where it is not known yet; nil where nothing stands.
    ///
    /// - Throws: `path.unreadable` or `path.changing`.
    func version(_ found: Standing) throws(HeadwaterError) -> AgreedEntry? {
        guard let attributes = found.attributes else { return nil }
        if case .content(let entry) = found.change, entry.digest != nil { return entry }
        if case .none = found.change { return found.agreed }
        return AgreedEntry(attributes: attributes, digest: try digest(found))
    }

    private func linkDigest(_ found: Standing) throws(HeadwaterError) -> Digest? {
        found.kind == .symlink ? try digest(found) : nil
    }

    private func digest(_ found: Standing) throws(HeadwaterError) -> Digest? {
        guard let attributes = found.attributes, let identity = found.identity else { return nil }
        return decider.digest(found.path, attributes, identity)
    }

    /// What the upstream end says of a path, beside what was agreed.
    ///
    /// - Parameter sent: the file's digest, where it was asked for.
    static func change(_ record: ChangeRecord, _ agreed: AgreedEntry?, _ sent: SentFile?) -> SideChange {
        switch record.state {
        case .absent: return .gone
        case .conflict: return .none
        case .touchedFile(let attributes): return .attributes(attributes)
        case .directory:
            let attributes = record.attributes!
            return agreed?.isDirectory ?? false
                ? .attributes(attributes) : .content(AgreedEntry(attributes: attributes, digest: nil))
        case .symlink(let target, _):
            let entry = AgreedEntry(attributes: record.attributes!, digest: Hash.digest(target))
            return agreed.map(entry.hasContent(of:)) ?? false ? .attributes(entry.attributes) : .content(entry)
        case .file(let attributes):
            return .content(AgreedEntry(attributes: sent?.attributes ?? attributes, digest: sent?.digest))
        }
    }

    // MARK: Around a path

    /// The nearest agreed directory above `path` that something else stands for here.
    func takenAbove(_ path: TreePath) throws(HeadwaterError) -> (
        path: TreePath, agreed: AgreedEntry, now: AgreedEntry?, identity: LocalIdentity?
    )? {
        var above = path
        while !above.isRoot {
            above = above.parent
            let found = try standing(at: above)
            guard found.attributes != nil else { continue }
            guard found.kind != .directory, let agreed = found.agreed, agreed.isDirectory else { return nil }
            return (above, agreed, try version(found), found.identity)
        }
        return nil
    }

    /// An agreed directory that is not here any more; nil where it is, or where none is agreed.
    func missingDirectory(_ path: TreePath) throws(HeadwaterError) -> AgreedEntry? {
        if image.index(of: path) != nil { return nil }
        guard let agreed = try end.row(at: path)?.agreed, agreed.isDirectory else { return nil }
        return agreed
    }

    /// The agreed paths below any of these directories that are not here, in scan order. Reads all rows.
    func lacking(below directories: [TreePath]) throws(HeadwaterError) -> [TreePath] {
        guard !directories.isEmpty, let rows = try end.rows() else { return [] }
        var found: [TreePath] = []
        while let row = try rows.next() {
            guard row.state == .agreed, directories.contains(where: { $0.contains(row.path) && $0 != row.path }),
                image.index(of: row.path) == nil
            else { continue }
            found.append(row.path)
        }
        return found
    }

    /// What this side did below a directory that is agreed and stands here.
    func below(_ path: TreePath) throws(HeadwaterError) -> BelowDirectory {
        if let clean, clean.contains(path) { return [] }
        var below: BelowDirectory = []
        let prefix = path.key + [0]
        var index = image.firstIndex(notBefore: prefix)
        while index < image.count {
            let key = image.key(at: index)
            guard key.starts(with: prefix) else { break }
            below.insert(try share(index, TreePath(trusted: key)))
            index += 1
        }
        if image.index(of: path).map({ image.isIncomplete(at: $0) }) ?? false { below.insert(.unsynced) }
        if below.isEmpty { clean = path }
        return below
    }

    private func share(_ index: Int, _ path: TreePath) throws(HeadwaterError) -> BelowDirectory {
        if image.isIncomplete(at: index) { return .unsynced }
        let found = try standing(at: path)
        // Neither is news: a directory that was kept, and a path in conflict.
        if found.row?.state == .conflict || (found.row?.state == .residue && found.kind == .directory) { return [] }
        switch found.change {
        case .content: return found.agreed == nil ? .created : .changed
        case .unsynced: return .unsynced
        case .none, .gone, .attributes: return []
        }
    }
}
