import Core

/// What becomes of a conflict that stands.
package enum Settlement: Hashable, Sendable {
    /// Both sides are as they were flagged.
    case stands
    /// A side changed again, which settles nothing: flagged anew.
    case flaggedAnew
    /// Neither side has anything there any more.
    case forget
    /// Both hold the same content: mode and time become upstream's.
    case equal
    /// The downstream side becomes as the upstream one.
    case downward
    /// The upstream side becomes as the downstream one.
    case upward
    /// The same as `downward`, and the downstream version stays beside it under another name.
    case both
}

/// Decides a conflict that stands, by the rules of `docs/semantics.md`. Pure.
///
/// - Parameters:
///   - upstream, downstream: what stands on each side now, with digests; nil: nothing does.
///   - keep: what a person decided for this path, if anything.
package func settle(
    _ conflict: Conflict, upstream: AgreedEntry?, downstream: AgreedEntry?, keep: Keep? = nil
) -> Settlement {
    guard let upstream else {
        guard downstream != nil else { return .forget }
        return survivor(downstream!, wasBoth: conflict.upstream != nil, conflict.downstream, keep, wins: .upward)
    }
    guard let downstream else {
        return survivor(upstream, wasBoth: conflict.downstream != nil, conflict.upstream, keep, wins: .downward)
    }
    if upstream.hasContent(of: downstream) { return .equal }
    switch keep {
    case .upstream: return .downward
    case .downstream: return .upward
    case .both: return .both
    case .newer:
        return downstream.attributes.mtime > upstream.attributes.mtime ? .upward : .downward
    case nil: break
    }
    if let ancestor = conflict.ancestor, !ancestor.isDirectory {
        // One side took its change back: the other's is the only one left. (A directory does not show what was changed below it.)
        let isUpstreamBack = upstream.hasContent(of: ancestor)
        if isUpstreamBack != downstream.hasContent(of: ancestor) { return isUpstreamBack ? .upward : .downward }
    }
    let isAsFlagged = upstream.isAsFlagged(conflict.upstream) && downstream.isAsFlagged(conflict.downstream)
    return isAsFlagged ? .stands : .flaggedAnew
}

/// One side is left. It spreads where both had something when the conflict was flagged; what was changed on one side and deleted on the
/// other waits for a person.
private func survivor(
    _ left: AgreedEntry, wasBoth: Bool, _ flagged: AgreedEntry?, _ keep: Keep?, wins: Settlement
) -> Settlement {
    switch keep {
    case .newer, .both: return wins
    case .upstream: return .downward
    case .downstream: return .upward
    case nil: return wasBoth ? wins : left.isAsFlagged(flagged) ? .stands : .flaggedAnew
    }
}
