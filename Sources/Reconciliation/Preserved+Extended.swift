import Core

/// Extended attributes and ACLs. Of attributes each end keeps those of the namespaces that it can (`scope`); of the others it says what was
/// agreed, and leaves what stands. Nil stands for what nobody has looked at or could read: it is left as it is.
extension Preserved {
    /// The namespaces that this end keeps: those that its file system knows, and that it may set, or at an end that only sends, read.
    var scope: ExtendedAttributes.Scope {
        guard let extended else { return [] }
        // File capabilities can be read by anybody.
        let readable: ExtendedAttributes.Scope = isWritten ? [] : .capability
        return extended.scope.intersection(rights.attributes.union(readable))
    }

    var hasLists: Bool { items.contains(.acls) && extended?.hasLists ?? false }

    /// What was seen of an entry, with what it has of these.
    package func looked(_ seen: Attributes, _ path: TreePath, _ identity: LocalIdentity, _ row: Row?) -> Attributes {
        guard readsExtended || links != nil, seen.kind.isSynced else { return seen }
        var looked = seen
        let found: Parts = readsExtended ? asAgreed(seen, identity, row) ?? read(path, identity, seen.kind) : (nil, nil)
        let leader = seen.kind == .file && canLink ? links?.leader(at: path) : nil
        looked.metadata = shared(
            Metadata(
                owner: seen.metadata?.owner, group: seen.metadata?.group, attributes: found.attributes,
                lists: found.lists, link: leader == path ? nil : leader))
        return looked
    }

    // MARK: Hard links

    /// Whether the file is to be made another name of one that is there.
    var keepsLinks: Bool { items.contains(.hardlinks) && canLink }

    /// The same file as the one that stands for all its names here, where that is so already.
    func linkHere(_ wanted: TreePath?, over standing: TreePath?) -> TreePath? {
        guard let wanted, items.contains(.hardlinks) else { return nil }
        if !canLink {
            deny(.hardlinks) { .linksUnsupported(isUpstream) }
            return nil
        }
        return standing == (links?.leader(at: wanted) ?? wanted) ? standing : wanted
    }

    private typealias Parts = (attributes: ExtendedAttributes?, lists: AccessLists?)

    /// What a row says that was recorded of this very inode in this state; nil where it says too little.
    private func asAgreed(_ seen: Attributes, _ identity: LocalIdentity, _ row: Row?) -> Parts? {
        guard let row, row.state == .agreed, row.local == identity, row.agreed.attributes.kind == seen.kind,
            let agreed = row.agreed.attributes.metadata,
            !items.contains(.xattrs) || scope.isSubset(of: agreed.attributes?.scope ?? []),
            !items.contains(.xattrs) || agreed.attributes != nil, !items.contains(.acls) || agreed.lists != nil
        else { return nil }
        return (
            items.contains(.xattrs) ? attributesHere(agreed.attributes, seen.kind, isNew: true, over: nil) : nil,
            items.contains(.acls) ? listsHere(agreed.lists, seen.kind, isNew: true, over: nil) : nil
        )
    }

    private func read(_ path: TreePath, _ identity: LocalIdentity, _ kind: EntryKind) -> Parts {
        let wanted = items.contains(.xattrs) ? scope.intersection(.of(kind)) : nil
        guard let found = extended?.read(path, identity, kind, scope: wanted, lists: hasLists) else {
            return (nil, nil)
        }
        if let fault = found.fault { note(unread: .extendedUnread(path, fault, isUpstream), path) }
        return (
            wanted == nil ? nil : found.attributes.map { ExtendedAttributes(scope, $0) },
            hasLists ? found.lists.map(named) : items.contains(.acls) ? AccessLists() : nil
        )
    }

    /// The same as one says it elsewhere.
    private func named(_ lists: AccessLists) -> AccessLists {
        func named(_ list: AccessList) -> AccessList {
            list.mapping { $0.isGroup ? accounts.group($0.account.id) : accounts.user($0.account.id) }
        }
        return AccessLists(access: lists.access.map(named), standard: lists.standard.map(named))
    }

    // MARK: Here

    /// - Parameter isNew: nothing stands, of which something could be left.
    func attributesHere(
        _ wanted: ExtendedAttributes?, _ kind: EntryKind, isNew: Bool, over standing: ExtendedAttributes?
    ) -> ExtendedAttributes? {
        guard let wanted else { return standing }
        if isWritten, !wanted.scope.isSubset(of: scope),
            let first = wanted.within(wanted.scope.subtracting(scope)).first
        {
            deny(.xattrs) { attributesDenied(first.name) }
        }
        guard isNew || standing != nil else { return nil }
        let settable = wanted.scope.intersection(scope)
        let own = wanted.within(settable.intersection(.of(kind)))
        return ExtendedAttributes(scope, own + (standing?.within(scope.subtracting(settable)) ?? []))
    }

    private func attributesDenied(_ name: [UInt8]) -> HeadwaterError {
        let name = String(decoding: name, as: UTF8.self)
        let isKnown =
            ExtendedAttributes.Scope(of: Array(name.utf8)).map { extended?.scope.contains($0) ?? false } ?? false
        return isKnown ? .attributesDenied(name, isUpstream) : .attributesUnsupported(name, isUpstream)
    }

    func listsHere(_ wanted: AccessLists?, _ kind: EntryKind, isNew: Bool, over standing: AccessLists?) -> AccessLists?
    {
        guard let wanted else { return standing }
        if !hasLists && isWritten && !wanted.isEmpty { deny(.acls) { .listsUnsupported(isUpstream) } }
        guard isNew || standing != nil else { return nil }
        if !hasLists { return standing ?? AccessLists() }
        if kind == .symlink { return AccessLists() }
        func here(_ list: AccessList) -> AccessList {
            list.mapping {
                $0.isGroup
                    ? accounts.group(accounts.groupID(of: $0.account)) : accounts.user(accounts.userID(of: $0.account))
            }
        }
        return AccessLists(
            access: wanted.access.map(here), standard: kind == .directory ? wanted.standard.map(here) : nil)
    }

    // MARK: Saying

    func saidAttributes(
        _ mine: ExtendedAttributes?, agreed: ExtendedAttributes?, _ path: TreePath
    ) -> ExtendedAttributes? {
        guard items.contains(.xattrs) else { return nil }
        guard let mine, let agreed else { return mine ?? agreed }
        let beyond = agreed.scope.subtracting(mine.scope)
        if beyond.isEmpty { return mine }
        let said = ExtendedAttributes(mine.scope.union(beyond), mine.list + agreed.within(beyond))
        if said.bytesCount <= ExtendedAttributes.bytesMax { return said }
        note(unread: .extendedUnread(path, .tooLarge, isUpstream), path)
        return agreed
    }

    func saidLists(_ mine: AccessLists?, agreed: AccessLists?, here: AccessLists?) -> AccessLists? {
        guard items.contains(.acls) else { return nil }
        guard let mine, let agreed else { return mine ?? agreed }
        return here == mine ? agreed : mine
    }
}
