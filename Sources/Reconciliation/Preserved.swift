import Core

/// What a session keeps in step beside content, seen from one end: how what a scan found is said to the other end, and what becomes of
/// what that says here.
///
///     a scan's numbers ── said ──► names on the wire and in rows ── here ──► what this end can have of it, to compare and to set
///
/// What this end cannot set (another owner, without the rights for it) counts as being so already, so that no run tries it again; it is told
/// once in each run. One thread's own.
package final class Preserved {
    package let items: Preservation
    /// Whether there is more than mode and times.
    package let hasMetadata: Bool
    /// Whether something has to be read for it that a scan does not see.
    package let readsExtended: Bool
    let accounts: any AccountDirectory
    let rights: ProcessRights
    /// Whether entries are made at this end: what is not as agreed may then be what could not be set.
    let isWritten: Bool
    let isUpstream: Bool
    /// Nil where nothing has extended attributes or ACLs.
    let extended: (any ExtendedReading)?
    /// Nil where hard links are not kept, or nothing was looked at yet.
    package var links: (any LinkLooking)?
    /// Whether the file system of this end can give a file another name.
    package var canLink = true
    private var lastExtended: Metadata?
    private var described: [OwnerIDs: Metadata] = [:]
    private var last: (owner: OwnerIDs, metadata: Metadata?)?
    private var denied: [Preservation.RawValue: HeadwaterError] = [:]
    private var told: Set<Preservation.RawValue> = []
    private var unread: [TreePath: HeadwaterError] = [:]
    private var toldUnread: Set<TreePath> = []

    /// - Parameters:
    ///   - isWritten: the end receives: the downstream one, in bidi both.
    ///   - extended: only asked where `items` have extended attributes or ACLs.
    package init(
        _ items: Preservation, isUpstream: Bool, isWritten: Bool, accounts: any AccountDirectory,
        rights: ProcessRights, extended: (any ExtendedReading)? = nil
    ) {
        (self.items, self.isUpstream, self.isWritten) = (items, isUpstream, isWritten)
        (self.accounts, self.rights, self.extended) = (accounts, rights, extended)
        hasMetadata = !items.isDisjoint(with: [.owner, .group, .xattrs, .acls, .hardlinks])
        readsExtended = !items.isDisjoint(with: [.xattrs, .acls])
    }

    // MARK: Saying

    /// Of setuid and setgid those that count at this end.
    private var special: UInt16 { isWritten && !rights.isPrivileged ? 0 : items.specialBits }

    /// The mode as it counts, of what a scan found.
    package func masked(_ raw: Attributes) -> Attributes {
        var masked = raw
        masked.mode = AppliedMode.of(raw, special: special)
        return masked
    }

    /// What a scan found, as this session sees it.
    package func seen(_ raw: Attributes, _ owner: OwnerIDs) -> Attributes {
        var seen = masked(raw)
        if hasMetadata && raw.kind.isSynced { seen.metadata = metadata(of: owner) }
        return seen
    }

    package func seen(_ entry: EntryStatus) -> Attributes { seen(entry.attributes, entry.owner) }

    /// The same with what has to be read for it: of the entry at `path`.
    ///
    /// - Parameter row: of the path; nil where there is none. What is recorded of the very inode in this state is not read again.
    package func seen(_ path: TreePath, _ entry: EntryStatus, _ row: Row?) -> Attributes {
        readsExtended || links != nil ? looked(seen(entry), path, entry.identity, row) : seen(entry)
    }

    /// The same to be told: what could not be set here is said as it was agreed, not as it came to be.
    package func said(_ path: TreePath, _ entry: EntryStatus, agreed: Attributes?) -> Attributes {
        var said = seen(path, entry, nil)
        guard let agreed, let theirs = agreed.metadata, hasMetadata else { return said }
        let mine = said.metadata
        let here = self.here(agreed, over: said).metadata
        said.metadata = Metadata(
            owner: here?.owner == mine?.owner ? theirs.owner ?? mine?.owner : mine?.owner,
            group: here?.group == mine?.group ? theirs.group ?? mine?.group : mine?.group,
            attributes: saidAttributes(mine?.attributes, agreed: theirs.attributes, path),
            lists: saidLists(mine?.lists, agreed: theirs.lists, here: here?.lists), link: mine?.link)
        return said
    }

    private func metadata(of owner: OwnerIDs) -> Metadata? {
        if let last, last.owner == owner { return last.metadata }
        let metadata =
            described[owner]
            ?? Metadata(
                owner: items.contains(.owner) ? accounts.user(owner.user) : nil,
                group: items.contains(.group) ? accounts.group(owner.group) : nil)
        described[owner] = metadata
        last = (owner, metadata)
        return metadata
    }

    // MARK: Here

    /// What `wanted` comes to at this end, in place of what stands there: equal to that where nothing is to be done.
    ///
    /// - Parameter standing: as `seen`; nil where nothing of that kind stands.
    package func here(_ wanted: Attributes, over standing: Attributes?) -> Attributes {
        let standing = standing?.kind == wanted.kind ? standing : nil
        var here = wanted
        if items.contains(.mode) {
            here.mode = AppliedMode.of(wanted, special: special)
        } else {
            here.mode = standing?.mode ?? AppliedMode.of(wanted) & ~rights.umask
        }
        if !items.contains(.times), let standing { here.mtime = standing.mtime }
        if hasMetadata || wanted.metadata != nil {
            here.metadata = metadataHere(wanted.metadata, wanted.kind, over: standing)
        }
        return here
    }

    private func metadataHere(_ wanted: Metadata?, _ kind: EntryKind, over standing: Attributes?) -> Metadata? {
        let stands = standing?.metadata
        // Rows of a time before the key say nothing.
        guard hasMetadata else { return stands }
        guard let wanted else {
            // Says nothing of anything, but that it is no other's name.
            guard items.contains(.hardlinks), let stands, stands.link != nil else { return stands }
            return Metadata(
                owner: stands.owner, group: stands.group, attributes: stands.attributes, lists: stands.lists)
        }
        return Metadata(
            owner: items.contains(.owner) ? ownerHere(wanted.owner, over: stands?.owner) : nil,
            group: items.contains(.group) ? groupHere(wanted.group, over: stands?.group) : nil,
            attributes: items.contains(.xattrs)
                ? attributesHere(wanted.attributes, kind, isNew: standing == nil, over: stands?.attributes) : nil,
            lists: items.contains(.acls)
                ? listsHere(wanted.lists, kind, isNew: standing == nil, over: stands?.lists) : nil,
            link: linkHere(wanted.link, over: stands?.link))
    }

    private func ownerHere(_ wanted: Account?, over standing: Account?) -> Account? {
        guard let wanted else { return standing }
        let id = accounts.userID(of: wanted)
        if id == standing?.id { return standing }
        if !isWritten || maySet(user: id) { return accounts.user(id) }
        deny(.owner, wanted)
        return standing
    }

    private func groupHere(_ wanted: Account?, over standing: Account?) -> Account? {
        guard let wanted else { return standing }
        let id = accounts.groupID(of: wanted)
        if id == standing?.id { return standing }
        if !isWritten || maySet(group: id) { return accounts.group(id) }
        deny(.group, wanted)
        return standing
    }

    private func maySet(user: UInt32) -> Bool { rights.isPrivileged || user == rights.user }
    private func maySet(group: UInt32) -> Bool { rights.isPrivileged || rights.groups.contains(group) }

    /// What is set of an entry that becomes as `here` says.
    ///
    /// - Parameter isNew: it is made, or another one takes the place of what stands there.
    package func dressing(_ here: Attributes, isNew: Bool) -> Dressing {
        var dressing = Dressing()
        (dressing.setsMode, dressing.setsTime) = (isNew || items.contains(.mode), items.contains(.times))
        dressing.specialBits = special
        dressing.user = here.metadata?.owner.flatMap { maySet(user: $0.id) ? $0.id : nil }
        dressing.group = here.metadata?.group.flatMap { maySet(group: $0.id) ? $0.id : nil }
        if items.contains(.xattrs) { dressing.attributes = here.metadata?.attributes }
        if hasLists { dressing.lists = here.metadata?.lists }
        return dressing
    }

    // MARK: Comparing

    /// Whether what stands here is as agreed, but for its time.
    package func isSame(_ standing: Attributes, as agreed: Attributes) -> Bool {
        guard standing.kind == agreed.kind, standing.size == agreed.size else { return false }
        // What was agreed before the key was there is not known to be so: the upstream end says it anew.
        if isUpstream && lacks(agreed) { return false }
        let here = here(agreed, over: standing)
        return here.mode == standing.mode && here.metadata == standing.metadata
    }

    private func lacks(_ agreed: Attributes) -> Bool {
        (items.contains(.owner) && agreed.metadata?.owner == nil)
            || (items.contains(.group) && agreed.metadata?.group == nil)
            || (items.contains(.acls) && agreed.metadata?.lists == nil)
            || (items.contains(.xattrs) && !scope.isSubset(of: agreed.metadata?.attributes?.scope ?? []))
            || (items.contains(.xattrs) && agreed.metadata?.attributes == nil)
    }

    /// Whether two ends say the same, as far as it is kept.
    package func agree(_ a: Attributes, _ b: Attributes) -> Bool {
        func isSame(_ one: Account?, _ other: Account?) -> Bool {
            guard let one, let other else { return one == nil && other == nil }
            return one.isSame(as: other)
        }
        return a.kind == b.kind && a.size == b.size && (!items.contains(.mode) || a.mode == b.mode)
            && (!items.contains(.times) || a.mtime == b.mtime)
            && (!items.contains(.owner) || isSame(a.metadata?.owner, b.metadata?.owner))
            && (!items.contains(.group) || isSame(a.metadata?.group, b.metadata?.group))
            && (!items.contains(.xattrs) || a.metadata?.attributes == b.metadata?.attributes)
            && (!items.contains(.hardlinks) || a.metadata?.link == b.metadata?.link)
            && (!items.contains(.acls) || a.metadata?.lists == b.metadata?.lists)
    }

    // MARK: What cannot be

    private func deny(_ item: Preservation, _ wanted: Account) {
        let name = wanted.name.map { String(decoding: $0, as: UTF8.self) } ?? "\(wanted.id)"
        deny(item) { item == .owner ? .ownerDenied(name, isUpstream) : .groupDenied(name, isUpstream) }
    }

    func deny(_ item: Preservation, _ error: () -> HeadwaterError) {
        if denied[item.rawValue] == nil { denied[item.rawValue] = error() }
    }

    /// Notes one path of which something could not be read; not for ever more of them.
    func note(unread error: HeadwaterError, _ path: TreePath) {
        if unread.count < Preserved.unreadMax { unread[path] = error }
    }

    private static let unreadMax = 1000

    /// Shares what is the same as the one before.
    func shared(_ metadata: Metadata?) -> Metadata? {
        if let metadata, metadata == lastExtended { return lastExtended }
        lastExtended = metadata
        return metadata
    }

    /// What could not be set, and of which paths something could not be read; each is told once.
    package func takeProblems() -> [HeadwaterError] {
        denied.sorted { $0.key < $1.key }.compactMap { told.insert($0.key).inserted ? $0.value : nil }
            + unread.sorted { $0.key < $1.key }.compactMap { toldUnread.insert($0.key).inserted ? $0.value : nil }
    }
}
