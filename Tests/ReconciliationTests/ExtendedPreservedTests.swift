import Core
import Reconciliation
import Testing

/// What a file system has of some paths.
private final class Disk: ExtendedReading {
    var scope: ExtendedAttributes.Scope = .all
    var hasLists = true
    var found: Extended? = Extended(attributes: [], lists: AccessLists())
    private(set) var readCount = 0

    func read(
        _ path: TreePath, _ identity: LocalIdentity, _ kind: EntryKind, scope: ExtendedAttributes.Scope?, lists: Bool
    ) -> Extended? {
        readCount += 1
        return found
    }
}

private struct Accounts: AccountDirectory {
    var names: [UInt32: String] = [:]

    func user(_ id: UInt32) -> Account { Account(id: id, name: names[id].map { Array($0.utf8) }) }
    func group(_ id: UInt32) -> Account { user(id) }
    func userID(of account: Account) -> UInt32 {
        names.first { entry in account.name.map { $0 == Array(entry.value.utf8) } ?? false }?.key ?? account.id
    }
    func groupID(of account: Account) -> UInt32 { userID(of: account) }
}

/// What one end makes of what another says of extended attributes and ACLs; without a file.
@Suite struct ExtendedPreservedTests {
    private static let entry = EntryStatus(
        attributes: Attributes(kind: .file, mode: 0o644, size: 3, mtime: .zero),
        identity: LocalIdentity(device: 1, inode: 1, birth: .zero, mtime: .zero, ctime: .zero))

    private func end(
        _ items: Preservation, _ disk: Disk, isUpstream: Bool = false, rights: ExtendedAttributes.Scope = .all,
        _ names: [UInt32: String] = [:]
    ) -> Preserved {
        Preserved(
            items, isUpstream: isUpstream, isWritten: !isUpstream, accounts: Accounts(names: names),
            rights: ProcessRights(isPrivileged: true, user: 0, groups: [], umask: 0o022, attributes: rights),
            extended: disk)
    }

    private func attribute(_ name: String, _ value: String = "") -> ExtendedAttribute {
        ExtendedAttribute(name: Array(name.utf8), value: Array(value.utf8))
    }

    private func said(_ list: [ExtendedAttribute], _ scope: ExtendedAttributes.Scope = .all) -> Attributes {
        var said = Self.entry.attributes
        said.metadata = Metadata(owner: nil, group: nil, attributes: ExtendedAttributes(scope, list))
        return said
    }

    private func row(_ agreed: Attributes, _ local: LocalIdentity?) -> Row {
        Row(path: .root, agreed: AgreedEntry(attributes: agreed, digest: nil), local: local, state: .agreed, number: 1)
    }

    @Test func onlyWhatMayHaveChanged_isRead() {
        let disk = Disk()
        let target = end([.xattrs, .acls], disk)
        var agreed = said([attribute("user.a")])
        agreed.metadata = Metadata(
            owner: nil, group: nil, attributes: agreed.metadata!.attributes, lists: AccessLists())
        let seen = target.seen(.root, Self.entry, row(agreed, Self.entry.identity))
        #expect(disk.readCount == 0 && seen.metadata == agreed.metadata && target.isSame(seen, as: agreed))
        var changed = Self.entry.identity
        changed.ctime.seconds += 1
        #expect(!target.isSame(target.seen(.root, Self.entry, row(agreed, changed)), as: agreed))
        #expect(disk.readCount == 1)
        let without = end([.mode, .times, .owner], disk)
        _ = without.said(.root, Self.entry, agreed: nil)
        #expect(disk.readCount == 1)
    }

    @Test func whatAnEndCannotKeep_isLeft_toldOnce_andSaidAsAgreed() {
        let disk = Disk()
        disk.found?.attributes = [attribute("user.a", "1")]
        let target = end([.xattrs], disk, rights: .user)
        let wanted = said([attribute("user.a", "1"), attribute("trusted.t", "2")])
        let standing = target.seen(.root, Self.entry, nil)
        #expect(target.here(wanted, over: standing) == standing && target.isSame(standing, as: wanted))
        #expect(target.takeProblems().map(\.code) == ["preserve.xattrs-denied"])
        #expect(target.takeProblems().isEmpty)
        #expect(target.said(.root, Self.entry, agreed: wanted).metadata == wanted.metadata)
        // Who says nothing of a namespace takes nothing of it away.
        disk.found?.attributes = [attribute("trusted.t", "2"), attribute("user.a", "1")]
        let privileged = end([.xattrs], disk)
        let plain = said([], .user)
        let here = privileged.here(plain, over: privileged.seen(.root, Self.entry, nil))
        #expect(here.metadata?.attributes?.list == [attribute("trusted.t", "2")])
    }

