import Core
import Glibc
import Platform

/// Takes an entry that the plan saw out of the tree, or replaces it, checking before and after (invariant 4).
///
///     check the path ─► EXCHANGE staged ↔ path ─► check what came out ─► remove it, or keep it in the attic
///                                                     └─ something else: EXCHANGE back, changed meanwhile
///
/// Where the file system has no EXCHANGE: the old entry is parked in the stage, checked, and the new one renamed to the free name;
/// between the two the path is absent, and `Recovery` puts the parked one back after a kill.
struct Displacement {
    enum Result { case done, changed, missing, notEmpty }

    /// What we staged ourselves.
    struct Staged {
        var number: UInt64
        var inode: UInt64
    }

    /// Where an operation is: valid during it.
    struct Place {
        var path: TreePath
        var directory: Int32
        var name: UnsafePointer<CChar>
    }

    /// Parked names lie beyond all staged ones.
    static let parkedOffset: UInt64 = 1 << 62

    let stage: Stage
    /// Where files and symlinks go that are displaced; nil: they are unlinked.
    let attic: Attic
    let beside: Attic
    var ability: RenameAbility
    let changes = LinkChanges()
    /// Called between the check of a path and its change; for tests only.
    var onChecked: ((TreePath) -> Void)?

    var own: Int32 { stage.directory.raw }

    /// Puts `staged` in the place of what was `expected`. Unless done, the staged one is still the caller's to remove.
    func replace(_ staged: Staged, _ place: Place, expected: Expected) throws(SystemError) -> Result {
        if let difference = try look(place, expected) { return difference }
        if expected.isDirectory, try !isEmpty(place) { return .notEmpty }
        onChecked?(place.path)
        if ability == .full {
            do throws(SystemError) {
                return try exchange(staged, place, expected)
            } catch  where error.errno != EINVAL { throw error } catch {}
        }
        return try parkAndPublish(staged.number, place, expected)
    }

    /// Removes what was `expected`: a file or symlink by way of the stage's name `number`, so that it can be put back; a directory
    /// in its place, since `rmdir` takes only an empty one and a full one must not vanish for a moment.
    func remove(_ place: Place, expected: Expected, by number: UInt64) throws(SystemError) -> Result {
        if let difference = try look(place, expected) { return difference }
        onChecked?(place.path)
        if expected.isDirectory { return try removeDirectory(place) }
        return try Stage.withName(number) { parked throws(SystemError) in
            let result = try park(place, parked, expected)
            guard result == .done else { return result }
            do throws(SystemError) {
                try letGo(parked, place, expected)
            } catch {
                try giveBack(parked, place)
                throw error
            }
            return .done
        }
    }

    /// Unlinks a displaced file or symlink, or keeps it.
    private func letGo(_ parked: UnsafePointer<CChar>, _ place: Place, _ expected: Expected) throws(SystemError) {
        var status = FileStatus()
        guard status.load(at: own, parked), status.links > 1, case .present(_, let identity, _, _) = expected else {
            return try dispose(parked, place)
        }
        let others = try? Descriptor(at: own, parked, Descriptor.pathOnly | O_NOFOLLOW)
        try dispose(parked, place)
        if let others, let now = try? FileStatus(descriptor: others.raw) { changes.note(now, before: identity.ctime) }
    }

    private func dispose(_ parked: UnsafePointer<CChar>, _ place: Place) throws(SystemError) {
        switch stage.fate(at: place.path) {
        case .inAttic: try attic.keep(parked, in: own, of: place.path, ability)
        case .beside: try beside.keep(parked, in: own, of: place.path, ability)
        case .unlinked: try check("unlinkat") { unlinkat(own, parked, 0) }
        }
    }

    private func removeDirectory(_ place: Place) throws(SystemError) -> Result {
        if unlinkat(place.directory, place.name, AT_REMOVEDIR) == 0 { return .done }
        switch errno {
        case ENOTEMPTY, EEXIST: return .notEmpty
        case ENOTDIR: return .changed
        case ENOENT: return .missing
        default: throw SystemError("unlinkat")
        }
    }

