import Core

/// All trees over three names, each absent, one of two files, a directory or a symlink.
package struct SmallTrees: Sendable {
    /// Side by side; one directory beside or before a name; two in one; one below the other.
    package static let shapes: [[Int?]] = [
        [nil, nil, nil], [nil, nil, 1], [nil, 0, nil], [nil, 0, 0], [nil, 0, 1],
    ]

    /// Where the names stand: each one's parent, an earlier one, or nil for the root.
    package let parents: [Int?]
    package let paths: [TreePath]
    package let all: [Node]

    package init(_ parents: [Int?], names: [String] = ["a", "b", "c"]) {
        self.parents = parents
        var paths: [TreePath] = []
        for (place, parent) in parents.enumerated() {
            paths.append((parent.map { paths[$0] } ?? .root).appending(Array(names[place].utf8)))
        }
        self.paths = paths
        all = SmallTrees.trees(below: nil, parents)
    }

    private static func trees(below parent: Int?, _ parents: [Int?]) -> [Node] {
        var found: [[Int: Node]] = [[:]]
        for place in parents.indices where parents[place] == parent {
            var nodes: [Node] = [.absent, .file(4), .file(8), .link(1)]
            nodes += trees(below: place, parents)
            found = found.flatMap { before in
                nodes.map { node in
                    var next = before
                    if node != .absent { next[place] = node }
                    return next
                }
            }
        }
        return found.map { .directory($0) }
    }

    package func build(_ root: Node, in tree: inout MemoryTree) { put(root, &tree) }

    private func put(_ node: Node, _ tree: inout MemoryTree) {
        for (place, child) in (node.children ?? [:]).sorted(by: { $0.key < $1.key }) {
            switch child {
            case .absent: continue
            case .file(let content): tree.put(paths[place], .file, content)
            case .link(let content): tree.put(paths[place], .symlink, content)
            case .directory: tree.put(paths[place], .directory)
            }
            put(child, &tree)
        }
    }

    /// Edits a tree so that it becomes another one, and leaves alone what is the same.
    package func edit(_ tree: inout MemoryTree, from old: Node, to new: Node) {
        let names = Set((old.children ?? [:]).keys).union((new.children ?? [:]).keys)
        for place in names.sorted() {
            let (before, after) = (old.child(place), new.child(place))
            if before.shallow != after.shallow {
                tree.remove(paths[place])
                put(.directory([place: after]), &tree)
            } else if after.children != nil {
                edit(&tree, from: before, to: after)
            }
        }
    }

    package func read(_ tree: MemoryTree) -> Node { read(below: nil, tree) }

    private func read(below parent: Int?, _ tree: MemoryTree) -> Node {
        var children: [Int: Node] = [:]
        for place in parents.indices where parents[place] == parent {
            guard let entry = tree[paths[place]] else { continue }
            switch entry.kind {
            case .file: children[place] = .file(entry.content)
            case .symlink: children[place] = .link(entry.content)
            default: children[place] = read(below: place, tree)
            }
        }
        return .directory(children)
    }
}
