/// A POSIX ACL (acl(5)).
package struct AccessList: Hashable, Sendable {
    /// What a user or a group that is named may do.
    package struct Entry: Hashable, Sendable {
        package var isGroup: Bool
        package var account: Account
        /// 4 read, 2 write, 1 execute.
        package var permissions: UInt8

        package init(isGroup: Bool, account: Account, permissions: UInt8) {
            (self.isGroup, self.account, self.permissions) = (isGroup, account, permissions)
        }

        fileprivate var order: UInt64 { (isGroup ? 1 << 32 : 0) | UInt64(account.id) }
    }

    /// 0 in the access list of an entry: there its mode says what owner and others may, and the mask.
    package var owner: UInt8
    package var group: UInt8
    package var others: UInt8
    /// Nil in an access list, which always has the one of the mode, and in a default list that has none.
    package var mask: UInt8?
    /// By kind, then by number; each once.
    package private(set) var entries: [Entry]

    /// - Parameter entries: in any order. Of several for one user or group what all of them permit counts: names that are two at one
    ///   end may be one at another.
    package init(owner: UInt8 = 0, group: UInt8, others: UInt8 = 0, mask: UInt8? = nil, entries: [Entry]) {
        (self.owner, self.group, self.others, self.mask) = (owner, group, others, mask)
        self.entries = []
        for entry in entries.sorted(by: { $0.order < $1.order }) {
            if self.entries.last?.order == entry.order {
                self.entries[self.entries.count - 1].permissions &= entry.permissions
            } else {
                self.entries.append(entry)
            }
        }
    }

    /// The same with other accounts.
    package func mapping(_ account: (Entry) -> Account) -> AccessList {
        let mapped = entries.map { Entry(isGroup: $0.isGroup, account: account($0), permissions: $0.permissions) }
        return AccessList(owner: owner, group: group, others: others, mask: mask, entries: mapped)
    }

    fileprivate var bytesCount: Int { entries.reduce(6) { $0 + 6 + ($1.account.name?.count ?? 0) } }

    private static let noMask: UInt8 = 8

    fileprivate func write(to out: inout [UInt8]) {
        out += [owner, group, others, mask ?? AccessList.noMask]
        out.put(UInt16(entries.count))
        for entry in entries {
            let name: UInt8 = entry.account.name == nil ? 0 : 16
            out.append(entry.permissions | (entry.isGroup ? 8 : 0) | name)
            out.put(entry.account)
        }
    }

    /// - Parameter isAccess: of the entry itself, where the mode says the rest.
    fileprivate init?(reading input: inout MetadataReader, isAccess: Bool) {
        guard let head = input.bytes(4), head[0] < 8, head[1] < 8, head[2] < 8, head[3] <= AccessList.noMask,
            let count = input.number(UInt16.self)
        else { return nil }
        if isAccess && (head[0] != 0 || head[2] != 0 || head[3] != AccessList.noMask) { return nil }
        var entries: [Entry] = []
        for _ in 0..<count {
            guard let flags = input.byte(), flags < 32, let account = input.account(hasName: flags & 16 != 0) else {
                return nil
            }
            let entry = Entry(isGroup: flags & 8 != 0, account: account, permissions: flags & 7)
            if let last = entries.last, last.order >= entry.order { return nil }
            entries.append(entry)
        }
        // The kernel knows no named entries without a mask.
        if !isAccess && !entries.isEmpty && head[3] == AccessList.noMask { return nil }
        self.init(
            owner: head[0], group: head[1], others: head[2], mask: head[3] == AccessList.noMask ? nil : head[3],
            entries: entries)
    }
}

/// The ACLs of an entry.
package struct AccessLists: Hashable, Sendable {
    /// Nil where the mode says all.
    package var access: AccessList?
    /// What new entries in a directory get; nil where it says nothing, and for everything else.
    package var standard: AccessList?

    /// The most bytes of both.
    package static let bytesMax = 15 << 10

    package init(access: AccessList? = nil, standard: AccessList? = nil) {
        (self.access, self.standard) = (access, standard)
    }

    package var isEmpty: Bool { access == nil && standard == nil }

    /// What they take.
    package var bytesCount: Int { 1 + (access?.bytesCount ?? 0) + (standard?.bytesCount ?? 0) }

    func write(to out: inout [UInt8]) {
        out.append((access == nil ? 0 : 1) | (standard == nil ? 0 : 2))
        access?.write(to: &out)
        standard?.write(to: &out)
    }

    /// Nil for what `write` would not have written, or beyond `bytesMax`.
    init?(reading input: inout MetadataReader) {
        guard let flags = input.byte(), flags < 4 else { return nil }
        self.init()
        if flags & 1 != 0 {
            access = AccessList(reading: &input, isAccess: true)
            if access == nil { return nil }
        }
        if flags & 2 != 0 {
            standard = AccessList(reading: &input, isAccess: false)
            if standard == nil { return nil }
        }
        if bytesCount > AccessLists.bytesMax { return nil }
    }
}
