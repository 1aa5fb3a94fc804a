/// What a process may set of what it writes.
package struct ProcessRights: Hashable, Sendable {
    /// May give files to anybody, and set what acts under their owners.
    package var isPrivileged: Bool
    package var user: UInt32
    /// The groups that it may give its own files to.
    package var groups: Set<UInt32>
    /// The permission bits that new entries do not get.
    package var umask: UInt16
    /// The namespaces of extended attributes that it may see and set.
    package var attributes: ExtendedAttributes.Scope

    package init(
        isPrivileged: Bool, user: UInt32, groups: Set<UInt32>, umask: UInt16,
        attributes: ExtendedAttributes.Scope = .user
    ) {
        self.attributes = attributes
        self.isPrivileged = isPrivileged
        self.user = user
        self.groups = groups
        self.umask = umask
    }
}
