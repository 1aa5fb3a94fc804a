import Core
import Platform
import Roots
import SSH
import Sessions
import Topologies

/// Where the two ends of an edge are, and so who opens its session.
enum Route: Hashable {
    /// Both in this process.
    case here
    /// One here, which opens; the other in an agent.
    case oneFar(SSHTarget, hereIsUpstream: Bool)
    /// Both in agents: the end that initiates is ordered to open.
    case bothFar(opener: SSHTarget, answerer: SSHTarget, openerIsUpstream: Bool)

    init(_ topology: Topology, _ edge: Int) {
        let edge = topology.edges[edge]
        let upstream = topology.peers[edge.upstream].host.map(SSHTarget.init)
        let downstream = topology.peers[edge.downstream].host.map(SSHTarget.init)
        switch (upstream, downstream) {
        case (nil, nil): self = .here
        case (nil, let far?): self = .oneFar(far, hereIsUpstream: true)
        case (let far?, nil): self = .oneFar(far, hereIsUpstream: false)
        case (let upstream?, let downstream?):
            let isUpstream = edge.mode.isInitiated(atUpstream: true)
            self = .bothFar(
                opener: isUpstream ? upstream : downstream, answerer: isUpstream ? downstream : upstream,
                openerIsUpstream: isUpstream)
        }
    }

    var openerIsUpstream: Bool {
        switch self {
        case .here: true
        case .oneFar(_, let hereIsUpstream): hereIsUpstream
        case .bothFar(_, _, let openerIsUpstream): openerIsUpstream
        }
    }

    var hosts: [SSHTarget] {
        switch self {
        case .here: []
        case .oneFar(let host, _): [host]
        case .bothFar(let opener, let answerer, _): [opener, answerer]
        }
    }
}

/// The streams that one cycle of an edge runs over.
final class SessionStreams {
    /// To the other end; nil where the session is ordered.
    private(set) var data: (any ByteStream)?
    /// Shared with the other end where that is here too.
    private(set) var files: LentFiles?
    /// To the agent that is ordered to open the session.
    private(set) var control: (any ByteStream)?
    /// The name under which that agent was lent the way to the other end.
    private(set) var lentName: String?
    private var relay: Relay?
    private var here: Responder.Here?

    /// Opens what `route` needs. Blocks.
    ///
    /// - Throws: what connecting and starting agents throw; then nothing is left open.
    init(_ route: Route, _ registry: RootRegistry, hosts: [SSHTarget: AgentHost]) throws(HeadwaterError) {
        switch route {
        case .here:
            let here = try Responder.inThisProcess(registry)
            (self.here, data, files) = (here, here.stream, here.files)
        case .oneFar(let host, _): data = try hosts[host]!.openSession()
        case .bothFar(let opener, let answerer, _):
            control = try hosts[opener]!.openSession()
            if opener == answerer { return }
            do throws(HeadwaterError) { try lend(hosts[opener]!, hosts[answerer]!) } catch {
                close()
                throw error
            }
        }
    }

    /// Lends the opener a way to the other end, through here.
    private func lend(_ opener: AgentHost, _ answerer: AgentHost) throws(HeadwaterError) {
        let name = AgentGreeting.newToken()
        let there = try answerer.openSession()
        do throws(HeadwaterError) {
            relay = Relay(try opener.openSession(lentAs: name), there)
            lentName = name
        } catch {
            there.close()
            throw error
        }
    }

    func close() {
        data?.close()
        here?.end()
        control?.close()
        relay?.end()
    }
}

extension SSHTarget {
    init(_ reference: HostReference) {
        self.init(
            host: reference.host, user: reference.user, port: reference.port.map(Int.init),
            identity: reference.identity, knownHosts: reference.knownHosts, hostKey: reference.hostKey)
    }
}

/// A tree as one process sees it: what has the same name is one root there.
struct RootName: Hashable {
    private let host: HostReference?
    private let path: String
    private let subpath: String?

    init(_ topology: Topology, read edge: Int) {
        self.init(topology.peers[topology.edges[edge].upstream], topology.edges[edge].subpath)
    }

    init(_ topology: Topology, written edge: Int) {
        self.init(topology.peers[topology.edges[edge].downstream], topology.edges[edge].subpath)
    }

    private init(_ peer: Peer, _ subpath: String?) {
        (host, path) = (peer.host, peer.path)
        self.subpath = subpath
    }
}
