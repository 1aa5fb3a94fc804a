import Core
import Glibc
import Platform

/// A tree as it is seen by who follows its symlinks: in the place of each what it leads to, a directory with all that is in it.
///
/// A link is resolved component by component within the image, so that nothing outside the root is ever looked at (invariant 7); what
/// stands in the image is then read by its real path, in which there is no link. What cannot be followed is a problem of the link's
/// path: it leads out of the root, nowhere, or to a directory that it lies in.
package struct FollowedTree: Sendable {
    /// The most entries that links may add to a tree.
    static let addedMax = 1_000_000
    /// As in the kernel.
    private static let linksInAPathMax = 40

    package let image: TreeImage
    /// Each link that was followed, by the path it is seen at, and what it leads to.
    private let places: [TreePath: TreePath]

    /// - Parameter root: the directory that the image is of; read to get the targets of the links.
    /// - Throws: E2BIG where links lead to more than `addedMax` entries, EOVERFLOW where the image cannot be made.
    package init(_ raw: TreeImage, of root: Root) throws(SystemError) {
        var following = Following(raw, root)
        following.emit(below: .root, seenAt: .root, through: [])
        if following.isTooMuch { throw SystemError("follow", E2BIG) }
        places = following.places
        let problems = (raw.problems + following.problems).sorted { $0.path < $1.path }
        guard let image = following.added.isEmpty ? raw : raw.folding(following.added, problems: problems) else {
            throw SystemError("follow", EOVERFLOW)
        }
        self.image = image
    }

    /// Where what is seen at `path` really is.
    package func place(of path: TreePath) -> TreePath {
        if places.isEmpty { return path }
        var above = path
        while !above.isRoot {
            if let place = places[above] {
                return TreePath(trusted: place.key + path.key[above.key.count...])
            }
            above = above.parent
        }
        return path
    }

    /// One pass over the tree.
    private struct Following {
        private let raw: TreeImage
        private let cursor: TreeCursor
        private let rootPath: [UInt8]
        private(set) var places: [TreePath: TreePath] = [:]
        private(set) var added: [Published] = []
        private(set) var problems: [(path: TreePath, error: SystemError)] = []
        private(set) var isTooMuch = false
        private var isTold = false

        init(_ raw: TreeImage, _ root: Root) {
            self.raw = raw
            cursor = TreeCursor(root: root.descriptor.raw)
            rootPath = Array(root.canonicalPath.utf8)
        }

        /// Goes through what lies below a directory; what is seen elsewhere than it is, is added.
        ///
        /// - Parameter links: those that led here, where they really are.
        mutating func emit(below directory: TreePath, seenAt seen: TreePath, through links: [TreePath]) {
            let prefix = directory.isRoot ? [] : directory.key + [0]
            var index = directory.isRoot ? 0 : raw.firstIndex(notBefore: prefix)
            while index < raw.count {
                let key = raw.key(at: index)
                guard key.starts(with: prefix) else { return }
                let rest = key[prefix.count...]
                let visible = seen.isRoot ? Array(rest) : seen.key + [0] + rest
                if raw.kind(at: index) == .symlink {
                    follow(TreePath(trusted: key), seenAt: visible, through: links)
                } else if !links.isEmpty {
                    add(visible, raw.status(at: index))
                }
                index += 1
            }
        }

        private mutating func follow(_ link: TreePath, seenAt visible: [UInt8], through links: [TreePath]) {
            do throws(SystemError) {
                let target = try resolve(link)
                // Everything that leads here lies in it: it would contain itself without end.
                if (links + [link]).contains(where: { target.contains($0) }) { throw SystemError("follow", ELOOP) }
                guard let index = raw.index(of: target), let path = fitting(visible) else {
                    return add(visible, raw.status(at: raw.index(of: link)!))
                }
                places[path] = target
                add(visible, raw.status(at: index))
                if raw.kind(at: index) == .directory {
                    emit(below: target, seenAt: path, through: links + [link])
                }
            } catch {
                if let path = fitting(visible) { problems.append((path, error)) }
                let status = raw.status(at: raw.index(of: link)!)
                var attributes = status.attributes
                (attributes.kind, attributes.size) = (.problem, 0)
                // Already told, by its own reason.
                isTold = true
                add(
                    visible,
                    EntryStatus(
                        attributes: attributes, identity: status.identity, isIncomplete: true, owner: status.owner))
                isTold = false
            }
        }

        private mutating func add(_ visible: [UInt8], _ status: EntryStatus) {
            if isTooMuch { return }
            isTooMuch = added.count >= FollowedTree.addedMax
            guard let path = fitting(visible) else {
                // A path that cannot be named is not absent: nothing is known of what its directory holds.
                return markIncomplete(TreePath(trusted: visible).parent, ENAMETOOLONG)
            }
            if status.isIncomplete && !isTold { problems.append((path, SystemError("follow", EACCES))) }
            added.append(Published(path: path, status: status))
        }

        private mutating func markIncomplete(_ directory: TreePath, _ reason: Int32) {
            guard let index = added.lastIndex(where: { $0.path == directory }), !added[index].status!.isIncomplete
            else {
                return
            }
            added[index].status!.isIncomplete = true
            problems.append((directory, SystemError("follow", reason)))
        }

        private func fitting(_ key: [UInt8]) -> TreePath? { try? TreePath(validating: key) }

        // MARK: Resolving

        /// The real path of what a link leads to: the root, or an entry of the image.
        private func resolve(_ link: TreePath) throws(SystemError) -> TreePath {
            var linksCount = 1
            var at = link.parent
            var rest = try components(of: link, &at)
            while let name = rest.popLast() {
                if name.isEmpty || name == [0x2E] { continue }
                if name == [0x2E, 0x2E] {
                    if at.isRoot { throw SystemError("follow", EXDEV) }
                    at = at.parent
                    continue
                }
                let key = at.isRoot ? name : at.key + [0] + name
                guard let path = try? TreePath(validating: key), let index = raw.index(of: path) else {
                    throw SystemError("follow", ENOENT)
                }
                switch raw.kind(at: index) {
                case .directory: at = path
                case .symlink:
                    linksCount += 1
                    if linksCount > FollowedTree.linksInAPathMax { throw SystemError("follow", ELOOP) }
                    rest += try components(of: path, &at)
                case .file, .untracked, .problem:
                    if rest.contains(where: { !$0.isEmpty }) { throw SystemError("follow", ENOTDIR) }
                    return path
                }
            }
            return at
        }

        /// The components of a link's target, the last one first; `at` becomes the root for one that begins there.
        private func components(of link: TreePath, _ at: inout TreePath) throws(SystemError) -> [[UInt8]] {
            var target = try cursor.withName(link) { directory, name throws(SystemError) in
                try Platform.readLink(at: directory, name)
            }
            if target.first == 0x2F {
                let isInside = target == rootPath || target.starts(with: rootPath + (rootPath == [0x2F] ? [] : [0x2F]))
                guard isInside else { throw SystemError("follow", EXDEV) }
                target.removeFirst(rootPath.count)
                at = .root
            }
            return target.split(separator: 0x2F, omittingEmptySubsequences: false).map(Array.init).reversed()
        }
    }
}