    private func exchange(_ ours: Staged, _ place: Place, _ expected: Expected) throws(SystemError) -> Result {
        try Stage.withName(ours.number) { staged throws(SystemError) in
            do throws(SystemError) {
                try rename(at: own, staged, to: place.directory, place.name, .exchange)
            } catch  where error.errno == ENOENT { return .changed }
            guard try expected.isSame(FileStatus(at: own, staged)) else {
                try exchangeBack(staged, place, ours.inode)
                return .changed
            }
            let why: SystemError
            do throws(SystemError) {
                if !expected.isDirectory {
                    try letGo(staged, place, expected)
                } else {
                    try check("unlinkat") { unlinkat(own, staged, AT_REMOVEDIR) }
                }
                return .done
            } catch { why = error }
            try exchangeBack(staged, place, ours.inode)
            if why.errno == ENOTEMPTY || why.errno == EEXIST { return .notEmpty }
            throw why
        }
    }

    /// Afterwards the stage holds our own entry again, or nothing where somebody removed it from the path. What somebody put over
    /// it in the meantime stays at the path, and what we had displaced is kept in `rescued/`.
    private func exchangeBack(_ staged: UnsafePointer<CChar>, _ place: Place, _ ownInode: UInt64) throws(SystemError) {
        do throws(SystemError) {
            try rename(at: own, staged, to: place.directory, place.name, .exchange)
        } catch { return try giveBack(staged, place) }
        if try FileStatus(at: own, staged).inode == ownInode { return }
        try? rename(at: own, staged, to: place.directory, place.name, .exchange)
        try stage.rescue(place.path, staged)
    }

    /// Puts a user's entry back to its free path, or keeps it in `rescued/`.
    func giveBack(_ parked: UnsafePointer<CChar>, _ place: Place) throws(SystemError) {
        do throws(SystemError) {
            try Publishing.renameToFree(own, parked, place.directory, place.name, ability)
        } catch { try stage.rescue(place.path, parked) }
    }

    private func parkAndPublish(_ number: UInt64, _ place: Place, _ expected: Expected) throws(SystemError) -> Result {
        if expected.isDirectory {
            let removed = try removeDirectory(place)
            return removed == .done ? try publish(number, place) : removed
        }
        return try Stage.withName(number + Displacement.parkedOffset) { parked throws(SystemError) in
            let result = try park(place, parked, expected)
            guard result == .done else { return result }
            do throws(SystemError) {
                let isPublished = try publish(number, place) == .done
                try letGo(parked, place, expected)
                return isPublished ? .done : .changed
            } catch {
                try giveBack(parked, place)
                throw error
            }
        }
    }

    /// Renames the staged `number` to a name that must be free.
    func publish(_ number: UInt64, _ place: Place) throws(SystemError) -> Result {
        try Stage.withName(number) { staged throws(SystemError) in
            do throws(SystemError) {
                try Publishing.renameToFree(own, staged, place.directory, place.name, ability)
                return .done
            } catch  where error.errno == EEXIST { return .changed }
        }
    }

    /// Moves the entry into the stage and looks at it there; what is not as planned goes back.
    func park(_ place: Place, _ parked: UnsafePointer<CChar>, _ expected: Expected) throws(SystemError)
        -> Result
    {
        do throws(SystemError) {
            try rename(at: place.directory, place.name, to: own, parked, .replace)
        } catch  where error.errno == ENOENT { return .missing }
        if try expected.isSame(FileStatus(at: own, parked)) { return .done }
        try giveBack(parked, place)
        return .changed
    }

    /// How the path differs from what was expected; nil when it does not.
    private func look(_ place: Place, _ expected: Expected) throws(SystemError) -> Result? {
        var status = FileStatus()
        if status.load(at: place.directory, place.name) {
            return changes.isUntouched(status, expected) ? nil : .changed
        }
        if errno == ENOENT { return .missing }
        throw SystemError("statx")
    }

    private func isEmpty(_ place: Place) throws(SystemError) -> Bool {
        let listing = Descriptor(owning: try openWithin(place.directory, place.name, O_RDONLY | O_DIRECTORY))
        var count = 0
        try list(listing.raw) { _, _ in count += 1 }
        return count == 0
    }
}
