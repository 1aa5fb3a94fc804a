import Core
import Platform

/// What a process that plans knows of its trees beyond what is there: roots that a run would make, and what is foreseen in any of them.
///
/// A prediction for one tree holds in every root of this process that the same directories belong to, whenever that is opened.
final class PlannedRoots: Sendable {
    private struct State: Sendable {
        /// By canonical path.
        var absent: [String: Root] = [:]
        var all: [Root] = []
        var foreseen: [(place: TreePath, entries: [Predicted])] = []
    }

    private let state = Monitor(State())

    init() {}

    /// The root at a path where nothing is. Nil where nobody may make it and no plan of this process has.
    func absent(path: String, subpath: String?, mayCreate: Bool) throws(RootFault) -> Root? {
        let root = try Root.absent(path: path, subpath: subpath)
        let known = state.update { state -> Root? in
            let isForeseen = state.foreseen.contains { $0.place.contains(root.place) || root.place.contains($0.place) }
            if !mayCreate && !isForeseen { return nil }
            let kept = state.absent[root.canonicalPath] ?? root
            state.absent[root.canonicalPath] = kept
            return kept
        }
        if let known { join(known) }
        return known
    }

    /// A root that was opened: it learns what was foreseen before, and what will be.
    func join(_ root: Root) {
        let (isNew, foreseen) = state.update { state in
            if state.all.contains(where: { $0 === root }) { return (false, state.foreseen) }
            state.all.append(root)
            return (true, state.foreseen)
        }
        if isNew { for (place, entries) in foreseen { root.learn(entries, at: place) } }
    }

    /// What a plan foresees in `root`.
    func foresee(_ entries: [Predicted], in root: Root) {
        let place = root.place
        let all = state.update { state in
            state.foreseen.append((place, entries))
            return state.all
        }
        for root in all { root.learn(entries, at: place) }
    }
}

extension RootRegistry {
    /// The root at a path where nothing is, for a plan: a run would make it, or an edge above has planned to.
    ///
    /// - Returns: nil where neither is so.
    package func absentRoot(path: String, subpath: String?, mayCreate: Bool) throws(RootFault) -> Root? {
        try plan.absent(path: path, subpath: subpath, mayCreate: mayCreate)
    }

    /// Notes what a plan foresees in the tree of `root`, for whoever reads it later in this process, by whatever root.
    package func foresee(_ entries: [Predicted], in root: Root) { plan.foresee(entries, in: root) }
}

extension Root {
    /// The canonical path as components.
    fileprivate var place: TreePath {
        TreePath(trusted: Array(canonicalPath.split(separator: "/").joined(separator: "\0").utf8))
    }

    /// - Parameter other: the place of the root that `entries` are paths of.
    fileprivate func learn(_ entries: [Predicted], at other: TreePath) {
        if other == place { return prediction.add(entries) }
        if let within = other.remainder(to: place) { return prediction.add(entries.compactMap { $0.beneath(within) }) }
        guard let within = place.remainder(to: other) else { return }
        prediction.add(directories(to: within) + entries.map { $0.above(within) })
    }

    /// Directories that a run makes on the way to a sub-directory.
    private func directories(to path: TreePath) -> [Predicted] {
        var made: [Predicted] = []
        var above = path
        while !above.isRoot, isAbsent || !Root.exists(above.slashed, beneath: descriptor.raw) {
            let attributes = Attributes(kind: .directory, mode: 0o755, size: 0, mtime: .zero)
            let identity = LocalIdentity(device: 0, inode: 0, birth: .zero, mtime: .zero, ctime: .zero)
            made.append(Predicted(path: above, status: EntryStatus(attributes: attributes, identity: identity)))
            above = above.parent
        }
        return made
    }
}

extension TreePath {
    fileprivate var slashed: String { String(decoding: key.map { $0 == 0 ? UInt8(ascii: "/") : $0 }, as: UTF8.self) }

    /// What leads from this directory to `path`; nil where that does not lie below it.
    func remainder(to path: TreePath) -> TreePath? {
        guard contains(path), path != self else { return nil }
        return TreePath(trusted: Array(path.key.dropFirst(isRoot ? 0 : key.count + 1)))
    }
}
