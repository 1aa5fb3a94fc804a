import Core
import Glibc
import Platform

/// Something of the user's that a killed run left in the stage and that had no place to go back to.
package struct Rescued: Sendable, Equatable {
    /// Where it stood; the root where that is not known.
    package var path: TreePath
    /// Its name in `.headwater/<session>/rescued/`.
    package var name: String
}

/// Undoes or finishes what a killed run left in the stage, then empties it. Runs before anything else of a session.
///
///     stage/N is gone, or is what we staged          nothing of the user's: removed
///     stage/N is the old entry the plan saw          a new one stands at its path, or it was to be removed: removed,
///                                                    or put into the attic where the killed run had one
///                                                    its path is free (killed between parking and publishing): put back
///     stage/N was parked for a rename                put back where its old path is free, else to its new one; kept in rescued/
///                                                    where both are taken
///     stage/N is anything else, so somebody's edit   put back: to the free path, or in exchange for what we published
///                                                    where the path holds a third thing: kept in rescued/
struct Recovery {
    let root: Int32
    let session: Int32
    let stage: Int32
    let intent: Int32
    let attic: Attic

    func run() throws(SystemError) -> [Rescued] {
        let entries = try Intent.read(from: intent)
        let cursor = TreeCursor(root: root)
        var rescued = [Rescued]()
        for entry in entries {
            for number in [entry.number, entry.number + Displacement.parkedOffset] {
                if let kept = try recover(entry, number, cursor) { rescued.append(kept) }
            }
        }
        try attic.makeDurable()
        return try rescued + clear()
    }

    /// Opens the intent, or makes an empty one. What has its name and is none of ours is kept for a person, aside.
    static func openIntent(stage: Int32, session: Int32) throws(SystemError) -> (Descriptor, odd: [Rescued]) {
        var status = FileStatus()
        var odd = [Rescued]()
        if status.load(at: stage, Intent.name), status.kind != .file || status.links != 1 {
            odd.append(try rescue(.root, Intent.name, stage: stage, session: session))
        }
        let flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK
        return (try Descriptor(at: stage, Intent.name, flags, mode: 0o600), odd)
    }

    private func recover(_ entry: Intent.Entry, _ number: UInt64, _ cursor: TreeCursor) throws(SystemError)
        -> Rescued?
    {
        try Stage.withName(number) { name throws(SystemError) in
            var found = FileStatus()
            guard found.load(at: stage, name) else { return nil }
            if found.inode == entry.ownInode { return nil }
            if let other = entry.other { return try unpark(entry, name, [entry.path, other], cursor) }
            let isPlanned = entry.expected.isSame(found)
            if isPlanned && entry.isRemoval { return try finish(entry, name) }
            guard let place = try? cursor.locate(entry.path) else {
                return try isPlanned ? finish(entry, name) : rescue(entry, name)
            }
            return try restore(entry, name, isPlanned, place)
        }
    }

    /// Undoes the first half of a rename, or finishes it.
    private func unpark(
        _ entry: Intent.Entry, _ name: UnsafePointer<CChar>, _ paths: [TreePath], _ cursor: TreeCursor
    ) throws(SystemError) -> Rescued? {
        for path in paths {
            guard let place = try? cursor.locate(path) else { continue }
            do throws(SystemError) {
                try Publishing.renameToFree(stage, name, place.directory, place.name, .full)
                return nil
            } catch { continue }
        }
        return try rescue(entry, name)
    }

    private func restore(
        _ entry: Intent.Entry, _ name: UnsafePointer<CChar>, _ isPlanned: Bool,
        _ place: (directory: Int32, name: UnsafePointer<CChar>)
    ) throws(SystemError) -> Rescued? {
        var standing = FileStatus()
        guard standing.load(at: place.directory, place.name) else {
            do throws(SystemError) {
                try Publishing.renameToFree(stage, name, place.directory, place.name, .full)
                return nil
            } catch { return try rescue(entry, name) }
        }
        if isPlanned { return try finish(entry, name) }
        guard standing.inode == entry.ownInode else { return try rescue(entry, name) }
        do throws(SystemError) {
            try rename(at: stage, name, to: place.directory, place.name, .exchange)
            return nil
        } catch { return try rescue(entry, name) }
    }

    /// The old entry, displaced as planned: kept where that was intended; else it goes with what is left.
    private func finish(_ entry: Intent.Entry, _ name: UnsafePointer<CChar>) throws(SystemError) -> Rescued? {
        guard entry.isKept else { return nil }
        do throws(SystemError) {
            try attic.keep(name, in: stage, of: entry.path)
            return nil
        } catch { return try rescue(entry, name) }
    }

    private func rescue(_ entry: Intent.Entry, _ name: UnsafePointer<CChar>) throws(SystemError) -> Rescued {
        try Recovery.rescue(entry.path, name, stage: stage, session: session)
    }

    /// Moves it out of the stage, to a name that no earlier rescue took.
    static func rescue(_ path: TreePath, _ name: UnsafePointer<CChar>, stage: Int32, session: Int32)
        throws(SystemError) -> Rescued
    {
        let device = try FileStatus(descriptor: stage).device
        let directory = try Stage.privateDirectory(session, "rescued", device)
        var index = 0
        while true {
            index += 1
            let kept = "\(index)"
            var taken = FileStatus()
            if taken.load(at: directory.raw, kept) { continue }
            try Publishing.renameToFree(stage, name, directory.raw, kept, .full)
            return Rescued(path: path, name: kept)
        }
    }

    /// Removes all that is left: what was staged and never published, and what was displaced as planned. A directory with something in it
    /// was put there by somebody else, or filled by him when it was displaced: it is kept for a person.
    private func clear() throws(SystemError) -> [Rescued] {
        var names = [[CChar]]()
        let listing = Descriptor(owning: try openWithin(stage, ".", O_RDONLY | O_DIRECTORY))
        try list(listing.raw) { name, count in
            if strcmp(name, Intent.name) != 0 {
                names.append(Array(UnsafeBufferPointer(start: name, count: count + 1)))
            }
        }
        var rescued = [Rescued]()
        for name in names where unlinkat(stage, name, 0) != 0 && unlinkat(stage, name, AT_REMOVEDIR) != 0 {
            if errno == ENOENT { continue }
            rescued.append(try Recovery.rescue(.root, name, stage: stage, session: session))
        }
        return rescued
    }
}

/// `listDirectory` with a buffer of its own and the error of a system call.
func list(_ directory: Int32, _ body: (UnsafePointer<CChar>, Int) -> Void) throws(SystemError) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 8)
    defer { buffer.deallocate() }
    do {
        try listDirectory(directory, buffer: buffer) { body($0, $1) }
    } catch let error as SystemError { throw error } catch { throw SystemError("getdents64", EIO) }
}
