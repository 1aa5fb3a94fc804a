import Core

/// What becomes of a path of a push or pull that both sides changed, or hold differently in a first cycle.
package enum OverwriteDecision: Hashable, Sendable {
    /// The target becomes as the source; nothing is to be sent where they are the same.
    case asSource
    /// Two files of one size: whether they are the same decides.
    case compare
    /// Both stay as they are, until they are made equal or somebody decides.
    case conflict
}

/// Decides one path of a push or pull that the target has changed as well, by the key `overwrite`. Pure.
///
/// - Parameters:
///   - source: what the source has now; nil: deleted there.
///   - target: what stands at the target, of other content or another kind than was agreed.
///   - areEqual: whether two files of one size have the same content; nil while that is not known.
package func decideOverwrite(
    source: AgreedEntry?, target: AgreedEntry, overwrite: SessionPolicy.Overwrite, areEqual: Bool? = nil
) -> OverwriteDecision {
    if overwrite == .always { return .asSource }
    guard let source else { return .conflict }
    let (theirs, mine) = (source.attributes, target.attributes)
    let isNewer = overwrite == .older && theirs.mtime > mine.mtime
    if theirs.kind != mine.kind {
        return isNewer && !source.isDirectory && !target.isDirectory ? .asSource : .conflict
    }
    switch theirs.kind {
    case .directory: return .asSource
    case .symlink: return isNewer || source.digest == target.digest ? .asSource : .conflict
    default:
        if isNewer || areEqual == true { return .asSource }
        return theirs.size == mine.size && areEqual == nil ? .compare : .conflict
    }
}

/// What becomes of a conflict of a push or pull that stands, once `settle` has been asked. Nothing ever goes up.
package enum PushSettlement: Hashable, Sendable {
    case stands
    case flaggedAnew
    case forget
    /// The target becomes as the source, its deletions too.
    case asSource
    /// The same, and the target's version stays beside it under another name.
    case both
    /// Both keep what they have, and nothing more is said of it until the source changes it again.
    case kept
    /// The source has what was agreed again: only the target has changed, which is `drift`'s to decide.
    case agreedAgain
}

/// Decides a conflict of a push or pull that stands, by the rules of `docs/semantics.md`. Pure.
///
/// - Parameters:
///   - upstream, downstream: what stands on each side now, with digests; nil: nothing does.
///   - keep: what a person decided for this path, if anything.
package func settlePush(
    _ conflict: Conflict, upstream: AgreedEntry?, downstream: AgreedEntry?, keep: Keep?,
    overwrite: SessionPolicy.Overwrite
) -> PushSettlement {
    switch settle(conflict, upstream: upstream, downstream: downstream, keep: keep) {
    case .forget: return .forget
    case .equal, .downward: return .asSource
    case .both: return .both
    case .upward:
        let isSetBack = keep == nil && upstream != nil
        return isSetBack ? .agreedAgain : .kept
    case .stands:
        return isDecided(upstream, downstream, overwrite) ? .asSource : .stands
    case .flaggedAnew:
        return isDecided(upstream, downstream, overwrite) ? .asSource : .flaggedAnew
    }
}

/// Whether the key settles what a person need not.
private func isDecided(
    _ upstream: AgreedEntry?, _ downstream: AgreedEntry?, _ overwrite: SessionPolicy.Overwrite
) -> Bool {
    guard let downstream else { return overwrite == .always }
    return decideOverwrite(source: upstream, target: downstream, overwrite: overwrite, areEqual: false) == .asSource
}
