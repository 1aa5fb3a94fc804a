import Core

/// What a file says of each peer and edge, key by key, for whoever compares two files: every key of the format, also those that
/// nothing else here reads.
struct DeclaredKeys: Sendable {
    /// In the order of the file.
    private(set) var peers: [[String: String]]
    /// In the order of the file; `from`, `to` and `session` are not in it.
    private(set) var edges: [[String: String]]
    private(set) var limits: [String: String]

    init(_ draft: Draft) {
        peers = draft.peers.map { peer in
            var keys = peer.given
            keys["path"] = peer.path?.text
            keys["host"] = peer.host?.host
            keys["user"] = peer.host?.user
            keys["database"] = peer.database?.text
            return keys
        }
        edges = draft.edges.map { edge in
            var keys = edge.settings.given
            keys["mode"] = edge.mode.rawValue
            keys["subpath"] = edge.settings.subpath.map(PeerPath.text)
            return keys
        }
        limits = draft.limits
    }
}
