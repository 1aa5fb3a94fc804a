import Core
import Glibc
import Platform

/// How an entry gets another name: one `rename`, so that at every moment both paths hold their old or their new content.
///
///     check the old path ─► rename to the free name ─► check what came out ─► done
///                                                          └─ something else: renamed back, changed meanwhile
///
/// Two that change places do so by EXCHANGE. Where that is missing, and where a file system takes both names for one (another case), the
/// entry goes through the stage under a durable intent, by which `Recovery` undoes or finishes it.
extension Applier {
    func move(
        _ from: TreePath, _ to: TreePath, _ expected: Expected, _ parking: Displacement.Staged?, _ batch: inout Batch
    ) throws(SystemError) -> Outcome {
        guard let places = try enter(from, to, &batch) else { return .changedMeanwhile }
        guard try displacement.isUntouched(places.from, expected) else { return .changedMeanwhile }
        displacement.onChecked?(from)
        do throws(SystemError) {
            try displacement.move(places.from, places.to)
        } catch  where error.errno == EEXIST {
            guard let parking, try displacement.isSame(places.to, expected) else { return .changedMeanwhile }
            guard try displacement.move(places.from, places.to, by: parking.number, expected) else {
                return .changedMeanwhile
            }
        }
        guard try displacement.isSame(places.to, expected) else {
            try? displacement.move(places.to, places.from)
            return .changedMeanwhile
        }
        let status = try FileStatus(at: places.to.directory, places.to.name)
        if expected.isDirectory { renamed(from, to, &batch) }
        return .done(EntryStatus(status))
    }

    func exchange(
        _ path: TreePath, _ other: TreePath, _ expected: Expected, _ otherExpected: Expected,
        _ parking: Displacement.Staged?, _ batch: inout Batch
    ) throws(SystemError) -> Outcome {
        guard let parking, let places = try enter(path, other, &batch) else { return .changedMeanwhile }
        guard try displacement.isUntouched(places.from, expected),
            try displacement.isUntouched(places.to, otherExpected)
        else { return .changedMeanwhile }
        displacement.onChecked?(path)
        guard try displacement.exchange(places, expected, otherExpected, by: parking.number) else {
            return .changedMeanwhile
        }
        let here = try FileStatus(at: places.from.directory, places.from.name)
        let there = try FileStatus(at: places.to.directory, places.to.name)
        if expected.isDirectory || otherExpected.isDirectory { renamed(path, other, &batch) }
        return .exchanged(EntryStatus(here), EntryStatus(there))
    }

    /// Finds both paths and notes their directories; nil where one of these is not there.
    private func enter(_ from: TreePath, _ to: TreePath, _ batch: inout Batch) throws(SystemError) -> RenamePlaces? {
        guard !from.isRoot, !to.isRoot else { throw SystemError("renameat2", EBUSY) }
        do throws(SystemError) {
            let old = try enter(from, &batch)
            let place = try otherCursor.locate(to)
            try batch.directories.touch(to.parent, place.directory)
            return RenamePlaces(
                from: old, to: Displacement.Place(path: to, directory: place.directory, name: place.name))
        } catch  where error.errno == ENOENT { return nil }
    }

    /// A directory is another one's by now: descriptors below either are of no use.
    private func renamed(_ from: TreePath, _ to: TreePath, _ batch: inout Batch) {
        batch.directories.rename(from, to)
        for cursor in [cursor, otherCursor] {
            cursor.invalidate(below: from)
            cursor.invalidate(below: to)
        }
    }
}

/// Both ends of a rename: valid while it runs.
struct RenamePlaces {
    var from: Displacement.Place
    var to: Displacement.Place

    /// Whether two names in one directory differ in nothing but the case of letters, as far as ASCII goes.
    static func isAnotherCase(_ from: TreePath, _ to: TreePath) -> Bool {
        func lowered(_ path: TreePath) -> [UInt8] { path.key.map { (65...90).contains($0) ? $0 + 32 : $0 } }
        return from.parent == to.parent && lowered(from) == lowered(to)
    }
}

extension Displacement {
    func isUntouched(_ place: Place, _ expected: Expected) throws(SystemError) -> Bool {
        var status = FileStatus()
        if status.load(at: place.directory, place.name) { return expected.isUntouched(status) && !status.isMountRoot }
        if errno == ENOENT { return false }
        throw SystemError("statx")
    }

    /// Whether the entry is the one that was expected, which a rename may have touched.
    func isSame(_ place: Place, _ expected: Expected) throws(SystemError) -> Bool {
        var status = FileStatus()
        return status.load(at: place.directory, place.name) && expected.isSame(status)
    }

    /// EEXIST where the new name is taken.
    func move(_ from: Place, _ to: Place) throws(SystemError) {
        try Publishing.renameToFree(from.directory, from.name, to.directory, to.name, ability)
    }

    /// The same by way of the stage's name `number`; false where the entry is back at its old name, or, that being taken, in `rescued/`.
    func move(_ from: Place, _ to: Place, by number: UInt64, _ expected: Expected) throws(SystemError) -> Bool {
        try Stage.withName(number) { parked throws(SystemError) in
            guard try park(from, parked, expected) == .done else { return false }
            return try unpark(parked, to, elseTo: from)
        }
    }

    /// Has two entries change places; false where neither, or one of them, was what was expected: then both are where they were.
    func exchange(_ places: RenamePlaces, _ expected: Expected, _ other: Expected, by number: UInt64)
        throws(SystemError) -> Bool
    {
        let (from, to) = (places.from, places.to)
        if ability == .full {
            do throws(SystemError) {
                try rename(at: from.directory, from.name, to: to.directory, to.name, .exchange)
                if try isSame(to, expected), try isSame(from, other) { return true }
                try rename(at: from.directory, from.name, to: to.directory, to.name, .exchange)
                return false
            } catch  where error.errno == ENOENT { return false } catch  where error.errno != EINVAL {
                throw error
            } catch {}
        }
        return try Stage.withName(number) { parked throws(SystemError) in
            guard try park(from, parked, expected) == .done else { return false }
            do throws(SystemError) { try move(to, from) } catch {
                try giveBack(parked, from)
                return false
            }
            return try unpark(parked, to, elseTo: from)
        }
    }

    /// Takes a parked entry out of the stage, to the first of two names if that is free.
    private func unpark(_ parked: UnsafePointer<CChar>, _ place: Place, elseTo old: Place) throws(SystemError) -> Bool {
        do throws(SystemError) {
            try Publishing.renameToFree(own, parked, place.directory, place.name, ability)
            return true
        } catch {
            try giveBack(parked, old)
            return false
        }
    }
}

extension Operation {
    /// The directories whose entries it changes, and a directory that it moves, whose `..` changes.
    var directories: [TreePath] {
        switch self {
        case .move(let from, let to, let expected):
            [from.parent, to.parent] + (expected.isDirectory && from.parent != to.parent ? [from] : [])
        case .exchange(let path, let other, let expected, let otherExpected):
            [path.parent, other.parent] + (expected.isDirectory ? [path] : [])
                + (otherExpected.isDirectory ? [other] : [])
        default: [expected.isDirectory ? path : path.parent]
        }
    }
}
