import Core
import Reconciliation
import Roots

/// The files of a tree that have several names which the session sees. Holds four bytes for each such name, and some for each such file.
final class LinkIndex: LinkLooking {
    private let image: TreeImage
    private let row: (TreePath) -> Row?
    private var places: [UInt64: [UInt32]] = [:]
    private var leaders: [UInt64: TreePath] = [:]
    private var left: Set<TreePath> = []

    /// - Parameter row: of a path, where it is agreed.
    init(_ image: TreeImage, _ filter: SessionFilter, _ neverSynced: NeverSynced, row: @escaping (TreePath) -> Row?) {
        (self.image, self.row) = (image, row)
        var cursor = FilteredCursor(image, filter)
        while cursor.next() {
            guard cursor.kind == .file, image.hasOtherNames(at: cursor.index), !neverSynced.covers(cursor.path) else {
                continue
            }
            places[image.identity(at: cursor.index).inode, default: []].append(UInt32(clamping: cursor.index))
        }
        places = places.filter { $0.value.count > 1 }
    }

    func leader(at path: TreePath) -> TreePath? {
        guard let inode = inode(at: path), !left.contains(path) else { return nil }
        if let known = leaders[inode] { return known }
        let names = self.names(of: inode).filter { !left.contains($0) }
        guard names.count > 1 else { return nil }
        let leader = chosen(of: names)
        leaders[inode] = leader
        return leader
    }

    private func chosen(of names: [TreePath]) -> TreePath {
        var agreed: TreePath?
        // Where the one that stood for them is gone, the other end hears of that before it hears of those behind it.
        var behind: TreePath?
        for name in names {
            guard let row = row(name) else { continue }
            guard let link = row.agreed.attributes.metadata?.link else { return name }
            agreed = agreed ?? name
            if link < name { behind = behind ?? name }
        }
        return behind ?? agreed ?? names[0]
    }

    func names(at path: TreePath) -> [TreePath] { inode(at: path).map(names) ?? [path] }

    func leave(_ path: TreePath) {
        guard let inode = inode(at: path) else { return }
        left.insert(path)
        leaders[inode] = nil
    }

    private func inode(at path: TreePath) -> UInt64? {
        if places.isEmpty { return nil }
        guard let index = image.index(of: path), image.hasOtherNames(at: index) else { return nil }
        let inode = image.identity(at: index).inode
        return places[inode] == nil ? nil : inode
    }

    private func names(of inode: UInt64) -> [TreePath] {
        (places[inode] ?? []).map { TreePath(trusted: image.key(at: Int($0))) }
    }
}
