import Core
import Glibc
import Platform

/// Which directory is a session's attic, and the moment that the names of its entries tell.
package struct AtticPlace: Sendable {
    /// Beneath the root of the tree; nil is `.headwater/<session>/attic`.
    package var path: TreePath?
    package var moment: Timestamp
    /// Stands in the names as well, before the moment.
    var label: String?

    package init(path: TreePath?, at moment: Timestamp) { (self.path, self.moment) = (path, moment) }

    /// The tree itself: what is displaced stays beside what takes its place, under a name that says where and when it comes from.
    init(besideIn label: String, at moment: Timestamp) { (path, self.moment, self.label) = (.root, moment, label) }
}

/// Where displaced files and symlinks are kept instead of being unlinked: `.headwater/<session>/attic`, or a directory of the tree.
///
///     attic/<the path's directories>/<name>~20260131T235959Z        the moment of the cycle, UTC; `~2`, `~3` … where that is taken
///
/// Nothing in it is ever replaced, and nothing prunes it. Everything goes through held descriptors, component by component, never
/// through a symlink nor onto another file system (invariant 7). An entry comes out of the stage by one rename, so that a kill leaves it
/// in the one or the other (invariant 6). Directories are made as entries need them, 0700. One thread's own.
final class Attic {
    private let root: Int32
    private let session: Int32
    private let device: UInt64
    private let path: TreePath?
    private let suffix: [UInt8]
    private var top: Descriptor?
    /// The directory that was used last, with the path of the entries that come from there.
    private var last: (path: TreePath, directory: Descriptor)?
    /// Directories whose names have changed since the last `makeDurable`. Bounded: beyond it the oldest are synced at once.
    private var touched: [Descriptor] = []
    private static let touchedMax = 64

    /// - Parameters:
    ///   - root: of the tree; borrowed, as `session` is, the session's private directory.
    ///   - device: the file system that both are on.
    init(_ place: AtticPlace, root: Int32, session: Int32, device: UInt64) {
        (self.root, self.session, self.device, path) = (root, session, device, place.path)
        suffix = Array((place.label.map { "~" + $0 } ?? "").utf8) + Array("~".utf8) + Attic.stamp(place.moment)
    }

    /// Looks whether the attic, where it is there already, is fit to be one; makes nothing.
    func check() throws(SystemError) {
        do throws(SystemError) { _ = try openTop(makes: false) } catch { if error.errno != ENOENT { throw error } }
    }

    /// Takes the entry `name` out of the directory `stage`; it stood at `path`.
    func keep(_ name: UnsafePointer<CChar>, in stage: Int32, of path: TreePath, _ ability: RenameAbility = .full)
        throws(SystemError)
    {
        let directory = try directory(of: path.parent)
        var number = 1
        while true {
            let kept = Attic.name(Array(path.name), suffix, number)
            do throws(SystemError) {
                try Publishing.renameToFree(stage, name, directory.raw, kept, ability)
                note(directory)
                return
            } catch {
                guard error.errno == EEXIST else { throw error }
                number += 1
            }
        }
    }

    /// Returns when everything that was kept is on the disk under its new name.
    func makeDurable() throws(SystemError) {
        for directory in touched { try Platform.check("fsync") { fsync(directory.raw) } }
        touched = []
    }

    /// Forgets the descriptors: what is reached from now on is what stands there now.
    func invalidate() { (top, last, touched) = (nil, nil, []) }

    // MARK: Names

    /// `20260131T235959Z`.
    static func stamp(_ moment: Timestamp) -> [UInt8] {
        var seconds = time_t(moment.seconds)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func digits(_ value: Int32, _ count: Int) -> [UInt8] {
            let text = Array("\(max(0, value))".utf8)
            return Array(repeating: UInt8(ascii: "0"), count: max(0, count - text.count)) + text
        }
        let day = digits(parts.tm_year + 1900, 4) + digits(parts.tm_mon + 1, 2) + digits(parts.tm_mday, 2)
        let time = digits(parts.tm_hour, 2) + digits(parts.tm_min, 2) + digits(parts.tm_sec, 2)
        return day + [UInt8(ascii: "T")] + time + [UInt8(ascii: "Z")]
    }

    /// The name that an entry gets, NUL-terminated: at most 255 bytes, the front of its own one cut where that is too long, at a border of
    /// characters where it is UTF-8.
    static func name(_ name: [UInt8], _ suffix: [UInt8], _ number: Int) -> [CChar] {
        let end = suffix + (number > 1 ? Array("~\(number)".utf8) : [])
        var front = name[...]
        if front.count + end.count > TreePath.nameBytesMax {
            front = front.prefix(TreePath.nameBytesMax - end.count)
            // A character of UTF-8 has at most three bytes behind its first.
            for _ in 0..<3 where name[front.endIndex] & 0xC0 == 0x80 { front.removeLast() }
        }
        return (front + end).map { CChar(bitPattern: $0) } + [0]
    }

    // MARK: Directories

    private func note(_ directory: Descriptor) {
        if touched.last !== directory { touched.append(directory) }
    }

    /// The directory of the attic for what stood in `path`, made where it is missing.
    private func directory(of path: TreePath) throws(SystemError) -> Descriptor {
        if let last, last.path == path { return last.directory }
        if touched.count >= Attic.touchedMax { try makeDurable() }
        var directory = try openTop(makes: true)
        for component in path.components { directory = try enter(directory, Array(component)) }
        last = (path, directory)
        return directory
    }

    /// The directory `name` in `parent`, or `name~2` and so on where something else has that name: an entry of the attic itself.
    private func enter(_ parent: Descriptor, _ name: [UInt8]) throws(SystemError) -> Descriptor {
        var number = 1
        while true {
            let own = number == 1 ? name.map { CChar(bitPattern: $0) } + [0] : Attic.name(name, [], number)
            do throws(SystemError) { return try open(parent, own, makes: true) } catch {
                guard error.errno == ENOTDIR || error.errno == ELOOP, number < 100 else { throw error }
                number += 1
            }
        }
    }

    private func openTop(makes: Bool) throws(SystemError) -> Descriptor {
        if let top { return top }
        var directory: Descriptor
        if let path {
            directory = Descriptor(owning: try openWithin(root, ".", O_RDONLY | O_DIRECTORY))
            for component in path.components {
                directory = try open(directory, component.map { CChar(bitPattern: $0) } + [0], makes: makes)
            }
        } else {
            directory = Descriptor(owning: try openWithin(session, ".", O_RDONLY | O_DIRECTORY))
            directory = try open(directory, Array("attic".utf8CString), makes: makes)
        }
        top = directory
        return directory
    }

    /// Opens `name`, made 0700 where it is missing and may be; the time of the directory above, which may be one of the tree, stays.
    ///
    /// ENOTDIR or ELOOP where it is no directory, EXDEV on another file system.
    private func open(_ parent: Descriptor, _ name: [CChar], makes: Bool) throws(SystemError) -> Descriptor {
        if makes {
            let before = try FileStatus(descriptor: parent.raw)
            if mkdirat(parent.raw, name, 0o700) == 0 {
                try? setModificationTime(descriptor: parent.raw, before.mtime)
                note(parent)
            } else if errno != EEXIST {
                throw SystemError("mkdirat")
            }
        }
        let opened = Descriptor(owning: try openWithin(parent.raw, name, O_RDONLY | O_DIRECTORY))
        guard try FileStatus(descriptor: opened.raw).device == device else { throw SystemError("statx", EXDEV) }
        return opened
    }
}
