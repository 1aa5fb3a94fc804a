/// What the next run does because an edge changed, in words. Sessions live on in their snapshot databases, which know the session's
/// name, its two directories, its machines and its direction; what contradicts them is refused (exit 5) and never guessed.
enum EdgeConsequence {
    static let removed = "no longer synced; its files and snapshots stay as they are"

    static func added(_ keys: [String: String]) -> String {
        keys["mirror"] == "true"
            ? "first cycle: equal files are adopted; what only the downstream side has is deleted, under max_delete (mirror)"
            : "first cycle: equal files are adopted, nothing is deleted"
    }

    /// Of changed keys of the edge itself.
    static func of(_ fields: [TopologyChange.Field], session old: String, to new: String) -> [String] {
        fields.compactMap { field in
            switch (field.key, field.new ?? field.standard) {
            case ("session", _):
                "the next run refuses (snapshot.renamed): rename both ends first (`headwater snapshot rename \(old) \(new) FILE`, "
                    + "FILE being this new one), or keep the name with `session: \(old)`"
            case ("mode", _): refuses("snapshot.direction-changed", new)
            case ("subpath", _): refuses("snapshot.other-places", new)
            case ("mirror", "true"): "the next run deletes what only the downstream side has, under max_delete"
            case ("delete", "never"): "deletions upstream are no longer carried out"
            case ("symlinks", "skip"): "symlinks that were synced before stay where they are, on both sides"
            case ("symlinks", "follow"): "symlinks downstream are replaced by what those upstream lead to"
            case ("filter", _), ("filter_file", _), ("exclude", _):
                "what is excluded now and was synced before stays where it is, on both sides"
            case ("max_delete", _): "the next run halts before deleting more than \(field.new ?? field.standard ?? "")"
            default: nil
            }
        }
    }

    static func refuses(_ code: String, _ session: String) -> String {
        "the next run refuses (\(code)) until you run it once with `--reset --edge \(session)`, which deletes nothing"
    }
}

/// The two ends of an edge before and after.
struct EdgeMoves {
    var old: (upstream: Peer, downstream: Peer)
    var new: (upstream: Peer, downstream: Peer)

    /// Whether what was upstream is downstream now.
    private var isReversed: Bool {
        func place(_ peer: Peer) -> Place { Place(host: peer.host, path: peer.path) }
        return place(old.upstream) == place(new.downstream) && place(old.downstream) == place(new.upstream)
    }

    func consequences(session: String) -> [String] {
        let ends = [(old.upstream, new.upstream), (old.downstream, new.downstream)]
        var consequences: [String] = []
        if isReversed { return [EdgeConsequence.refuses("snapshot.direction-changed", session)] }
        if ends.contains(where: { $0.path != $1.path }) {
            consequences.append(EdgeConsequence.refuses("snapshot.other-places", session))
        } else if ends.contains(where: { $0.host?.host != $1.host?.host || $0.host?.port != $1.host?.port }) {
            consequences.append(
                "if that is another machine, " + EdgeConsequence.refuses("snapshot.other-machine", session))
        }
        for (before, after) in ends
        where before.database ?? before.path != after.database ?? after.path && before.path == after.path {
            let (from, to) = (before.database ?? before.path, after.database ?? after.path)
            consequences.append(
                "the snapshot of \(after.name) is looked for in \(to): move \(from)/.headwater/\(session) there first, "
                    + "or the next run refuses (exit 5)")
        }
        return consequences
    }
}
