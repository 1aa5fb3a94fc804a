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

    /// Whether both mean the same: by name where both have one.
    package func isSame(as other: Account) -> Bool {
        if let name, let theirs = other.name { return name == theirs }
        return id == other.id && (name == nil) == (other.name == nil)
    }
}

/// What an entry has beside kind, mode, size and time, as far as the session keeps it in step. Shared by all entries that have the same.
///
/// Its bytes are its form in `snap.db` and on the wire: a byte of flags (1 user, 2 group, 4 the user has a name, 8 the group has one), then for
/// each that is there four bytes of number, little endian, and for a name its length in a byte and its bytes.
package final class Metadata: Hashable, Sendable {
    /// Nil where the session does not preserve it.
    package let owner: Account?
    /// Nil where the session does not preserve it.
    package let group: Account?
    package let bytes: [UInt8]

    /// The most bytes of one.
    package static let bytesMax = 1 + 2 * (5 + Account.nameBytesMax)

    /// Nil for nothing at all.
    package init?(owner: Account?, group: Account?) {
        if owner == nil && group == nil { return nil }
        (self.owner, self.group) = (owner, group)
        var flags: UInt8 = 0
        var rest: [UInt8] = []
        for (account, bit) in [(owner, UInt8(1)), (group, UInt8(2))] {
            guard let account else { continue }
            flags |= bit
            for shift in [0, 8, 16, 24] { rest.append(UInt8(truncatingIfNeeded: account.id >> UInt32(shift))) }
            guard let name = account.name else { continue }
            precondition((1...Account.nameBytesMax).contains(name.count), "a name was not validated")
            flags |= bit << 2
            rest.append(UInt8(name.count))
            rest += name
        }
        bytes = [flags] + rest
    }

    /// Reads `bytes`; nil for what `init` would not have written.
    package convenience init?(validating raw: some Collection<UInt8>) {
        let raw = Array(raw)
        // A name only of who is there.
        guard let flags = raw.first, (1...15).contains(flags), (flags >> 2) & ~flags == 0 else { return nil }
        var rest = raw[1...]
        func account(_ bit: UInt8) -> Account?? {
            if flags & bit == 0 { return .some(nil) }
            guard rest.count >= 4 else { return nil }
            let id = rest.prefix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            rest = rest.dropFirst(4)
            if flags & (bit << 2) == 0 { return Account(id: id, name: nil) }
            guard let count = rest.popFirst(), count > 0, rest.count >= Int(count) else { return nil }
            let name = Array(rest.prefix(Int(count)))
            rest = rest.dropFirst(Int(count))
            return name.contains(0) ? nil : Account(id: id, name: name)
        }
        guard let owner = account(1), let group = account(2), rest.isEmpty else { return nil }
        self.init(owner: owner, group: group)
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
