import Core

/// What one side of a bidirectional session did to a path since both last agreed on it.
package enum SideChange: Hashable, Sendable {
    /// Nothing: as agreed, or absent where nothing is agreed.
    case none
    /// It was agreed on and is no longer there.
    case gone
    /// Kind and content are as agreed; mode or, of a file or symlink, modification time are not.
    case attributes(Attributes)
    /// Created, or of other content or another kind than agreed.
    case content(AgreedEntry)
    /// What stands there is not synced or cannot be looked at.
    case unsynced
}

/// What the downstream side holds below a directory that the upstream side has deleted or put something else in place of.
package struct BelowDirectory: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Entries that were created there since both sides agreed.
    package static let created = BelowDirectory(rawValue: 1)
    /// Agreed entries of other content or kind than agreed.
    package static let changed = BelowDirectory(rawValue: 2)
    /// Entries that are not synced, or cannot be looked at.
    package static let unsynced = BelowDirectory(rawValue: 4)
}

/// What becomes of one path of a bidirectional session.
package enum BidiDecision: Hashable, Sendable {
    /// The downstream side becomes as the upstream one; a directory that cannot go because of what is below it stays as residue.
    case downward
    /// The same, but mode and metadata are the downstream side's own, which travel upward afterwards.
    case downwardKeepingMode(UInt16, Metadata? = nil)
    /// The upstream side becomes as the downstream one.
    case upward
    /// The downstream side first takes this mode and metadata, then the upstream side becomes as it is.
    case upwardWithMode(UInt16, Metadata? = nil)
    /// Both are gone.
    case forget
    /// A directory that upstream deleted comes back there, for what was created in it downstream.
    case restoreUpward
    /// Two files of one size: whether they are the same decides.
    case compare
    case conflict
    /// What is not synced stands in the way; nothing is touched.
    case blocked
}

/// Decides one path that the upstream side has changed, by the table of `docs/semantics.md`. Pure.
///
/// - Parameters:
///   - agreed: what both sides last agreed on; nil where nothing was.
///   - up, down: what each side did since.
///   - below: what the downstream side did below, where `agreed` is a directory.
///   - areEqual: whether two files of one size have the same content; nil while that is not known.
package func decideBidi(
    agreed: AgreedEntry?, up: SideChange, down: SideChange, below: BelowDirectory = [],
    overwrite: SessionPolicy.Overwrite = .conflict, areEqual: Bool? = nil
) -> BidiDecision {
    switch (up, down) {
    case (_, .unsynced), (.unsynced, _): .blocked
    case (.none, _): .upward
    case (.gone, .gone): .forget
    case (.gone, .none), (.gone, .attributes): deleted(agreed, below)
    case (.gone, .content): overwrite == .always ? .downward : .conflict
    case (.attributes, .gone): .upward
    case (.attributes, .none), (.attributes, .attributes): .downward
    case (.attributes(let mine), .content(let theirs)): merged(mine, onto: theirs, agreed)
    case (.content(let mine), .none): replaced(agreed, mine, below)
    case (.content, .gone): overwrite == .always ? .downward : .conflict
    case (.content(let mine), .attributes(let theirs)): merged(mine, keeping: theirs, agreed, below)
    case (.content(let mine), .content(let theirs)):
        bothChanged(mine, theirs, overwrite, areEqual)
    }
}

/// Deleted upstream, and downstream nothing but mode or times changed, which never hold up a deletion.
private func deleted(_ agreed: AgreedEntry?, _ below: BelowDirectory) -> BidiDecision {
    agreed?.isDirectory ?? false ? (below.contains(.created) ? .restoreUpward : .downward) : .downward
}

/// Changed upstream only. Another kind in place of a directory needs all below it to be as agreed.
private func replaced(_ agreed: AgreedEntry?, _ mine: AgreedEntry, _ below: BelowDirectory) -> BidiDecision {
    guard let agreed, agreed.isDirectory, !mine.isDirectory else { return .downward }
    if !below.isDisjoint(with: [.created, .changed]) { return .conflict }
    return below.contains(.unsynced) ? .blocked : .downward
}

/// Mode or time upstream, content downstream: content and time of the one, mode of the other.
private func merged(_ mine: Attributes, onto theirs: AgreedEntry, _ agreed: AgreedEntry?) -> BidiDecision {
    guard let agreed, !mine.hasModeAndMetadata(of: agreed.attributes), mine.kind == theirs.attributes.kind,
        !mine.hasModeAndMetadata(of: theirs.attributes)
    else { return .upward }
    return .upwardWithMode(mine.mode, mine.metadata)
}

/// Content upstream, mode or time downstream.
private func merged(
    _ mine: AgreedEntry, keeping theirs: Attributes, _ agreed: AgreedEntry?, _ below: BelowDirectory
) -> BidiDecision {
    let plain = replaced(agreed, mine, below)
    guard plain == .downward, let agreed, !theirs.hasModeAndMetadata(of: agreed.attributes),
        mine.attributes.kind == theirs.kind, !theirs.hasModeAndMetadata(of: mine.attributes)
    else { return plain }
    return .downwardKeepingMode(theirs.mode, theirs.metadata)
}

extension Attributes {
    fileprivate func hasModeAndMetadata(of other: Attributes) -> Bool {
        mode == other.mode && metadata == other.metadata
    }
}

private func bothChanged(
    _ mine: AgreedEntry, _ theirs: AgreedEntry, _ overwrite: SessionPolicy.Overwrite, _ areEqual: Bool?
) -> BidiDecision {
    if mine.attributes.kind == theirs.attributes.kind {
        switch mine.attributes.kind {
        case .directory: return .downward
        case .symlink: if mine.digest == theirs.digest { return .downward }
        default:
            if mine.attributes.size == theirs.attributes.size {
                guard let areEqual else { return .compare }
                if areEqual { return .downward }
            }
        }
    }
    switch overwrite {
    case .always: return .downward
    case .conflict: return .conflict
    case .older:
        let (here, there) = (mine.attributes.mtime, theirs.attributes.mtime)
        return here == there || mine.isDirectory || theirs.isDirectory ? .conflict : here > there ? .downward : .upward
    }
}
