/// What each key of the format means, in a sentence for whoever writes a file, and its default: for editors (the schema) and `diff`.
struct KeyMeaning {
    var text: String
    /// As it is written in a file; nil where there is none, or where it depends on something.
    var standard: String?

    init(_ text: String, _ standard: String? = nil) {
        self.text = text
        self.standard = standard
    }

    static let ofFile: [String: KeyMeaning] = [
        "headwater": KeyMeaning("The version of the format."),
        "name": KeyMeaning(
            "The name of the topology, which begins the names of its sessions. By default the file's name without its "
                + "extension."),
        "defaults": KeyMeaning("Keys of an edge that hold for every edge that does not say otherwise."),
        "peers": KeyMeaning("Directories on machines, by name."),
        "edges": KeyMeaning("Who feeds whom: `upstream -> downstream`, `a <-> b` for both ways, or a map of keys."),
        "limits": KeyMeaning("Bounds for the topology as a whole."),
    ]

    static let ofPeer: [String: KeyMeaning] = [
        "path": KeyMeaning("The directory: absolute, or ~/… in the home directory of the login."),
        "host": KeyMeaning(
            "The machine: a name, an address or a Host alias of the SSH configuration. Absent: this machine."),
        "user": KeyMeaning("The login. By default as the SSH configuration says."),
        "port": KeyMeaning("The port of the SSH server. By default as the SSH configuration says."),
        "identity": KeyMeaning("A private key file here."),
        "known_hosts": KeyMeaning("A file of host keys here, in place of the user's own."),
        "host_key": KeyMeaning(
            "The one host key that is accepted, as `ssh-keygen -lf` prints it; no known_hosts is read."),
        "mount": KeyMeaning("A relative path that must exist beneath `path`, or the peer counts as unmounted."),
        "database": KeyMeaning(
            "The directory that holds the snapshot databases, outside of every tree. By default `path`."),
        "bandwidth": KeyMeaning("The most that all edges of this peer use together, as in 50MB/s."),
    ]

    static let ofEdge: [String: KeyMeaning] = [
        "from": KeyMeaning("The upstream peer."),
        "to": KeyMeaning("The downstream peer."),
        "session": KeyMeaning("The name of the session. By default <name>-<from>-<to>[-<subpath>]."),
        "mode": KeyMeaning(
            "push: initiated upstream; pull: initiated downstream; both move data from `from` to `to`. bidi: both ways.",
            "push"),
        "subpath": KeyMeaning("Only this sub-directory, on both sides."),
        "route": KeyMeaning(
            "Between two peers on other machines: relay through this machine, or a direct SSH connection.", "relay"),
        "filter": KeyMeaning(
            "Rules `+ pattern` and `- pattern`; the first match wins, no match means included. Those of `defaults` come after."
        ),
        "filter_file": KeyMeaning(
            "A file of rules, one to a line, relative to this file; a pattern without a sign is excluded."),
        "exclude": KeyMeaning("Patterns that are not synced; short for `- ` rules after `filter` and `filter_file`."),
        "delete": KeyMeaning("When deletions are carried out, or never.", "during"),
        "keep_deleted": KeyMeaning(
            "Move deleted and replaced files to the session's attic (true) or to this directory beneath the root.",
            "false"),
        "max_delete": KeyMeaning(
            "Halt before deleting more: a number of entries, or a percentage, which applies from 100 deletions up.",
            "50%"),
        "overwrite": KeyMeaning(
            "When both sides changed. By default `always` (upstream wins), for bidi `conflict`."),
        "drift": KeyMeaning("When only the downstream side changed (push and pull).", "repair"),
        "mirror": KeyMeaning("Delete downstream what upstream never had (push and pull).", "false"),
        "symlinks": KeyMeaning(
            "What becomes of symbolic links: copied, not synced, or replaced by what they lead to (push and pull).",
            "copy"),
        "preserve": KeyMeaning(
            "What is kept in step beside content; owner, group and ACLs by name.", "[mode, times]"),
        "digest": KeyMeaning("How content is compared.", "xxh128"),
        "compression": KeyMeaning("Whether content is compressed on its way.", "auto"),
        "bandwidth": KeyMeaning("The most this edge uses, as in 50MB/s."),
        "connections": KeyMeaning("SSH connections for this edge's data.", "auto"),
        "settle": KeyMeaning("How long a file must be quiet before it is synced, as in 3s.", "0s"),
        "continuous": KeyMeaning("Stays in step under `run --continuous`.", "false"),
        "schedule": KeyMeaning("A cron expression; local time unless it begins with TZ=."),
        "scan_interval": KeyMeaning("Continuous: how often everything is scanned as a safety net.", "1h"),
        "durability": KeyMeaning("How soon what arrived survives a power cut.", "batch"),
    ]

    static let ofLimits: [String: KeyMeaning] = [
        "bandwidth": KeyMeaning("The most that all edges use together, as in 50MB/s."),
        "starts": KeyMeaning("Edges that start at the same time."),
        "connections": KeyMeaning("SSH connections at the same time."),
    ]
}
