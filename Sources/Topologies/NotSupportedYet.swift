/// What the format has and this version does not do: recognised, checked, and refused, never ignored.
///
/// The one list. A key or value leaves it by the deletion of its line, together with an end-to-end test of what it does.
package enum NotSupportedYet {
    /// Keys of the file.
    package static let topKeys: Set<String> = [
        "limits"
    ]

    /// Keys of a peer.
    package static let peerKeys: Set<String> = [
        "bandwidth"
    ]

    /// Keys of an edge and of `defaults`.
    package static let edgeKeys: Set<String> = [
        "bandwidth",
        "compression",
        "connections",
        "continuous",
        "digest",
        "durability",
        "scan_interval",
        "schedule",
        "settle",
    ]

    /// Values of `route`.
    package static let routes: Set<String> = [
        "direct"
    ]
}

extension Findings {
    mutating func reportNotSupportedYet(_ what: String, at span: Span) {
        report(
            .notSupportedYet, at: span, "\(what) is part of the format but not supported yet by this version",
            remedy: "remove it here, or use a version of Headwater that supports it")
    }
}
