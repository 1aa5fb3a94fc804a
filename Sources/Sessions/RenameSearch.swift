import Core
import Platform
import Reconciliation
import Roots
import Snapshots

/// Finds what a source's tree holds under another path than agreed: one pass over tree and rows, a second one only where very much is gone.
///
/// Keeps sixteen bytes or so for each entry that is new at its path, the rows of what is gone up to a bound, and nothing of what came along
/// with a directory.
struct RenameSearch {
    private static let goneMax = 65_536
    private static let differencesMax = 4096
    /// In place of an entry: the inode has several names, so that none of them is a new one for an old.
    private static let ambiguous = UInt32.max

    private let end: SessionEnd
    private let image: TreeImage
    private let bidi: BidiSource?
    private let refused: Set<FoundRename>
    private let cursor: TreeCursor
    private var appeared: [UInt64: UInt32] = [:]
    private var gone: [Row] = []
    private var goneCount = 0
    /// The directories above the row that is looked at whose renaming was found.
    private var above: [FoundRename] = []
    private var found: [FoundRename] = []

    /// All differences of the tree from the rows, and how many entries are not synced by their kind.
    struct Known {
        var differences: ArraySlice<Difference> = []
        var untrackedCount = 0
    }

    /// - Parameter refused: what the target has not done, or cannot be done: what lies in it is looked for path by path.
    init(_ end: SessionEnd, _ image: TreeImage, _ bidi: BidiSource?, without refused: Set<FoundRename>) {
        (self.end, self.image, self.bidi, self.refused) = (end, image, bidi, refused)
        cursor = TreeCursor(root: end.root.descriptor.raw)
    }

    /// What was renamed, in the order of the old paths.
    ///
    /// - Returns: beside it all differences that there are, where they are few: so that nothing has to be compared again.
    mutating func run() throws(HeadwaterError) -> (found: [FoundRename], known: Known?) {
        if end.rowCount == 0 { return ([], nil) }
        let unchanged = UnchangedTree(end, image)
        if let untracked = unchanged?.untrackedCount { return ([], Known(untrackedCount: untracked)) }
        var known: Known? = Known()
        var comparison = try SessionDifferences.comparison(end, image)
        while let difference = try comparison.next() {
            note(difference, comparison.place)
            known?.differences.append(difference)
            if known?.differences.count ?? 0 > RenameSearch.differencesMax { known = nil }
        }
        known?.untrackedCount = comparison.untrackedCount
        if let known, known.differences.isEmpty { unchanged?.note(untrackedCount: known.untrackedCount) }
        if appeared.isEmpty || goneCount == 0 { return ([], known) }
        if goneCount <= RenameSearch.goneMax {
            for row in gone { look(at: row) }
        } else {
            var again = try SessionDifferences.comparison(end, image)
            while let difference = try again.next() { if let row = difference.gone { look(at: row) } }
        }
        return (found, known)
    }

    private mutating func note(_ difference: Difference, _ index: Int) {
        if let row = difference.gone {
            goneCount += 1
            if goneCount <= RenameSearch.goneMax { gone.append(row) } else { gone = [] }
        }
        if difference.isNew {
            let inode = image.identity(at: index).inode
            appeared[inode] = appeared[inode] == nil ? UInt32(clamping: index) : RenameSearch.ambiguous
        }
    }

    /// Looks for a row's entry among what is new elsewhere.
    private mutating func look(at row: Row) {
        while let last = above.last, !last.from.contains(row.path) { above.removeLast() }
        guard let known = row.local, let index = appeared[known.inode], index != RenameSearch.ambiguous,
            Renames.isSame(
                row.agreed.attributes, known, as: image.attributes(at: Int(index)), image.identity(at: Int(index)))
        else { return }
        let path = TreePath(trusted: image.key(at: Int(index)))
        let rename = FoundRename(from: row.path, to: path, isDirectory: row.agreed.isDirectory)
        let cameAlong = above.last.map { $0.isWhatCame(along: rename) } ?? false
        if cameAlong || refused.contains(rename) || !isAllowed(rename, known.inode) { return }
        found.append(rename)
        if rename.isDirectory { above.append(rename) }
    }

    /// Whether nothing speaks against it at this end.
    private func isAllowed(_ rename: FoundRename, _ inode: UInt64) -> Bool {
        let (from, to) = (rename.from, rename.to)
        if let bidi, bidi.isHeld(from) || bidi.isHeld(to) { return false }
        if !rename.isDirectory { return hasOneName(to, inode) }
        // Where nothing is deleted, only files are put under their new names, too.
        if end.policy.delete == .never { return false }
        let kept = [end.neverSynced.mark, end.neverSynced.attic].compactMap(\.self)
        if kept.contains(where: { from.contains($0) || to.contains($0) }) { return false }
        return !(bidi.map { $0.holds(below: from) || $0.holds(below: to) } ?? false)
    }

    /// A file that has several names keeps its inode at the others.
    private func hasOneName(_ path: TreePath, _ inode: UInt64) -> Bool {
        guard let place = try? cursor.locate(end.root.prediction.origin(of: path)),
            let status = try? FileStatus(at: place.directory, place.name)
        else {
            return false
        }
        return status.inode == inode && status.links == 1
    }
}

extension Difference {
    /// The agreed row whose entry is not at its path any more.
    fileprivate var gone: Row? {
        switch self {
        case .deleted(let row): row.state == .agreed ? row : nil
        case .changed(_, let entry, let row), .unverified(_, let entry, let row):
            row.state == .agreed && row.isAnother(than: entry) ? row : nil
        case .created, .blocked, .conflict, .residue: nil
        }
    }

    /// Whether an entry stands here that did not when this was agreed.
    fileprivate var isNew: Bool {
        switch self {
        case .created: true
        case .changed(_, let entry, let row), .unverified(_, let entry, let row): row.isAnother(than: entry)
        case .deleted, .blocked, .conflict, .residue: false
        }
    }
}

extension Row {
    /// Whether the entry that stands at its path is known not to be its own.
    fileprivate func isAnother(than entry: EntryStatus) -> Bool {
        local.map { $0.inode != entry.identity.inode || $0.birth != entry.identity.birth } ?? false
    }
}

extension FoundRename {
    /// Whether the renaming of this directory alone has brought the other entry where it is.
    fileprivate func isWhatCame(along other: FoundRename) -> Bool {
        from.contains(other.from) && to.contains(other.to)
            && other.from.key.dropFirst(from.key.count).elementsEqual(other.to.key.dropFirst(to.key.count))
    }
}
