import Core

/// Where the entries of a tree stand while a plan calls them otherwise: nothing is renamed, and the plan goes on as if it were. Pure.
package struct ForeseenNames {
    package enum Standing: Hashable, Sendable {
        /// On the disk, under this path, or nowhere where nothing is there.
        case at(TreePath)
        /// Only in the plan.
        case planned
        case nowhere
    }

    /// What is otherwise than on the disk; so is what lies below it.
    private var changed: [TreePath: Standing] = [:]

    package init() {}

    package func standing(at path: TreePath) -> Standing {
        var above = path
        while !above.isRoot && !changed.isEmpty {
            if let standing = changed[above] {
                if above == path { return standing }
                guard case .at(let place) = standing else { return .nowhere }
                return .at(path.moved(from: above, to: place))
            }
            above = above.parent
        }
        return .at(path)
    }

    /// An entry is made that stands nowhere yet.
    package mutating func make(_ path: TreePath) { changed[path] = .planned }

    /// Each goes on from those before it. Takes time proportional to what was renamed before where it is of a directory.
    package mutating func move(from: TreePath, to: TreePath, isDirectory: Bool) {
        let standing = standing(at: from)
        let carried = isDirectory ? takeBelow(from) : []
        for (path, standing) in carried { changed[path.moved(from: from, to: to)] = standing }
        changed[to] = standing
        changed[from] = .nowhere
    }

    package mutating func exchange(_ path: TreePath, _ other: TreePath, areFiles: Bool) {
        let (here, there) = (standing(at: path), standing(at: other))
        let (mine, others) = areFiles ? ([], []) : (takeBelow(path), takeBelow(other))
        for (below, standing) in mine { changed[below.moved(from: path, to: other)] = standing }
        for (below, standing) in others { changed[below.moved(from: other, to: path)] = standing }
        (changed[path], changed[other]) = (there, here)
    }

    /// Mostly there is nothing: what lies in a directory is renamed after it.
    private mutating func takeBelow(_ path: TreePath) -> [(TreePath, Standing)] {
        let below = changed.filter { $0.key != path && path.contains($0.key) }
        for (path, _) in below { changed[path] = nil }
        return below.map { ($0.key, $0.value) }
    }
}
