/// What a scan found at one path.
package struct EntryStatus: Hashable, Sendable {
    package var attributes: Attributes
    /// Its device is 0 where another file system begins; all zero where the entry could not be looked at.
    package var identity: LocalIdentity
    /// Nothing may be concluded about what lies below: unreadable, listed in part, or not to be entered.
    package var isIncomplete: Bool
    package var owner: OwnerIDs
    /// Its inode has more than this name.
    package var hasOtherNames: Bool

    package init(
        attributes: Attributes, identity: LocalIdentity, isIncomplete: Bool = false,
        owner: OwnerIDs = OwnerIDs(user: 0, group: 0), hasOtherNames: Bool = false
    ) {
        self.hasOtherNames = hasOtherNames
        self.attributes = attributes
        self.identity = identity
        self.isIncomplete = isIncomplete
        self.owner = owner
    }
}
