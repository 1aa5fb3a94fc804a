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
    ///
    /// - Parameter isWhole: nobody knows what is anywhere in the tree.
    init(_ view: SessionView, isWhole: Bool, to link: FrameLink) throws(HeadwaterError) {
        self.link = link
        let held = try view.held()
        hasEntries = held.hasEntries
        let first = HeldMessage(hasEntries: hasEntries, isWhole: isWhole, withBelow: true, paths: [])
        try link.send(.held, first.encoded())
        for path in held.paths { try add(path, withBelow: true) }
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
