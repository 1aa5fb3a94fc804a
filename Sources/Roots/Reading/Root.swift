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
        /// What `writesCount` was when the latest scan began.
        var latestWritesCount: UInt64 = 0
        var writesCount: UInt64 = 0
        var scanningSince: UInt64?
        var failure: (startedAt: UInt64, error: SystemError)?
        var mounts: Set<String> = []
        var scansCount = 0
    }

    /// `O_RDONLY`, for as long as the root lives.
    package let descriptor: Descriptor
    /// Absolute, as it was given; what `stillThere` looks at.
    package let givenPath: String
    /// Without symlinks, as it was when the root was opened.
    package let canonicalPath: String
    /// Whether the last component of the given path was a symlink, which is resolved once and should be said.
    package let wasSymlink: Bool
    package let device: UInt64
    package let inode: UInt64
    package let cache: ContentCache

    private let scanner: Scanner
    private let state = Monitor(State())

    private init(_ descriptor: Descriptor, _ status: FileStatus, given: String, canonical: String, wasSymlink: Bool) {
        self.descriptor = descriptor
        (device, inode) = (status.device, status.inode)
        (givenPath, canonicalPath, self.wasSymlink) = (given, canonical, wasSymlink)
        cache = ContentCache(root: descriptor)
        scanner = Scanner()
    }

    /// Opens the directory at `path` (absolute, or beneath the working directory). Blocks.
    ///
    /// - Parameter mount: a path beneath the root, `/` between components, that must exist; otherwise the root counts as unmounted.
    package static func open(path: String, mount: String? = nil) throws(RootFault) -> Root {
        guard let resolved = realpath(path, nil) else { throw fault(of: SystemError("realpath")) }
        defer { free(resolved) }
        let canonical = String(cString: resolved)
        let root: Root
        do throws(SystemError) {
            let descriptor = try Descriptor(at: Descriptor.workingDirectory, resolved, O_RDONLY | O_DIRECTORY)
            let own = (try? FileStatus(at: Descriptor.workingDirectory, path))?.kind == .symlink
            root = Root(
                descriptor, try FileStatus(descriptor: descriptor.raw), given: absolute(path), canonical: canonical,
                wasSymlink: own)
        } catch {
            throw fault(of: error)
        }
        if let mount { try root.require(mount: mount) }
        return root
    }

    /// Adds a file that must exist for the root to count as mounted, and checks it.
    package func require(mount: String) throws(RootFault) {
        state.update { _ = $0.mounts.insert(mount) }
        if !hasMount(mount) { throw .unmounted(file: mount) }
    }

    /// Whether the path still leads to this very directory and what must be mounted is. Nil when all is well. Blocks.
    package func stillThere() -> RootFault? {
        do throws(SystemError) {
            let now = try Descriptor(at: Descriptor.workingDirectory, givenPath, Descriptor.pathOnly | O_DIRECTORY)
            let status = try FileStatus(descriptor: now.raw)
            if status.device != device {
                // A missing mount file explains it better.
                return missingMount(beneath: now.raw) ?? .otherFileSystem
            }
            if status.inode != inode { return .replaced }
        } catch {
            return Root.fault(of: error)
        }
        return missingMount(beneath: descriptor.raw)
    }

    /// The tree in a state not older than `t` (`MonotonicClock`), or than this call.
    ///
    /// The latest image if it began at or after `t` and nothing was written through this process since it began; otherwise one scan
    /// for all who wait. Blocks. Throws when the root itself cannot be looked at.
    package func view(notOlderThan t: UInt64) throws(SystemError) -> TreeImage {
        let asked = MonotonicClock.now
        while true {
            let latest = try state.wait { state throws(SystemError) -> TreeImage?? in
                if let image = state.latest,
                    image.startedAt >= asked || (image.startedAt >= t && state.latestWritesCount == state.writesCount)
                {
                    return .some(image)
                }
                if let failure = state.failure, failure.startedAt >= asked { throw failure.error }
                if state.scanningSince != nil { return nil }
                state.scanningSince = MonotonicClock.now
                return .some(nil)
            }
            if let latest { return latest }
            scan()
        }
    }

    /// Says that this process has changed the tree: images that began before are not served any more.
    package func noteWrites() { state.update { $0.writesCount += 1 } }

    /// How many scans were made so far, failed ones too.
    package var scansCount: Int { state.read { $0.scansCount } }

    private func scan() {
        let (began, writes) = state.read { ($0.scanningSince!, $0.writesCount) }
        let outcome: Result<TreeImage, SystemError>
        do throws(SystemError) { outcome = .success(try scanner.scan(descriptor)) } catch { outcome = .failure(error) }
        state.update {
            $0.scanningSince = nil
            $0.scansCount += 1
            switch outcome {
            case .success(let image):
                ($0.latest, $0.latestWritesCount, $0.failure) = (image, writes, nil)
            case .failure(let error):
                $0.failure = (began, error)
            }
        }
    }

    private func missingMount(beneath directory: Int32) -> RootFault? {
        state.read { $0.mounts }.sorted().first { !Root.exists($0, beneath: directory) }.map { .unmounted(file: $0) }
    }

    private func hasMount(_ mount: String) -> Bool { Root.exists(mount, beneath: descriptor.raw) }

    private static func exists(_ path: String, beneath directory: Int32) -> Bool {
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
    }

    private let roots = Monitor<[Place: Root]>([:])

    package init() {}

    /// The root at `path`; opens it when it is the first. Roots are kept until the registry goes, so their inodes stay taken.
    package func root(path: String, mount: String? = nil) throws(RootFault) -> Root {
        let opened = try Root.open(path: path)
        let root = roots.update { roots in
            let place = Place(device: opened.device, inode: opened.inode)
            let root = roots[place] ?? opened
            roots[place] = root
            return root
        }
        if let mount { try root.require(mount: mount) }
        return root
    }
}
