/// A path that both sides of a session changed: flagged at both ends, and left as it is on both sides until it is settled.
package struct Conflict: Hashable, Sendable {
    package var path: TreePath
    /// What both sides last agreed on; nil where nothing was.
    package var ancestor: AgreedEntry?
    /// What stood upstream when it was flagged; nil: deleted there.
    package var upstream: AgreedEntry?
    /// What stood downstream when it was flagged; nil: deleted there.
    package var downstream: AgreedEntry?
    /// When it was flagged first, by the clock of the downstream end.
    package var since: Timestamp

    package init(
        path: TreePath, ancestor: AgreedEntry?, upstream: AgreedEntry?, downstream: AgreedEntry?, since: Timestamp
    ) {
        self.path = path
        self.ancestor = ancestor
        self.upstream = upstream
        self.downstream = downstream
        self.since = since
    }

    /// What the row of the path holds meanwhile: the ancestor, or one of the two where nothing was agreed.
    ///
    /// Nil only for a conflict of nothing with nothing, which is none.
    package var standIn: AgreedEntry? { ancestor ?? upstream ?? downstream }

    /// Whether what lies below the path waits as well: on one side it is no directory.
    package var blocksBelow: Bool { !(upstream?.isDirectory ?? false) || !(downstream?.isDirectory ?? false) }
}

extension AgreedEntry {
    /// Whether a side of a conflict is as it was flagged.
    package func isAsFlagged(_ flagged: AgreedEntry?) -> Bool {
        attributes.isAsFlagged(flagged?.attributes) && digest == flagged?.digest
    }

    package var isDirectory: Bool { attributes.kind == .directory }

    /// Whether kind and content are the same, whatever mode and time are. Directories have no content of their own.
    package func hasContent(of other: AgreedEntry) -> Bool {
        attributes.kind == other.attributes.kind && attributes.size == other.attributes.size
            && (isDirectory || (digest != nil && digest == other.digest))
    }
}

extension Attributes {
    /// Whether a side of a conflict is as it was flagged. The time of a directory tells nothing.
    package func isAsFlagged(_ flagged: Attributes?) -> Bool {
        guard kind == .directory else { return self == flagged }
        return flagged?.kind == .directory && mode == flagged?.mode
    }
}
