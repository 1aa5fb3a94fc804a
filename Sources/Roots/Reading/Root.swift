import Core
import Glibc
import Platform

/// Why a root cannot be used, or is no longer the directory that it was.
package enum RootFault: Error, Equatable, Sendable {
    case missing
    case notDirectory
    /// The file that shows that the file system is mounted is not there.
    case unmounted(file: String)
    case unreadable(SystemError)
    /// Another directory stands at the path now.
    case replaced
    /// The path leads to another file system now.
    case otherFileSystem
}

/// The directory tree of a peer as this process sees it: one scanner and one content cache for every session that reads it.
///
/// Opened once; everything else goes through `descriptor`. Comes from a `RootRegistry`, so that there is one per directory.
package final class Root: Sendable {
    private struct State: Sendable {
        var latest: TreeImage?
        /// The moment that the latest scan was asked for.
        var latestMoment: UInt64 = 0
        /// What `writesCount` was when the latest scan began.
        var latestWritesCount: UInt64 = 0
        var writesCount: UInt64 = 0
        /// What was published since the oldest of the latest image and the scan under way began.
        var published: [Published] = []
        /// How many of them the latest image has folded in, or was begun after.
        var publishedInLatest = 0
        var scanningSince: UInt64?
        var failure: (startedAt: UInt64, error: SystemError)?
        var mounts: Set<String> = []
        var scansCount = 0
    }

    /// More published entries than that are not remembered one by one: a scan is cheaper than the memory.
    private static let publishedMax = 200_000

    /// Of the tree: `O_RDONLY`, for as long as the root lives.
    package let descriptor: Descriptor
    /// Of the directory that was declared: the tree itself, or above it where only a `subpath` is synced. `.headwater` lies here.
    package let base: Descriptor
    private let basePath: String
    private let subpath: String?
    /// Absolute, as it was given, with the subpath; for messages.
    package var givenPath: String { Root.joined(basePath, subpath) }
    /// Without symlinks, as it was when the root was opened, with the subpath.
    package let canonicalPath: String
    /// Whether the last component of the given path was a symlink, which is resolved once and should be said.
    package let wasSymlink: Bool
    package let device: UInt64
    package let inode: UInt64
    package let cache: ContentCache
    /// What plans of this process foresee in the tree.
    package var prediction: Prediction { cache.prediction }
    /// Only a plan has it: the directory is not there yet, and `descriptor` is of the one that it would be made in.
    package let isAbsent: Bool

    private let scanner: Scanner
    private let state = Monitor(State())

    private init(
        _ base: Descriptor, _ tree: Descriptor, _ status: FileStatus, _ place: Place, isAbsent: Bool = false
    ) {
        (self.base, descriptor, self.isAbsent) = (base, tree, isAbsent)
        (device, inode) = (status.device, status.inode)
        (basePath, subpath) = (place.path, place.subpath)
        (canonicalPath, wasSymlink) = (Root.joined(place.canonical, place.subpath), place.wasSymlink)
        cache = ContentCache(root: tree)
        scanner = Scanner()
    }

    private struct Place {
        var path: String
        var canonical: String
        var subpath: String?
        var wasSymlink: Bool
    }

    /// Opens the directory at `path` (absolute, or beneath the working directory), or `subpath` beneath it. Blocks.
    ///
    /// - Parameters:
    ///   - subpath: `/` between components; no symlink in it is followed.
    ///   - mount: a path beneath `path`, `/` between components, that must exist; otherwise the root counts as unmounted.
    package static func open(path: String, subpath: String? = nil, mount: String? = nil) throws(RootFault) -> Root {
        guard let resolved = realpath(path, nil) else { throw fault(of: SystemError("realpath")) }
        defer { free(resolved) }
        let canonical = String(cString: resolved)
        let base: Descriptor
        do throws(SystemError) {
            base = try Descriptor(at: Descriptor.workingDirectory, resolved, O_RDONLY | O_DIRECTORY)
        } catch { throw fault(of: error) }
        if let mount, !exists(mount, beneath: base.raw) { throw .unmounted(file: mount) }
        let root: Root
        do throws(SystemError) {
            let own = (try? FileStatus(at: Descriptor.workingDirectory, path))?.kind == .symlink
            let tree =
                try subpath.map { sub throws(SystemError) in
                    Descriptor(owning: try openBeneath(base.raw, sub, O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
                } ?? base
            root = Root(
                base, tree, try FileStatus(descriptor: tree.raw),
                Place(path: absolute(path), canonical: canonical, subpath: subpath, wasSymlink: own))
        } catch {
            throw fault(of: error)
        }
        if let mount { try root.require(mount: mount) }
        return root
    }

    /// A root that is not there, for a plan: an empty tree at the last component of `path`, whose parent must be there.
    static func absent(path: String, subpath: String?) throws(RootFault) -> Root {
        let cut = path.lastIndex(of: "/") ?? path.startIndex
        let (above, name) = (cut == path.startIndex ? "/" : String(path[..<cut]), path[path.index(after: cut)...])
        guard let resolved = realpath(above, nil) else { throw fault(of: SystemError("realpath")) }
        defer { free(resolved) }
        do throws(SystemError) {
            let parent = try Descriptor(at: Descriptor.workingDirectory, resolved, O_RDONLY | O_DIRECTORY)
            let canonical = String(cString: resolved)
            let place = Place(
                path: absolute(path), canonical: joined(canonical, String(name)), subpath: subpath, wasSymlink: false)
            let root = Root(parent, parent, try FileStatus(descriptor: parent.raw), place, isAbsent: true)
            let image = TreeImage.empty(like: try FileStatus(descriptor: parent.raw))
            root.state.update { $0.latest = image }
            return root
        } catch { throw fault(of: error) }
    }

    private static func joined(_ path: String, _ subpath: String?) -> String {
        subpath.map { path == "/" ? "/" + $0 : "\(path)/\($0)" } ?? path
    }

    /// Adds a file that must exist for the root to count as mounted, and checks it.
    package func require(mount: String) throws(RootFault) {
        if isAbsent { throw .unmounted(file: mount) }
        state.update { _ = $0.mounts.insert(mount) }
        if !Root.exists(mount, beneath: base.raw) { throw .unmounted(file: mount) }
    }

    /// Whether the path still leads to this very directory and what must be mounted is. Nil when all is well. Blocks.
    package func stillThere() -> RootFault? {
        if isAbsent { return nil }
        do throws(SystemError) {
            let now = try Descriptor(at: Descriptor.workingDirectory, basePath, Descriptor.pathOnly | O_DIRECTORY)
            let status = try Root.status(now, subpath)
            if status.device != device {
                // A missing mount file explains it better.
                return missingMount(beneath: now.raw) ?? .otherFileSystem
            }
            if status.inode != inode { return .replaced }
        } catch {
            return Root.fault(of: error)
        }
        return missingMount(beneath: base.raw)
    }

    private static func status(_ base: Descriptor, _ subpath: String?) throws(SystemError) -> FileStatus {
        guard let subpath else { return try FileStatus(descriptor: base.raw) }
        let tree = Descriptor(
            owning: try openBeneath(base.raw, subpath, Descriptor.pathOnly | O_DIRECTORY | O_NOFOLLOW))
        return try FileStatus(descriptor: tree.raw)
    }

    /// The tree in a state not older than `moment`, or than this call.
    ///
    /// The latest image if it was asked for at `moment` or later, with what this process has published since folded in; where that
    /// is not known to its end, one scan for all who wait. Blocks. Throws when the root itself cannot be looked at.
    ///
    /// - Parameter moment: a number of the orchestrator's, rising in the course of a run; 0 takes any image.
    package func view(since moment: UInt64) throws(SystemError) -> TreeImage {
        let asked = MonotonicClock.now
        while true {
            let step = try state.wait { state throws(SystemError) -> Step? in
                try Root.next(&state, moment, asked: asked)
            }
            switch step {
            case .take(let image): return image
            case .fold(let image, let published): fold(image, published)
            case .scan: scan(moment)
            }
        }
    }

    private enum Step {
        case take(TreeImage)
        case fold(TreeImage, [Published])
        case scan
    }

    /// What to do for a view; nil to wait for who is at it already.
    private static func next(_ state: inout State, _ moment: UInt64, asked: UInt64) throws(SystemError) -> Step? {
        if let image = state.latest,
            image.startedAt >= asked || (state.latestMoment >= moment && state.latestWritesCount == state.writesCount)
        {
            if state.publishedInLatest == state.published.count { return .take(image) }
            if state.scanningSince != nil { return nil }
            state.scanningSince = MonotonicClock.now
            return .fold(image, Array(state.published[state.publishedInLatest...]))
        }
        if let failure = state.failure, failure.startedAt >= asked { throw failure.error }
        if state.scanningSince != nil { return nil }
        state.scanningSince = MonotonicClock.now
        return .scan
    }

    /// Says that this process has changed the tree in ways that only a scan can tell: images that began before are not served any more.
    package func noteWrites() { state.update { $0.writesCount += 1 } }

    /// Says what this process has changed in the tree: images that began before are served with that folded in.
    package func note(published: [Published]) {
        state.update { state in
            state.published += published
            if state.published.count <= Root.publishedMax { return }
            state.published = []
            state.publishedInLatest = 0
            state.writesCount += 1
        }
    }

    /// How many scans were made so far, failed ones too.
    package var scansCount: Int { state.read { $0.scansCount } }

    private func fold(_ image: TreeImage, _ published: [Published]) {
        let folded = image.folding(published)
        state.update {
            $0.scanningSince = nil
            guard $0.latest === image, $0.published.count >= $0.publishedInLatest + published.count else { return }
            if let folded {
                $0.latest = folded
                $0.published.removeFirst($0.publishedInLatest + published.count)
                $0.publishedInLatest = 0
            } else {
                $0.writesCount += 1
            }
        }
    }

    private func scan(_ moment: UInt64) {
        let (began, writes, publishedBefore) = state.read { state in
            // What was published before is in what the scan finds.
            state.published.removeFirst(min(state.publishedInLatest, state.published.count))
            state.publishedInLatest = 0
            return (state.scanningSince!, state.writesCount, state.published.count)
        }
        let outcome: Result<TreeImage, SystemError>
        do throws(SystemError) { outcome = .success(try scanner.scan(descriptor)) } catch { outcome = .failure(error) }
        state.update {
            $0.scanningSince = nil
            $0.scansCount += 1
            switch outcome {
            case .success(let image):
                ($0.latest, $0.latestMoment, $0.latestWritesCount, $0.failure) = (image, moment, writes, nil)
                $0.publishedInLatest = min(publishedBefore, $0.published.count)
            case .failure(let error):
                $0.failure = (began, error)
            }
        }
    }

    private func missingMount(beneath directory: Int32) -> RootFault? {
        state.read { $0.mounts }.sorted().first { !Root.exists($0, beneath: directory) }.map { .unmounted(file: $0) }
    }

    static func exists(_ path: String, beneath directory: Int32) -> Bool {
        guard let fd = try? openBeneath(directory, path, Descriptor.pathOnly | O_NOFOLLOW) else { return false }
        close(fd)
        return true
    }

    private static func fault(of error: SystemError) -> RootFault {
        switch error.errno {
        case ENOENT: .missing
        case ENOTDIR, ELOOP: .notDirectory
        default: .unreadable(error)
        }
    }

    private static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        guard let here = getcwd(nil, 0) else { return path }
        defer { free(here) }
        return String(cString: here) + "/" + path
    }
}

/// All roots of a process: one `Root` per directory, however many sessions, names or bind mounts lead to it.
package final class RootRegistry: Sendable {
    private struct Place: Hashable, Sendable {
        let device: UInt64
        let inode: UInt64
        /// What was declared, where that is a directory above.
        let base: UInt64
    }

    private let roots = Monitor<[Place: Root]>([:])
    let plan = PlannedRoots()
    let companions = Companions()

    package init() {}

    /// The root at `path`, or at `subpath` beneath it; opens it when it is the first. Roots are kept until the registry goes, so their
    /// inodes stay taken.
    package func root(path: String, subpath: String? = nil, mount: String? = nil) throws(RootFault) -> Root {
        let opened = try Root.open(path: path, subpath: subpath, mount: mount)
        guard let base = try? FileStatus(descriptor: opened.base.raw).inode else { return opened }
        let root = roots.update { roots in
            let place = Place(device: opened.device, inode: opened.inode, base: base)
            let root = roots[place] ?? opened
            roots[place] = root
            return root
        }
        plan.join(root)
        if let mount { try root.require(mount: mount) }
        return root
    }
}
