import Core
import Reconciliation
import Roots
import Wire

/// The source's side of `mirror`: tells the target what the source has though no change says so. Frames of bounded size.
struct HeldPaths {
    private let link: FrameLink
    private let hasEntries: Bool
    private var paths: [TreePath] = []
    private var bytes = 0

    /// Tells what the source has and does not sync or cannot look into.
    init(_ image: TreeImage, _ filter: SessionFilter, without neverSynced: NeverSynced, to link: FrameLink)
        throws(HeadwaterError)
    {
        self.link = link
        var unseen: [TreePath] = []
        var hasEntries = false
        var cursor = FilteredCursor(image, filter)
        while cursor.next() {
            let isSynced = cursor.kind.isSynced
            if isSynced && hasEntries && !cursor.status.isIncomplete { continue }
            let path = cursor.path
            if neverSynced.covers(path) { continue }
            hasEntries = hasEntries || isSynced
            if !isSynced || cursor.status.isIncomplete { unseen.append(path) }
        }
        if let mark = neverSynced.mark { unseen.append(mark) }
        self.hasEntries = hasEntries
        let first = HeldMessage(hasEntries: hasEntries, isWhole: image.root.isIncomplete, withBelow: true, paths: [])
        try link.send(.held, first.encoded())
        for path in unseen { try add(path, withBelow: true) }
        try flush(withBelow: true)
    }

    /// Tells of one path that the source has; together with others.
    mutating func add(_ path: TreePath) throws(HeadwaterError) { try add(path, withBelow: false) }

    /// Tells what was added and is not told yet.
    mutating func flush() throws(HeadwaterError) { try flush(withBelow: false) }

    private mutating func add(_ path: TreePath, withBelow: Bool) throws(HeadwaterError) {
        paths.append(path)
        bytes += path.key.count + 8
        if paths.count >= ChangesMessage.recordsMax / 2 || bytes >= ChangesMessage.bytesTarget {
            try flush(withBelow: withBelow)
        }
    }

    private mutating func flush(withBelow: Bool) throws(HeadwaterError) {
        if paths.isEmpty { return }
        try link.send(.held, HeldMessage(hasEntries: hasEntries, withBelow: withBelow, paths: paths).encoded())
        (paths, bytes) = ([], 0)
    }
}