    @Test func fileSystemWithoutThem_isToldOnce_andNothingIsSetThere() {
        let disk = Disk()
        (disk.scope, disk.hasLists) = ([], false)
        let target = end([.xattrs, .acls], disk)
        var wanted = said([attribute("user.a")])
        let list = AccessList(group: 5, entries: [])
        wanted.metadata = Metadata(
            owner: nil, group: nil, attributes: wanted.metadata!.attributes, lists: AccessLists(access: list))
        let standing = target.seen(.root, Self.entry, nil)
        #expect(target.isSame(standing, as: wanted) && target.here(wanted, over: standing) == standing)
        let dressing = target.dressing(target.here(wanted, over: nil), isNew: true)
        #expect(dressing.attributes?.list == [] && dressing.lists == nil)
        #expect(target.takeProblems().map(\.code) == ["preserve.xattrs-unsupported", "preserve.acls-unsupported"])
        #expect(target.said(.root, Self.entry, agreed: wanted).metadata == wanted.metadata)
    }

    @Test func namesInLists_decide_numbersWhereTheyAreUnknown() {
        func list(_ id: UInt32, _ other: UInt32) -> AccessList {
            let entries = [id, other].map {
                AccessList.Entry(isGroup: false, account: Account(id: $0, name: nil), permissions: 6)
            }
            return AccessList(group: 5, entries: entries)
        }
        let disk = Disk()
        disk.found?.lists = AccessLists(access: list(1000, 7))
        let said = end([.acls], disk, isUpstream: true, [1000: "alice"]).said(.root, Self.entry, agreed: nil)
        let target = end([.acls], disk, [2000: "alice"])
        let here = target.here(said, over: nil)
        #expect(here.metadata?.lists?.access?.entries.map(\.account.id) == [7, 2000])
        disk.found?.lists = AccessLists(access: list(7, 2000))
        let standing = target.seen(.root, Self.entry, nil)
        #expect(target.isSame(standing, as: said))
        #expect(target.said(.root, Self.entry, agreed: said).metadata == said.metadata)
    }

    @Test func whatCannotBeRead_isAProblemOfThePath_andLeft() {
        let disk = Disk()
        disk.found = Extended()
        disk.found?.fault = .tooLarge
        let source = end([.xattrs], disk, isUpstream: true)
        let agreed = said([attribute("user.a")])
        #expect(source.said(.root, Self.entry, agreed: agreed).metadata == agreed.metadata)
        let first = source.said(.root, Self.entry, agreed: nil)
        #expect(source.takeProblems().map(\.code) == ["preserve.too-large"] && source.takeProblems().isEmpty)
        let standing = said([attribute("user.b")])
        #expect(end([.xattrs], Disk()).here(first, over: standing).metadata == standing.metadata)
    }

    @Test func metadata_comesBackFromItsBytes_andNothingElseIsTaken() {
        let accounts = [Account(id: 1, name: Array("a".utf8)), Account(id: 2, name: nil)]
        let entries = accounts.map { AccessList.Entry(isGroup: $0.id == 2, account: $0, permissions: 5) }
        let lists = AccessLists(
            access: AccessList(group: 5, entries: entries),
            standard: AccessList(owner: 7, group: 1, others: 0, mask: 3, entries: entries))
        let attributes = ExtendedAttributes([.user, .trusted], [attribute("user.b", "x"), attribute("trusted.a")])
        let whole = Metadata(owner: accounts[0], group: accounts[1], attributes: attributes, lists: lists)!
        let again = Metadata(validating: whole.bytes)
        #expect(again == whole && again?.attributes == attributes && again?.lists == lists)
        for count in 0..<whole.bytes.count { #expect(Metadata(validating: whole.bytes.prefix(count)) == nil) }
        #expect(Metadata(validating: whole.bytes + [0]) == nil)
        func refused(_ bytes: [UInt8]) { #expect(Metadata(validating: bytes) == nil, "\(bytes)") }
        let user = Array("user.a".utf8)
        // Twice the same name; another namespace than said; none at all; a name with NUL; a length beyond what is there.
        let one: [UInt8] = [6] + user + [0, 0, 0, 0]
        refused([16, 1, 2, 0] + one + one)
        refused([16, 2, 1, 0] + one)
        refused([16, 8, 0, 0])
        refused([16, 1, 1, 0, 6] + user.dropLast() + [0, 0, 0, 0, 0])
        refused([16, 1, 1, 0, 6] + user + [255, 255, 255, 255])
        refused([16, 4, 1, 0, 25] + Array("system.posix_acl_access12".utf8) + [0, 0, 0, 0])
        // Owner's bits in an access list; entries out of order; a named entry without a mask.
        refused([32, 1, 7, 5, 0, 8, 0, 0])
        refused([32, 1, 0, 5, 0, 8, 2, 0, 5, 2, 0, 0, 0, 5, 1, 0, 0, 0])
        refused([32, 2, 7, 5, 0, 8, 1, 0, 5, 1, 0, 0, 0])
        refused([64])
    }
}
