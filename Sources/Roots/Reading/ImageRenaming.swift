import Core

/// What this process did to a tree, for an image of how it was before.
package enum ImageChange: Sendable {
    case published(Published)
    case renamed(RowRenaming)
}

extension TreeImage {
    /// This image after changes that each go on from those before; nil where they do not fit to it.
    ///
    /// Takes time proportional to the image, once more for each change that goes on from others.
    package func after(_ changes: [ImageChange]) -> TreeImage? {
        var pending = PendingRenames(image: self)
        for change in changes { if !pending.take(change) { return nil } }
        return pending.finish()
    }
}

/// Changes that do not depend on each other, until they are folded in.
private struct PendingRenames {
    private var image: TreeImage
    private var statuses: [TreePath: EntryStatus?] = [:]
    /// What was renamed or made, and its new names.
    private var tops: Set<TreePath> = []

    init(image: TreeImage) { self.image = image }

    mutating func finish() -> TreeImage? { fold() ? image : nil }

    mutating func take(_ change: ImageChange) -> Bool {
        switch change {
        case .published(let published):
            if touches(published.path), !fold() { return false }
            statuses[published.path] = .some(published.status)
            tops.insert(published.path)
            return true
        case .renamed(let renaming):
            if touches(renaming.from) || touches(renaming.to), !fold() { return false }
            tops.insert(renaming.from)
            tops.insert(renaming.to)
            let moved = below(renaming.from, to: renaming.to, renaming.local)
            let back = renaming.isExchange ? below(renaming.to, to: renaming.from, renaming.otherLocal) : []
            if moved.isEmpty || (renaming.isExchange && back.isEmpty) { return false }
            for entry in moved + back { statuses[entry.old] = .some(nil) }
            for entry in moved + back { statuses[entry.new] = .some(entry.status) }
            return true
        }
    }

    private mutating func fold() -> Bool {
        if statuses.isEmpty { return true }
        guard let folded = image.folding(statuses.map { Published(path: $0.key, status: $0.value) }) else {
            return false
        }
        (image, statuses, tops) = (folded, [:], [])
        return true
    }

    /// Whether a change at `path` goes on from one that is pending.
    private func touches(_ path: TreePath) -> Bool {
        var above = path
        while !above.isRoot {
            if tops.contains(above) { return true }
            above = above.parent
        }
        let isDirectory = image.index(of: path).map { image.kind(at: $0) == .directory } ?? false
        return isDirectory && tops.contains { path.contains($0) }
    }

    /// An entry and all that is below it, under its old and its new name; nothing where there is none.
    private func below(_ from: TreePath, to: TreePath, _ identity: LocalIdentity?) -> [(
        old: TreePath, new: TreePath, status: EntryStatus
    )] {
        guard let first = image.index(of: from) else { return [] }
        var found: [(old: TreePath, new: TreePath, status: EntryStatus)] = []
        var index = first
        while index < image.count {
            let path = TreePath(trusted: image.key(at: index))
            guard from.contains(path) else { break }
            var status = image.status(at: index)
            if index == first, let identity {
                status.identity = identity
                status.attributes.mtime = identity.mtime
            }
            found.append((path, path.moved(from: from, to: to), status))
            index += 1
        }
        return found
    }
}
