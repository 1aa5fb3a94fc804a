import Core

/// What a target sees at one path of its own tree, beside what was agreed.
package enum TargetState: Hashable, Sendable {
    case absent
    /// A file, directory or symlink; `isUntouched` when it is still the very inode and state that the last cycle left;
    /// `hasOtherContent` when it was looked at and is not what was agreed. Mode and times alone are no content, nor what a directory holds.
    case present(Attributes, isUntouched: Bool, hasOtherContent: Bool = false)
    /// Something that is not synced (a socket, another file system, unreadable) stands in the way.
    case unsynced
}

/// What the source says of the path.
package enum SourceState: Hashable, Sendable {
    case absent
    case present(Attributes)
}

/// What a target does at one path of a push or pull that the source says something of, by the table of `docs/semantics.md`.
package enum PushDecision: Hashable, Sendable {
    /// Both sides are as the source says: only the row is made so.
    case adopt
    /// The row goes; nothing stands there any more.
    case forget
    /// Content and kind are right, mode or time are not.
    case setAttributes
    /// Make the directory; `replaces` when something of another kind stands there.
    case makeDirectory(replaces: Bool)
    /// Make or compare the symlink's target; `replaces` when something stands there.
    case makeSymlink(replaces: Bool)
    /// A file whose content the target lacks.
    case fetch(replaces: Bool)
    /// A file of the right size stands there: fetch unless its digest is the source's. `mayTrustRow` when the row's digest is
    /// that of what stands there, so that nothing need be read.
    case fetchUnlessSame(mayTrustRow: Bool)
    /// Remove what stands there, after all that is below it.
    case remove
    /// Left alone: the way is blocked by what is not synced.
    case blocked
    /// Left alone for good, whatever stands there: deletions are not carried out.
    case withhold
    /// Left alone, and said each time: the source has deleted what this end has changed, and changes here are kept.
    case keepChanged
}

/// Decides one path of a push or pull. Pure.
///
/// - Parameters:
///   - source: the path as the source has it now.
///   - target: the path as the target's scan found it.
///   - agreed: the agreed half of the target's row, nil where there is none.
///   - policy: of the session.
package func decidePush(
    source: SourceState, target: TargetState, agreed: AgreedEntry?, policy: SessionPolicy = .standard
) -> PushDecision {
    switch (source, target) {
    case (.absent, _) where policy.delete == .never: return .withhold
    case (_, .unsynced): return .blocked
    case (.absent, .absent): return .forget
    case (.absent, .present(_, _, let hasOtherContent)):
        return hasOtherContent && policy.drift == .keep ? .keepChanged : .remove
    case (.present(let wanted), .absent): return make(wanted, replaces: false)
    case (.present(let wanted), .present(let found, let isUntouched, _)):
        if wanted.kind != found.kind { return make(wanted, replaces: true) }
        switch wanted.kind {
        case .directory: return found == wanted ? .adopt : .setAttributes
        case .symlink: return .makeSymlink(replaces: true)
        default:
            if wanted.size != found.size { return .fetch(replaces: true) }
            return .fetchUnlessSame(
                mayTrustRow: isUntouched && agreed?.digest != nil && agreed?.attributes.size == found.size)
        }
    }
}

private func make(_ wanted: Attributes, replaces: Bool) -> PushDecision {
    switch wanted.kind {
    case .directory: .makeDirectory(replaces: replaces)
    case .symlink: .makeSymlink(replaces: replaces)
    default: .fetch(replaces: replaces)
    }
}
