import Core
import Reconciliation
import Testing

/// Users and groups of one machine.
private struct Accounts: AccountDirectory {
    var users: [UInt32: String]
    var groups: [UInt32: String]

    func user(_ id: UInt32) -> Account { Account(id: id, name: users[id].map { Array($0.utf8) }) }
    func group(_ id: UInt32) -> Account { Account(id: id, name: groups[id].map { Array($0.utf8) }) }
    func userID(of account: Account) -> UInt32 { id(account, users) }
    func groupID(of account: Account) -> UInt32 { id(account, groups) }

    private func id(_ account: Account, _ table: [UInt32: String]) -> UInt32 {
        table.first { entry in account.name.map { $0 == Array(entry.value.utf8) } ?? false }?.key ?? account.id
    }
}

/// What one end makes of what another says of owners, groups, modes and times; without a file.
@Suite struct PreservedTests {
    private static let file = Attributes(
        kind: .file, mode: 0o4755, size: 3, mtime: Timestamp(seconds: 9, nanoseconds: 0))
    private static let far = Accounts(users: [1000: "alice", 1001: "bob"], groups: [100: "staff"])
    private static let here = Accounts(users: [2000: "alice"], groups: [200: "staff", 300: "others"])

    private func end(
        _ items: Preservation, isUpstream: Bool = false, isWritten: Bool = true, privileged: Bool = true,
        _ accounts: Accounts = Self.here
    ) -> Preserved {
        Preserved(
            items, isUpstream: isUpstream, isWritten: isWritten, accounts: accounts,
            rights: ProcessRights(isPrivileged: privileged, user: 500, groups: [300], umask: 0o027))
    }

    private func source(_ items: Preservation) -> Preserved {
        end(items, isUpstream: true, isWritten: false, Self.far)
    }

    private func entry(_ user: UInt32, _ group: UInt32) -> EntryStatus {
        EntryStatus(
            attributes: Self.file,
            identity: LocalIdentity(device: 1, inode: 1, birth: .zero, mtime: .zero, ctime: .zero),
            owner: OwnerIDs(user: user, group: group))
    }

    @Test(
        arguments: [
            (1000, 100, 2000, 200), (1001, 100, 1001, 200), (1002, 101, 1002, 101), (0, 0, 0, 0),
        ] as [(UInt32, UInt32, UInt32, UInt32)])
    func namesDecide_numbersWhereTheyAreUnknown(
        _ user: UInt32, _ group: UInt32, _ userHere: UInt32, _ groupHere: UInt32
    ) {
        let items: Preservation = [.mode, .owner, .group]
        let target = end(items)
        let said = source(items).said(.root, entry(user, group), agreed: nil)
        let here = target.here(said, over: nil)
        let dressing = target.dressing(here, isNew: true)
        #expect(dressing.user == userHere && dressing.group == groupHere)
        // What stands so already is neither set nor drift.
        let standing = target.seen(entry(userHere, groupHere))
        #expect(target.here(said, over: standing) == standing && target.isSame(standing, as: said))
        #expect(!target.isSame(target.seen(entry(userHere + 1, groupHere)), as: said))
        #expect(!target.isSame(target.seen(entry(userHere, groupHere + 1)), as: said))
        #expect(target.takeProblems().isEmpty)
    }

    @Test func withoutTheRight_itStaysAsItIs_andIsToldOnce() {
        let items: Preservation = [.mode, .owner, .group]
        let target = end(items, privileged: false)
        let said = source(items).said(.root, entry(1000, 100), agreed: nil)
        let standing = target.seen(entry(500, 300))
        #expect(target.isSame(standing, as: said) && target.here(said, over: standing) == standing)
        let dressing = target.dressing(target.here(said, over: nil), isNew: true)
        #expect(dressing.user == nil && dressing.group == nil && dressing.specialBits == 0)
        #expect(target.takeProblems().map(\.code) == ["preserve.owner-denied", "preserve.group-denied"])
        #expect(target.takeProblems().isEmpty)
        // What is said back is what was agreed, not what came of it here.
        #expect(target.said(.root, entry(500, 300), agreed: said).metadata == said.metadata)
        // A group that the user is in may be set.
        let others = Accounts(users: [:], groups: [7: "others"])
        let group = end([.group], isUpstream: true, isWritten: false, others).said(.root, entry(1, 7), agreed: nil)
        let own = end([.group], privileged: false)
        #expect(own.dressing(own.here(group, over: nil), isNew: true).group == 300 && own.takeProblems().isEmpty)
    }

    /// Setuid acts under the owner and setgid under the group: neither comes without whom it acts for, nor counts as a difference.
    @Test(
        arguments: [
            ([.mode], true, 0o755), ([.owner, .group], true, 0o750), ([.mode, .owner], true, 0o4755),
            ([.mode, .group], true, 0o755), ([.mode, .owner, .group], true, 0o6755),
            ([.mode, .owner, .group], false, 0o755),
        ] as [(Preservation, Bool, UInt16)])
    func specialBits_travelOnlyWithTheirOwner(_ items: Preservation, _ privileged: Bool, _ mode: UInt16) {
        var special = entry(0, 0)
        special.attributes.mode = 0o6755
        let target = end(items, privileged: privileged)
        let said = source(items).said(.root, special, agreed: nil)
        let here = target.here(said, over: nil)
        #expect(here.mode == mode)
        var standing = entry(0, 0)
        standing.attributes.mode = mode
        #expect(target.isSame(target.seen(standing), as: said))
        // A peer that says so nevertheless gains nothing.
        #expect(target.here(special.attributes, over: nil).mode == mode)
    }

    @Test func modeAndTimesLeftOut_areThoseThatStand_orThoseOfTheUmask() {
        let target = end([])
        let said = source([]).said(.root, entry(1000, 100), agreed: nil)
        #expect(said.metadata == nil)
        #expect(target.here(said, over: nil).mode == 0o750)
        var standing = entry(3, 4)
        (standing.attributes.mode, standing.attributes.mtime) = (0o600, .zero)
        let seen = target.seen(standing)
        #expect(target.here(said, over: seen) == seen && target.isSame(seen, as: said))
        let dressing = target.dressing(seen, isNew: false)
        #expect(!dressing.setsMode && !dressing.setsTime && dressing.user == nil)
    }

    @Test func rowsOfATimeBeforeTheKey_areSaidAnewByTheUpstreamEndAlone() {
        var agreed = Self.file
        agreed.mode = 0o755
        let up = end([.mode, .owner], isUpstream: true)
        #expect(!up.isSame(up.seen(entry(2000, 200)), as: agreed))
        let down = end([.mode, .owner])
        var mine = entry(2000, 200)
        mine.attributes.mode = 0o755
        #expect(down.isSame(down.seen(mine), as: agreed))
    }
}
