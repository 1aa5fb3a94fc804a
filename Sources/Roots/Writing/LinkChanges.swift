import Core
import Platform

/// What a session itself has done to inodes with several names, and to directories by changing what is in them. Each such change shows in
/// the ctime, by which a name would pass for changed by somebody else. One thread's own; grows with the inodes that were touched so.
final class LinkChanges {
    private var inodes: [UInt64: (known: Set<Timestamp>, last: Timestamp)] = [:]

    /// - Parameter before: the ctime that the inode had when it was found to be what was expected.
    func note(_ status: FileStatus, before: Timestamp) { note(status.inode, status.ctime, before: before) }

    func note(_ inode: UInt64, _ ctime: Timestamp, before: Timestamp) {
        // Somebody else has changed it in between.
        if let own = inodes[inode], own.last != before, !own.known.contains(before) { inodes[inode] = nil }
        inodes[inode, default: ([before], before)].known.insert(ctime)
        inodes[inode]?.last = ctime
    }

    /// Whether an entry is as it was expected, but for what was done here.
    func isUntouched(_ status: FileStatus, _ expected: Expected) -> Bool {
        if expected.isUntouched(status) { return true }
        guard let own = inodes[status.inode], own.last == status.ctime, case .present(_, let identity, _, _) = expected
        else { return false }
        return own.known.contains(identity.ctime) && expected.isSame(status)
    }

    /// What an entry is known by now, where nobody else has changed it since it was known by `identity`.
    func renewed(_ identity: LocalIdentity) -> LocalIdentity? {
        guard let own = inodes[identity.inode], own.known.contains(identity.ctime), own.last != identity.ctime else {
            return nil
        }
        var renewed = identity
        renewed.ctime = own.last
        return renewed
    }
}
