import Core
import Glibc
import Snapshots
import Topologies

/// The end of an edge that is on this machine: where its database lies, and the tree.
struct LocalEnd {
    let directory: SessionDirectory
    /// Canonical, with the subpath; nil where the peer's directory is not there.
    let place: String?

    /// nil where the peer is on another machine.
    init?(_ edge: Edge, _ peer: Peer) {
        guard peer.host == nil else { return nil }
        let path = LocalEnd.expanded(peer.path)
        let root = LocalEnd.canonical(path)
        let base = peer.database.map(LocalEnd.expanded) ?? root ?? path
        directory = SessionDirectory(database: base, session: edge.session)
        place = root.map { root in edge.subpath.map { "\(root)/\($0)" } ?? root }
    }

    private static func expanded(_ path: String) -> String {
        guard path == "~" || path.hasPrefix("~/") else { return path }
        let home =
            getenv("HOME").map { String(cString: $0) }
            ?? getpwuid(geteuid()).map { String(cString: $0.pointee.pw_dir) }
        return (home ?? "/") + path.dropFirst()
    }

    private static func canonical(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
