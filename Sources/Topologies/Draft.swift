import Core

/// What a file declares, as far as it could be read: the rules about the graph run on it even where other things are wrong.
struct Draft {
    var name: String
    var peers: [DraftPeer] = []
    var edges: [DraftEdge] = []
    /// The keys of `limits` as they are written.
    var limits: [String: String] = [:]
    /// Whether an edge could not be made out, so that it is not known which peers are used.
    var hasUnreadEdges = false
}

struct DraftPeer {
    var name: String
    var nameSpan: Span
    var host: HostReference?
    /// Nil if it could not be read; the rules then leave the peer out.
    var path: PeerPath?
    var mount: String?
    /// Where the snapshot databases lie if not in the tree.
    var database: PeerPath?
    var databaseSpan: Span?
    /// Its keys as they are written; empty for the short form.
    var given: [String: String] = [:]
}

struct DraftEdge {
    var span: Span
    /// Index into `Draft.peers`.
    var upstream: Int
    var downstream: Int
    var arrow: Arrow
    var settings: EdgeSettings
    var upstreamSpan: Span
    var downstreamSpan: Span

    enum Arrow { case oneWay, bothWays, none }

    var mode: Mode {
        switch arrow {
        case .bothWays: .bidi
        case .none: settings.mode ?? .push
        case .oneWay: settings.mode == .pull ? .pull : .push
        }
    }
}

/// The keys of an edge, or of `defaults`, that something here depends on. Nil is not given.
struct EdgeSettings {
    var mode: Mode?
    /// Nil as well where the one that is given cannot be a name.
    var session: String?
    var sessionSpan: Span?
    var maxDelete: MaxDelete?
    var subpath: [[UInt8]]?
    var drift: SessionPolicy.Drift?
    var mirror: Bool?
    var delete: SessionPolicy.Delete?
    var keepDeleted: KeepDeleted?
    var overwrite: SessionPolicy.Overwrite?
    var preserve: Preservation?
    var symlinks: SessionPolicy.Symlinks?
    /// Each of the three keys of filters, with the rules it gives.
    var rules: [String: [FilterRule]] = [:]
    private var rulesOfDefaults: [FilterRule] = []
    /// The keys as they are written, those of `defaults` included.
    var given: [String: String] = [:]
    /// Where each key stands that was given here, not in `defaults`.
    var spans: [String: Span] = [:]

    /// The value of `keep_deleted`; `false` is one, too, since it overrules a default.
    enum KeepDeleted {
        case no
        case attic(SessionPolicy.Attic)
    }

    /// What the edge's session is to do, with the defaults of the format.
    var policy: SessionPolicy {
        var policy = SessionPolicy.standard
        policy.delete = delete ?? policy.delete
        if case .attic(let attic) = keepDeleted { policy.attic = attic }
        policy.drift = drift ?? policy.drift
        policy.mirror = mirror ?? policy.mirror
        policy.overwrite = overwrite
        policy.preserve = preserve ?? policy.preserve
        policy.symlinks = symlinks ?? policy.symlinks
        return policy
    }

    /// The keys of filters, in the order in which their rules are tried.
    static let filterKeys = ["filter", "filter_file", "exclude"]

    var filter: EdgeFilter {
        EdgeFilter(own: EdgeSettings.filterKeys.flatMap { rules[$0] ?? [] }, ofDefaults: rulesOfDefaults)
    }

    /// As what every edge begins with.
    var asDefaults: EdgeSettings {
        var defaults = self
        (defaults.rules, defaults.rulesOfDefaults) = ([:], filter.rules)
        return defaults
    }

    /// These, and from `defaults` what is not given here.
    func over(_ defaults: EdgeSettings) -> EdgeSettings {
        var merged = self
        merged.given = given.merging(defaults.given) { own, _ in own }
        for key in EdgeSettings.filterKeys {
            // Rules add up; other keys take the place of those in `defaults`.
            if let own = given[key], let ofDefaults = defaults.given[key] {
                merged.given[key] = "\(own), \(ofDefaults)"
            }
        }
        merged.rulesOfDefaults = defaults.rulesOfDefaults
        merged.mode = mode ?? defaults.mode
        merged.maxDelete = maxDelete ?? defaults.maxDelete
        merged.subpath = subpath ?? defaults.subpath
        merged.drift = drift ?? defaults.drift
        merged.mirror = mirror ?? defaults.mirror
        merged.overwrite = overwrite ?? defaults.overwrite
        merged.symlinks = symlinks ?? defaults.symlinks
        merged.delete = delete ?? defaults.delete
        merged.preserve = preserve ?? defaults.preserve
        merged.keepDeleted = keepDeleted ?? defaults.keepDeleted
        return merged
    }
}
