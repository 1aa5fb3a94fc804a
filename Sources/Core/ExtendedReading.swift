/// What an entry's file system has of it beside its status, in the numbers of this end.
package struct Extended: Hashable, Sendable {
    /// Nil where they cannot be read, or nobody asked.
    package var attributes: [ExtendedAttribute]?
    /// The same of ACLs.
    package var lists: AccessLists?
    /// Why one of the two could not be read.
    package var fault: Fault?

    package enum Fault: Hashable, Sendable {
        /// More than `ExtendedAttributes.bytesMax` or `AccessLists.bytesMax`.
        case tooLarge
        /// The system's number of the error.
        case unreadable(Int32)
    }

    package init(attributes: [ExtendedAttribute]? = nil, lists: AccessLists? = nil) {
        (self.attributes, self.lists) = (attributes, lists)
    }
}

/// How one end's extended attributes and ACLs are looked at, and what its file system can hold of them.
package protocol ExtendedReading: AnyObject {
    /// The namespaces that the file system knows.
    var scope: ExtendedAttributes.Scope { get }
    var hasLists: Bool { get }

    /// What the entry at `path` has by now; nil where another one stands there, or nothing. Blocks.
    ///
    /// - Parameters:
    ///   - scope: the namespaces to be read; nil: no attributes.
    ///   - identity: of the entry that a scan found; its times may have changed meanwhile.
    func read(
        _ path: TreePath, _ identity: LocalIdentity, _ kind: EntryKind, scope: ExtendedAttributes.Scope?, lists: Bool
    ) -> Extended?
}
