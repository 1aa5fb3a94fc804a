/// What the edges of a topology do with one path of a peer.
package struct PathExplanation: Sendable {
    package var peer: String
    /// Where the peer is, fit to be shown.
    package var place: String
    /// From the peer's directory.
    package var path: TreePath
    /// The edges that touch the peer, in the order of the file.
    package var edges: [EdgeUse]

    package init(peer: String, place: String, path: TreePath, edges: [EdgeUse]) {
        (self.peer, self.place, self.path, self.edges) = (peer, place, path, edges)
    }
}

/// What one edge does with a path of one of its two peers.
package struct EdgeUse: Sendable {
    package enum Role: String, Sendable {
        /// Data flow from the peer to the other one.
        case reads
        case writes
        /// Both ways.
        case both
    }

    package enum Verdict: Hashable, Sendable {
        /// It takes part, under this path of the session's tree.
        case taken(TreePath)
        /// The edge concerns another part of the tree.
        case outside
        /// Only what lies in the edge's `subpath`, below the path.
        case above
        /// It is Headwater's own.
        case reserved
        /// It shows that this peer is mounted: never synced.
        case mark(ofPeer: String)
    }

    /// What the snapshot of one end that is on this machine says.
    package struct Record: Sendable {
        package enum Answer: Sendable {
            /// There is no database.
            case none
            /// It knows nothing of the path.
            case unknown
            case known(SnapshotPath)
            case refused(HeadwaterError)
        }

        package var peer: String
        package var answer: Answer

        package init(peer: String, answer: Answer) { (self.peer, self.answer) = (peer, answer) }
    }

    package var edge: EdgeIdentity
    package var role: Role
    package var other: String
    package var subpath: String?
    package var verdict: Verdict
    package var records: [Record] = []

    package init(edge: EdgeIdentity, role: Role, other: String, subpath: String?, verdict: Verdict) {
        self.edge = edge
        self.role = role
        self.other = other
        self.subpath = subpath
        self.verdict = verdict
    }
}
