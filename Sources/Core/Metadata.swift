/// The numbers of an entry's user and group, as one end's file system has them.
package struct OwnerIDs: Hashable, Sendable {
    package var user: UInt32
    package var group: UInt32

    package init(user: UInt32, group: UInt32) {
        self.user = user
        self.group = group
    }
}

/// A user or a group as one end says it: by its name there, and by its number for who does not know the name.
package struct Account: Hashable, Sendable {
    package var id: UInt32
    /// 1...255 bytes without NUL; nil where that end knows none, and for 0, which is the same everywhere.
    package var name: [UInt8]?

    package init(id: UInt32, name: [UInt8]?) {
        self.id = id
        self.name = name
    }

    /// The most bytes of a name.
    package static let nameBytesMax = 255

    /// Room to reckon with for a name that is not known yet.
    package static let nameBytesUsual = 32

    /// Whether both mean the same: by name where both have one.
    package func isSame(as other: Account) -> Bool {
        if let name, let theirs = other.name { return name == theirs }
        return id == other.id && (name == nil) == (other.name == nil)
    }
}

/// What an entry has beside kind, mode, size and time, as far as the session keeps it in step. Shared by entries that have the same.
///
/// Its bytes are its form in `snap.db` and on the wire: a byte of flags (1 user, 2 group, 4 the user has a name, 8 the group has one,
/// 16 extended attributes, 32 ACLs, 64 another name of a file), then each that is there, in this order; `docs/format/snapshot.md` says how.
package final class Metadata: Hashable, Sendable {
    /// Nil where the session does not preserve it.
    package let owner: Account?
    /// Nil where the session does not preserve it.
    package let group: Account?
    /// Nil where the session does not preserve them, or nobody has looked at them.
    package let attributes: ExtendedAttributes?
    /// The same of ACLs.
    package let lists: AccessLists?
    /// The file is the same as the one at this path: another name of it.
    package let link: TreePath?
    package let bytes: [UInt8]

    /// The most bytes of one that is decoded.
    package static let bytesMax =
        1 + 2 * (5 + Account.nameBytesMax) + ExtendedAttributes.bytesMax + AccessLists.bytesMax + 2 + TreePath.bytesMax

    /// Nil for nothing at all.
    package init?(
        owner: Account?, group: Account?, attributes: ExtendedAttributes? = nil, lists: AccessLists? = nil,
        link: TreePath? = nil
    ) {
        if owner == nil && group == nil && attributes == nil && lists == nil && link == nil { return nil }
        (self.owner, self.group, self.attributes, self.lists) = (owner, group, attributes, lists)
        self.link = link
        var flags: UInt8 = 0
        var rest: [UInt8] = []
        for (account, bit) in [(owner, UInt8(1)), (group, UInt8(2))] {
            guard let account else { continue }
            flags |= bit | (account.name == nil ? 0 : bit << 2)
            rest.put(account)
        }
        if let attributes {
            flags |= 16
            attributes.write(to: &rest)
        }
        if let lists {
            flags |= 32
            lists.write(to: &rest)
        }
        if let link {
            flags |= 64
            rest.put(UInt16(link.key.count))
            rest += link.key
        }
        bytes = [flags] + rest
    }

    /// Reads `bytes`; nil for what `init` would not have written, or beyond the bounds of its parts.
    package convenience init?(validating raw: some Collection<UInt8>) {
        var input = MetadataReader(Array(raw))
        // A name only of who is there.
        guard let flags = input.byte(), (1...127).contains(flags), ((flags & 12) >> 2) & ~flags == 0 else { return nil }
        func account(_ bit: UInt8) -> Account?? {
            flags & bit == 0 ? .some(nil) : input.account(hasName: flags & (bit << 2) != 0).map { .some($0) }
        }
        guard let owner = account(1), let group = account(2) else { return nil }
        var attributes: ExtendedAttributes?
        var lists: AccessLists?
        if flags & 16 != 0 {
            attributes = ExtendedAttributes(reading: &input)
            if attributes == nil { return nil }
        }
        if flags & 32 != 0 {
            lists = AccessLists(reading: &input)
            if lists == nil { return nil }
        }
        var link: TreePath?
        if flags & 64 != 0 {
            link = input.path()
            if link == nil { return nil }
        }
        guard input.isAtEnd else { return nil }
        self.init(owner: owner, group: group, attributes: attributes, lists: lists, link: link)
    }

    package static func == (a: Metadata, b: Metadata) -> Bool { a === b || a.bytes == b.bytes }

    package func hash(into hasher: inout Hasher) { hasher.combine(bytes) }
}

/// Who knows users and groups by name and by number at one end.
package protocol AccountDirectory: Sendable {
    /// The user of this number, as one says it elsewhere.
    func user(_ id: UInt32) -> Account
    func group(_ id: UInt32) -> Account
    /// The number here of a user that another end named: that of the name where it is known, else the same number.
    func userID(of account: Account) -> UInt32
    func groupID(of account: Account) -> UInt32
}
