import Core
import Platform

/// What a plan says will stand at a path of a tree in which nothing is written.
package struct Predicted: Sendable {
    package var path: TreePath
    /// As a scan would find it; nil where nothing will be left. Its identity names it and is no inode's.
    package var status: EntryStatus?
    /// Of the content; nil where that was not read, and for what has none.
    package var digest: Digest?
    /// The target of a symlink; nil where it stays what it is.
    package var link: [UInt8]?
    /// What names the content now, where only mode or time become others.
    package var standing: LocalIdentity?
    /// Where it stands now, of what is renamed.
    package var origin: TreePath?

    package init(
        path: TreePath, status: EntryStatus?, digest: Digest? = nil, link: [UInt8]? = nil,
        standing: LocalIdentity? = nil, origin: TreePath? = nil
    ) {
        (self.path, self.status, self.digest, self.link) = (path, status, digest, link)
        (self.standing, self.origin) = (standing, origin)
    }

    /// On top of what was foreseen before: content that stays is the one foreseen then.
    fileprivate func following(_ before: Predicted?) -> Predicted {
        guard let before, let standing, before.status?.identity == standing else { return self }
        var following = self
        following.digest = digest ?? before.digest
        following.link = link ?? before.link
        following.standing = before.standing
        return following
    }
}

/// The changes that the plans of a process foresee in one tree: who plans what comes after them reads the tree with these folded in.
///
/// Empty, and of no cost, in every process that does not plan.
package final class Prediction: Sendable {
    private struct State: Sendable {
        var entries: [TreePath: Predicted] = [:]
        var image: TreeImage?
        /// What `image` was made from.
        var base: TreeImage?
    }

    private let state = Monitor(State())

    init() {}

    package var isEmpty: Bool { state.read { $0.entries.isEmpty } }

    /// Later ones of a path replace earlier ones.
    func add(_ entries: [Predicted]) {
        if entries.isEmpty { return }
        state.update { state in
            for entry in entries { state.entries[entry.path] = entry.following(state.entries[entry.path]) }
            state.image = nil
        }
    }

    /// `image` with all that was foreseen. Nil where the two do not fit together.
    package func applied(to image: TreeImage) -> TreeImage? {
        let (known, entries) = state.read { state in
            (state.base === image ? state.image : nil, Array(state.entries.values))
        }
        if let known { return known }
        if entries.isEmpty { return image }
        // A directory that could not be listed stays one.
        let folded = image.folding(
            entries.filter { entry in !(image.index(of: entry.path).map(image.isIncomplete) ?? false) }
                .map { Published(path: $0.path, status: $0.status) })
        state.update { state in
            // Meanwhile more may have been foreseen.
            if state.entries.count == entries.count { (state.base, state.image) = (image, folded) }
        }
        return folded
    }

    /// What is foreseen at a path, where what `identity` names is that.
    package func entry(at path: TreePath, _ identity: LocalIdentity) -> Predicted? {
        state.read { $0.entries[path].flatMap { $0.status?.identity == identity ? $0 : nil } }
    }

    /// Where the entry stands now that a tree will have at `path`.
    package func origin(of path: TreePath) -> TreePath { state.read { $0.entries[path]?.origin } ?? path }

    /// Whether anything is foreseen at `path`, above or below it.
    package func touches(_ path: TreePath) -> Bool {
        state.read { state in
            if state.entries.isEmpty { return false }
            var above = path
            while !above.isRoot {
                if state.entries[above] != nil { return true }
                above = above.parent
            }
            return state.entries.keys.contains { path.contains($0) }
        }
    }

    /// The target of a symlink that is foreseen at a path.
    func link(at path: TreePath) -> [UInt8]? { state.read { $0.entries[path]?.link } }
}

extension Predicted {
    /// The same in a tree whose root lies `above` components beneath this one's; nil where it lies elsewhere.
    func beneath(_ prefix: TreePath) -> Predicted? {
        guard let remainder = prefix.remainder(to: path) else { return nil }
        var moved = self
        moved.path = remainder
        // What comes from elsewhere is no rename within that tree.
        moved.origin = origin.flatMap { prefix.remainder(to: $0) }
        return moved
    }

    /// The same in a tree in which this one's root lies at `prefix`.
    func above(_ prefix: TreePath) -> Predicted {
        if prefix.isRoot { return self }
        var moved = self
        moved.path = TreePath(trusted: prefix.key + [0] + path.key)
        moved.origin = origin.map { TreePath(trusted: prefix.key + [0] + $0.key) }
        return moved
    }
}
