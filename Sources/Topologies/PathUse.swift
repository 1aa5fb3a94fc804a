import Core

extension Topology {
    /// What each edge that touches a peer does with a path of it. Pure: from the text of the file alone.
    ///
    /// - Parameters:
    ///   - path: from the peer's directory.
    ///   - peer: index into `peers`.
    /// - Returns: with the index of each edge, in the order of the file.
    package func uses(of path: TreePath, at peer: Int) -> [(edge: Int, use: EdgeUse)] {
        edges.indices.compactMap { index in
            let edge = edges[index]
            guard edge.upstream == peer || edge.downstream == peer else { return nil }
            let other = peers[edge.upstream == peer ? edge.downstream : edge.upstream]
            let role: EdgeUse.Role = edge.mode == .bidi ? .both : edge.upstream == peer ? .reads : .writes
            return (
                index,
                EdgeUse(
                    edge: identity(of: index), role: role, other: other.name, subpath: edge.subpath,
                    verdict: verdict(on: path, of: edge))
            )
        }
    }

    /// A path as a person names it at a peer: from its directory, or absolute as `path` stands in the file; nil where it is neither.
    ///
    /// - Parameter shown: with the escapes under which bytes that are not text are shown.
    package func path(_ shown: String, at peer: Int) -> TreePath? {
        guard var bytes = Printable.bytes(shown) else { return nil }
        if shown.hasPrefix("/") || shown == "~" || shown.hasPrefix("~/") {
            let base = Array(peers[peer].path.utf8)
            guard bytes.starts(with: base) else { return nil }
            bytes.removeFirst(base.count)
            if base.last != UInt8(ascii: "/") && !bytes.isEmpty {
                guard bytes.removeFirst() == UInt8(ascii: "/") else { return nil }
            }
        }
        if bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
        if bytes == [UInt8(ascii: ".")] { bytes = [] }
        let key = bytes.map { $0 == UInt8(ascii: "/") ? 0 : $0 }
        let names = key.split(separator: 0, omittingEmptySubsequences: false)
        // The reserved name is a question worth an answer.
        let isValid = key.isEmpty || names.allSatisfy { [nil, .reserved].contains(TreePath.fault(inName: $0)) }
        return isValid && key.count <= TreePath.bytesMax && names.count <= TreePath.depthMax
            ? TreePath(trusted: key) : nil
    }

    /// Everything that keeps a path out of an edge is judged here, in the order in which a session does.
    private func verdict(on path: TreePath, of edge: Edge) -> EdgeUse.Verdict {
        if path.components.contains(where: { $0.elementsEqual(TreePath.reservedName) }) { return .reserved }
        var inside = path
        if let subpath = edge.subpath.flatMap({ try? TreePath(slashed: $0) }) {
            guard subpath.contains(path) else { return path.contains(subpath) ? .above : .outside }
            inside = TreePath(trusted: Array(path.key.dropFirst(subpath.key.count + 1)))
        }
        for peer in [edge.upstream, edge.downstream] {
            guard let mark = peers[peer].mount.flatMap({ try? TreePath(slashed: $0) }) else { continue }
            if mark == path { return .mark(ofPeer: peers[peer].name) }
        }
        return .taken(inside)
    }
}
