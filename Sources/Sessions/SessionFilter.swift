import Content
import Core
import Filters
import Platform
import Reconciliation
import Roots
import Snapshots
import Wire

/// The filter of one session, the same at both ends, and how entries, rows and changes are looked at through it.
///
/// Excluded is as if it were not synced by kind (a socket, say): neither created, changed, deleted nor a problem, and what is below it
/// is not looked at. What cannot be looked at counts as a directory: it is one in all but odd cases, another file system's root first.
struct SessionFilter: Sendable {
    private let matcher: Matcher
    /// Symlinks are not synced.
    private let skipsLinks: Bool
    /// Of the rules in their order, and of whether links are skipped; zero where there is neither.
    let digest: Digest

    /// - Throws: `peer.protocol` for a rule that is none: who made the request has checked them.
    init(_ rules: [FilterRule], skipsLinks: Bool = false) throws(HeadwaterError) {
        self.skipsLinks = skipsLinks
        do throws(Matcher.BadRule) { matcher = try Matcher(rules) } catch {
            throw .protocolBroken(WireFault("filter rule \(error.index + 1) \(error.fault.message)"))
        }
        digest = SessionFilter.digest(of: rules, skipsLinks)
    }

    private static func digest(of rules: [FilterRule], _ skipsLinks: Bool) -> Digest {
        if rules.isEmpty && !skipsLinks { return Digest(high: 0, low: 0) }
        var bytes: [UInt8] = skipsLinks ? [UInt8(ascii: "@"), 0] : []
        for rule in rules {
            bytes.append(UInt8(ascii: rule.isIncluded ? "+" : "-"))
            bytes += rule.pattern
            bytes.append(0)
        }
        return Hash.digest(bytes)
    }

    var isEmpty: Bool { matcher.isEmpty && !skipsLinks }

    /// Whether entries of this kind are none that is synced, wherever they are; each is counted.
    func skips(_ kind: EntryKind) -> Bool { skipsLinks && kind == .symlink }

    /// Whether a path, as an entry of this kind, or a directory above it is excluded.
    func hides(_ path: TreePath, _ kind: EntryKind) -> Bool {
        skips(kind) || matcher.hides(path, isDirectory: SessionFilter.isDirectory(kind))
    }

    /// The kind of an entry as this session sees it: what is excluded is not synced.
    func kind(of path: TreePath, at index: Int, in image: TreeImage) -> EntryKind {
        let kind = image.kind(at: index)
        return hides(path, kind) ? .untracked : kind
    }

    func hides(_ row: Row) -> Bool { hides(row.path, row.agreed.attributes.kind) }

    /// The same for an entry whose directories are included.
    @inline(__always)
    fileprivate func excludes(_ key: UnsafeRawBufferPointer, _ kind: EntryKind) -> Bool {
        matcher.excludes(key, isDirectory: SessionFilter.isDirectory(kind))
    }

    private static func isDirectory(_ kind: EntryKind) -> Bool { kind == .directory || kind == .problem }

    /// What could not be looked at, without what nobody asked to look at.
    func visible(_ problems: [(path: TreePath, error: SystemError)]) -> [(path: TreePath, error: SystemError)] {
        isEmpty ? problems : problems.filter { !hides($0.path, .problem) }
    }

    /// Whether something that counts stands at the top of a tree.
    func hasTopLevelEntries(_ image: TreeImage, without neverSynced: NeverSynced) -> Bool {
        var cursor = FilteredCursor(image, self)
        while cursor.next() { if cursor.kind != .untracked && !neverSynced.covers(cursor.path) { return true } }
        return false
    }
}

/// A tree as one session sees it, in scan order: of what is excluded the entry itself is left, as not synced, and nothing below it.
///
/// The image is shared by all sessions of a root, whatever their filters.
struct FilteredCursor: ~Copyable {
    private let image: TreeImage
    private let filter: SessionFilter
    private let isFiltering: Bool
    private var cursor: ImageCursor
    private var isExcluded = false
    /// Entries so far that are not synced by their kind.
    private(set) var untrackedCount = 0

    init(_ image: TreeImage, _ filter: SessionFilter) {
        (self.image, self.filter) = (image, filter)
        isFiltering = !filter.isEmpty
        cursor = image.cursor()
    }

    /// Goes to the next entry; false at the end.
    mutating func next() -> Bool {
        if isExcluded { cursor.leaveOutBelow() }
        guard cursor.next() else { return false }
        let kind = cursor.kind
        isExcluded = isFiltering && filter.excludes(cursor.key, kind)
        if (kind == .untracked || filter.skips(kind)) && !isExcluded { untrackedCount += 1 }
        isExcluded = isExcluded || filter.skips(kind)
        return true
    }

    /// As `ImageCursor` has them.
    var key: UnsafeRawBufferPointer { cursor.key }
    var path: TreePath { cursor.path }
    var index: Int { cursor.index }

    var kind: EntryKind { isExcluded ? .untracked : cursor.kind }

    var status: EntryStatus {
        var status = cursor.status
        if isExcluded { status.attributes.kind = .untracked }
        return status
    }
}
