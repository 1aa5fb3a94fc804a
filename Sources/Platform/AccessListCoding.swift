import Core

/// ACLs as the kernel takes and gives them (`posix_acl_xattr.h`): a version, then for each entry a tag, permissions and a number, little endian.
package enum AccessListCoding {
    private enum Tag: UInt16 {
        case owner = 1
        case user = 2
        case owningGroup = 4
        case group = 8
        case mask = 16
        case others = 32
    }

    private static let version: UInt32 = 2
    private static let nobody = UInt32.max

    /// - Parameter mode: of the entry, for an access list: it says what owner and others may, and the mask. Nil for a default list.
    package static func encode(_ list: AccessList, mode: UInt16?) -> [UInt8] {
        var out: [UInt8] = []
        func put(_ number: some FixedWidthInteger) {
            withUnsafeBytes(of: number.littleEndian) { out.append(contentsOf: $0) }
        }
        func put(_ tag: Tag, _ permissions: UInt8, _ id: UInt32 = nobody) {
            put(tag.rawValue)
            put(UInt16(permissions))
            put(id)
        }
        func bits(_ shift: UInt16) -> UInt8? { mode.map { UInt8($0 >> shift & 7) } }
        put(version)
        put(.owner, bits(6) ?? list.owner)
        for entry in list.entries where !entry.isGroup { put(.user, entry.permissions, entry.account.id) }
        put(.owningGroup, list.group)
        for entry in list.entries where entry.isGroup { put(.group, entry.permissions, entry.account.id) }
        if let mask = bits(3) ?? list.mask { put(.mask, mask) }
        put(.others, bits(0) ?? list.others)
        return out
    }

    /// With numbers in the place of names. Nil for what is of another form, and for an access list that says no more than a mode.
    package static func decode(_ bytes: [UInt8], isAccess: Bool) -> AccessList? {
        guard bytes.count >= 4, bytes.count % 8 == 4, number(bytes, 0) as UInt32 == version else { return nil }
        var plain: [Tag: UInt8] = [:]
        var entries: [AccessList.Entry] = []
        for offset in stride(from: 4, to: bytes.count, by: 8) {
            guard let tag = Tag(rawValue: number(bytes, offset)) else { return nil }
            let permissions = UInt8(truncatingIfNeeded: number(bytes, offset + 2) as UInt16) & 7
            if tag == .user || tag == .group {
                let account = Account(id: number(bytes, offset + 4), name: nil)
                entries.append(
                    AccessList.Entry(isGroup: tag == .group, account: account, permissions: permissions))
            } else {
                plain[tag] = permissions
            }
        }
        guard let group = plain[.owningGroup] else { return nil }
        if isAccess { return plain[.mask] == nil ? nil : AccessList(group: group, entries: entries) }
        return AccessList(
            owner: plain[.owner] ?? 0, group: group, others: plain[.others] ?? 0, mask: plain[.mask], entries: entries)
    }

    private static func number<Number: FixedWidthInteger>(_ bytes: [UInt8], _ offset: Int) -> Number {
        bytes.withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Number.self)) }
    }
}
