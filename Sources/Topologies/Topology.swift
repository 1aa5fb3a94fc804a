import Core

/// A validated, immutable graph of who feeds whom. Made from a topology file without errors, and only so.
package struct Topology: Sendable {
    /// In the alphabet of sessions' names.
    package var name: String
    /// The file it came from, as it was named to us.
    package var file: String
    /// In the order of the file.
    package var peers: [Peer]
    /// In the order of the file.
    package var edges: [Edge]

    let flows: FlowMap
    /// What it was made from.
    let draft: Draft
    let source: SourceFile

    /// The edges whose flow writes a place that overlaps a place this edge reads, in the order of the file, itself never.
    ///
    /// Two edges feed each other only where both are in one group of bidi edges. Takes time proportional to the depth of the
    /// place, the places beneath it and the answer.
    package func feeders(of edge: Int) -> [Int] { flows.feeders(of: edge) }

    /// Where a peer is, without regard to the sub-directory of any edge.
    package func place(of peer: Peer) -> Place { Place(host: peer.host, path: peer.path) }

    /// What events and summaries call an edge.
    package func identity(of edge: Int) -> EdgeIdentity {
        EdgeIdentity(
            upstream: peers[edges[edge].upstream].name, downstream: peers[edges[edge].downstream].name,
            session: edges[edge].session, mode: edges[edge].mode)
    }

    /// The edge with this session name, or `FROM:TO`; nil if there is none or, with `FROM:TO`, more than one.
    package func edge(named text: String) -> Int? {
        if let index = edges.firstIndex(where: { $0.session == text }) { return index }
        let matching = edges.indices.filter {
            "\(peers[edges[$0].upstream].name):\(peers[edges[$0].downstream].name)" == text
        }
        return matching.count == 1 ? matching[0] : nil
    }
}

/// A named directory on a machine.
package struct Peer: Sendable, Hashable {
    package var name: String
    /// Nil is this machine.
    package var host: HostReference?
    /// Absolute, or `~/…`; without `.`, `..` and repeated slashes.
    package var path: String
    /// Where its databases are, in the form of `path`; nil is `path` itself.
    package var database: String?
    /// Relative to `path`: must exist, or the peer counts as unmounted.
    package var mount: String?
    /// Where it is declared, from 1.
    package var line: Int
}

/// How a machine is reached, as far as the file says; the rest comes from the SSH configuration.
package struct HostReference: Sendable, Hashable {
    /// A name, an address or a `Host` alias.
    package var host: String
    package var user: String?
    package var port: UInt16?
    /// A path here: absolute, or `~/…`.
    package var identity: String?
    /// A path here: absolute, or `~/…`.
    package var knownHosts: String?
    /// `SHA256:` and 43 characters of base64; takes the place of known hosts.
    package var hostKey: String?

    package init(
        host: String, user: String? = nil, port: UInt16? = nil, identity: String? = nil, knownHosts: String? = nil,
        hostKey: String? = nil
    ) {
        self.host = host
        self.user = user
        self.port = port
        self.identity = identity
        self.knownHosts = knownHosts
        self.hostKey = hostKey
    }
}

/// A flow from a peer to another, or both ways.
package struct Edge: Sendable, Hashable {
    /// Index into `Topology.peers`.
    package var upstream: Int
    /// Index into `Topology.peers`.
    package var downstream: Int
    package var mode: Mode
    /// Unique in the topology, also without regard to case; `[A-Za-z0-9_-]{1,64}`.
    package var session: String
    /// Relative to the paths of both peers; nil is the whole tree.
    package var subpath: String?
    package var maxDelete: MaxDelete
    package var filter: EdgeFilter
    package var policy: SessionPolicy
    /// Where it is declared, from 1.
    package var line: Int
}

/// What of a tree an edge syncs.
package struct EdgeFilter: Sendable, Hashable {
    /// Of `filter`, then of `filter_file`, then of `exclude`.
    package var own: [FilterRule] = []
    /// Those of `defaults`, in the same order; shared by all edges.
    package var ofDefaults: [FilterRule] = []

    /// In the order in which they are tried.
    package var rules: [FilterRule] { own.isEmpty ? ofDefaults : own + ofDefaults }
}

/// How much one cycle may delete before it halts.
package enum MaxDelete: Sendable, Hashable {
    /// 0...100, of the rows at the start; applies from 100 deletions up.
    case percent(Int)
    case count(Int)

    package static let standard = MaxDelete.percent(50)
}

extension MaxDelete: CustomStringConvertible {
    /// As it is written in the file.
    package var description: String {
        switch self {
        case .percent(let percent): "\(percent)%"
        case .count(let count): "\(count)"
        }
    }
}

/// A directory of a machine, as a person names it: `host:path`, or the path alone for this machine.
package struct Place: Sendable, Hashable, CustomStringConvertible {
    package var host: HostReference?
    package var path: String

    /// Fit to be shown; without port and keys.
    package var description: String {
        guard let host else { return Printable.text(path) }
        let name = host.host.contains(":") ? "[\(host.host)]" : host.host
        return Printable.text((host.user.map { $0 + "@" } ?? "") + name + ":" + path)
    }
}
