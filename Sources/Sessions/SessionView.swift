import Content
import Core
import Filters
import Platform
import Reconciliation
import Roots
import Snapshots
import Wire

/// One end as deciding sees it: its tree as one scan saw it, through the filter of the session, and the rows of its snapshot.
final class SessionView: EndView {
    private let end: SessionEnd
    private let image: TreeImage
    private let reader: CacheReader
    /// All differences, where they are known already: they are told once.
    private var known: RenameSearch.Known?

    /// - Parameter reader: outlives the view.
    init(_ end: SessionEnd, _ image: TreeImage, _ reader: CacheReader, _ known: RenameSearch.Known? = nil) {
        (self.end, self.image, self.reader, self.known) = (end, image, reader, known)
    }

    var policy: SessionPolicy { end.policy }
    var preserved: Preserved { end.preserved }
    var neverSynced: NeverSynced { end.neverSynced }
    var hasRows: Bool { end.rowCount > 0 }
    var isVerifying: Bool { end.isVerifying }
    var entryCount: Int { image.count }

    var unknownPlaces: [TreePath: HeadwaterError] {
        Dictionary(
            image.problems.map { ($0.path, .unknownDownstream($0.path, $0.error)) },
            uniquingKeysWith: { first, _ in first })
    }

    var visibleProblems: [TreePath] { end.filter.visible(image.problems).map(\.path) }

    // MARK: Tree

    func found(at path: TreePath) -> Found? { image.index(of: path).map { found(at: $0, path) } }

    private func found(at index: Int, _ path: TreePath) -> Found {
        Found(
            place: index, attributes: end.preserved.seen(image.attributes(at: index), image.owner(at: index)),
            identity: image.identity(at: index), kind: end.filter.kind(of: path, at: index, in: image),
            isIncomplete: image.isIncomplete(at: index), owner: image.owner(at: index))
    }

    func visit(below path: TreePath, _ body: (TreePath, Found) throws(HeadwaterError) -> Bool) throws(HeadwaterError) {
        let prefix = path.isRoot ? [] : path.key + [0]
        var index = image.firstIndex(notBefore: prefix)
        while index < image.count {
            let key = image.key(at: index)
            guard key.starts(with: prefix) else { break }
            let path = TreePath(trusted: key)
            if try !body(path, found(at: index, path)) { break }
            index += 1
        }
    }

    func visitAll(_ body: (TreePath, Found) throws(HeadwaterError) -> Void) throws(HeadwaterError) {
        var cursor = FilteredCursor(image, end.filter)
        while cursor.next() {
            let status = cursor.status
            let found = Found(
                place: cursor.index, attributes: end.preserved.seen(status), identity: status.identity,
                kind: cursor.kind, isIncomplete: status.isIncomplete, owner: status.owner)
            try body(cursor.path, found)
        }
    }

    func holdsReserved(_ directory: TreePath) -> Bool {
        if end.root.isAbsent { return false }
        let cursor = TreeCursor(root: end.root.descriptor.raw)
        guard let place = try? cursor.locate(directory.appending(TreePath.reservedName)) else { return false }
        var status = FileStatus()
        return status.load(at: place.directory, place.name)
    }

    func digest(at path: TreePath, _ attributes: Attributes, _ identity: LocalIdentity) -> Digest? {
        if attributes.kind == .symlink { return linkTarget(at: path).map { Hash.digest($0) } }
        return try? reader.digest(end.request(path, attributes, identity)).get()
    }

    func linkTarget(at path: TreePath) -> [UInt8]? { try? reader.readLink(path) }

    // MARK: Rows

    func differences() throws(HeadwaterError) -> SessionDifferences {
        defer { known = nil }
        return try SessionDifferences(end, image, known)
    }

    func standingRow(at path: TreePath) throws(HeadwaterError) -> Row? { try end.standingRow(at: path) }
    func allRows() throws(HeadwaterError) -> RowCursor? { try end.rows() }
    func residues() throws(HeadwaterError) -> [TreePath] { try end.residues() }
    func conflicts() throws(HeadwaterError) -> [Conflict] { try end.conflicts() }
    func keep(of conflict: Conflict) -> Keep? { end.resolutions.keep(of: conflict) }
    func refresh(_ changes: [RowChange]) throws(HeadwaterError) { try end.refresh(changes) }

    func checkIsIncluded(_ path: TreePath, _ kind: EntryKind) throws(HeadwaterError) {
        if end.filter.hides(path, kind) {
            throw .protocolBroken(WireFault("a change of \(path), which the filter excludes"))
        }
    }
}

/// The differences of a tree and its rows, compared as they are asked for, or known already.
final class SessionDifferences: DifferenceStream {
    private let unchanged: UnchangedTree?
    private var comparison: Differences<FilteredCursor, RowCursor>?
    private var known: RenameSearch.Known?
    private var hasFound = false

    init(_ end: SessionEnd, _ image: TreeImage, _ known: RenameSearch.Known?) throws(HeadwaterError) {
        unchanged = known == nil ? UnchangedTree(end, image) : nil
        self.known = known ?? unchanged?.untrackedCount.map { RenameSearch.Known(untrackedCount: $0) }
        if self.known == nil { comparison = Differences(try SessionDifferences.comparison(end, image)) }
    }

    static func comparison(_ end: SessionEnd, _ image: TreeImage) throws(HeadwaterError) -> TreeComparison<
        FilteredCursor, RowCursor
    > {
        try TreeComparison(
            FilteredCursor(image, end.filter), isIncomplete: image.root.isIncomplete, try end.rows(),
            without: end.neverSynced, end.preserved, isVerifying: end.isVerifying)
    }

    func next() throws(HeadwaterError) -> Difference? {
        if known != nil { return known!.differences.popFirst() }
        let difference = try comparison!.next()
        if difference == nil && !hasFound { unchanged?.note(untrackedCount: untrackedCount) }
        hasFound = true
        return difference
    }

    var untrackedCount: Int { known?.untrackedCount ?? comparison!.untrackedCount }
}

extension RowCursor: RowStream {}

extension FilteredCursor: EntryStream {}

/// A step with what is staged for it.
typealias StagedStep = (step: PlannedStep, content: StagedFile?)

extension PlannedStep {
    /// What is done to the tree; nil where nothing is.
    func operation(_ staged: StagedFile?, _ preserved: Preserved) -> Operation? {
        switch action {
        case nil: nil
        case .putFile: .putFile(path, staged!, expected: expected)
        case .putSymlink(let target, let attributes):
            .putSymlink(
                path, target: target, attributes, preserved.dressing(attributes, isNew: true), expected: expected)
        case .makeDirectory(let attributes):
            .makeDirectory(path, attributes, preserved.dressing(attributes, isNew: true), expected: expected)
        case .setAttributes(let attributes):
            .setAttributes(path, attributes, preserved.dressing(attributes, isNew: false), expected: expected)
        case .remove: .remove(path, expected: expected)
        case .link(let to, let attributes): .link(path, to: to, inode: nil, attributes, expected: expected)
        case .move(let from): .move(from: from, to: path, expected: expected)
        case .exchange(let other, let otherExpected): .exchange(path, other, expected: expected, other: otherExpected)
        }
    }
}

extension Outcome {
    /// The same in the words of deciding.
    var achieved: Achieved {
        switch self {
        case .done(let status), .exchanged(let status, _): .done(status.identity)
        case .removed: .removed
        case .kept: .kept
        case .changedMeanwhile: .changedMeanwhile
        case .failed: .failed
        }
    }
}
