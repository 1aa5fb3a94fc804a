import Core
import Glibc
import Platform

/// Looks at the directory of a peer before anything runs. Leaves no trace in it: what only writing can tell is tried on files without a
/// name and in `.headwater`, where that is there.
package enum RootExamination {
    /// Blocks for the disk; counting ends with `deadline`.
    ///
    /// - Parameters:
    ///   - path: absolute.
    ///   - database: absolute; nil is the root itself.
    ///   - subpaths: sub-directories to be counted; the empty one is the whole tree.
    ///   - deadline: of the monotonic clock.
    package static func facts(
        path: String, mount: String?, database: String?, subpaths: [String], until deadline: UInt64
    ) -> RootFacts {
        var facts = RootFacts(kind: .missing, path: path)
        let place: Descriptor?
        do throws(SystemError) {
            let status = try target(path)
            facts.kind = status.kind == .directory ? .directory : .other
            place = facts.kind == .directory ? try openToAsk(path) : nil
        } catch {
            if !error.isMissing {
                facts.kind = .hidden
                facts.cause = error.description
            }
            place = facts.kind == .missing ? parent(of: path, &facts) : nil
        }
        let asked = facts.kind == .missing ? directoryName(path) : path
        facts.isReadable = place != nil && mayAccess(asked, R_OK | X_OK)
        facts.isWritable = place != nil && mayAccess(asked, W_OK | X_OK)
        if let place { facts.fileSystem = fileSystem(place, mayWrite: facts.isWritable) }
        facts.database = databaseFacts(database, facts)
        guard facts.kind == .directory, let place else { return facts }
        facts.isMarkThere = mount.map { isThere($0, beneath: place) }
        facts.trees = subpaths.map { size($0, beneath: place, deadline) }
        return facts
    }

    /// What the path leads to, symlinks followed.
    private static func target(_ path: String) throws(SystemError) -> FileStatus {
        let opened = try Descriptor(at: Descriptor.workingDirectory, path, Descriptor.pathOnly)
        return try FileStatus(descriptor: opened.raw)
    }

    /// Readable if it may be read; otherwise good for questions about the file system alone.
    private static func openToAsk(_ path: String) throws(SystemError) -> Descriptor {
        if let readable = try? Descriptor(at: Descriptor.workingDirectory, path, O_RDONLY | O_DIRECTORY) {
            return readable
        }
        return try Descriptor(at: Descriptor.workingDirectory, path, Descriptor.pathOnly | O_DIRECTORY)
    }

    private static func parent(of path: String, _ facts: inout RootFacts) -> Descriptor? {
        let parent = try? openToAsk(directoryName(path))
        facts.isParentThere = parent != nil
        return parent
    }

    private static func directoryName(_ path: String) -> String {
        let above = path.split(separator: "/").dropLast()
        return "/" + above.joined(separator: "/")
    }

    private static func fileSystem(_ place: Descriptor, mayWrite: Bool) -> FileSystemFacts? {
        guard let space = try? FileSystemSpace(descriptor: place.raw) else { return nil }
        var facts = FileSystemFacts()
        (facts.type, facts.device, facts.isReadOnly) = (space.type, space.device, space.isReadOnly)
        (facts.freeBytes, facts.totalBytes) = (space.freeBytes, space.totalBytes)
        (facts.freeInodes, facts.totalInodes) = (space.freeInodes, space.totalInodes)
        let probe = AbilityProbe(place, type: space.type, mayWrite: mayWrite && !space.isReadOnly)
        (facts.abilities, facts.timeStepNanoseconds) = (probe.answers, probe.timeStepNanoseconds)
        return facts
    }

    /// What is ours already below the directory counts, not the directory.
    private static func databaseFacts(_ database: String?, _ root: RootFacts) -> DatabasePlace {
        let path = database ?? root.path
        guard (try? target(path))?.kind == .directory else {
            // Where the root is to be made, so is what goes into it.
            return DatabasePlace(path: path, isThere: false, isWritable: database == nil && root.isWritable)
        }
        let ours = path + "/.headwater"
        let asked = (try? target(ours)) == nil ? path : ours
        return DatabasePlace(path: path, isThere: true, isWritable: mayAccess(asked, W_OK | X_OK))
    }

    private static func isThere(_ mark: String, beneath root: Descriptor) -> Bool {
        guard let found = try? openBeneath(root.raw, mark, Descriptor.pathOnly | O_NOFOLLOW) else { return false }
        close(found)
        return true
    }

    private static func size(_ subpath: String, beneath root: Descriptor, _ deadline: UInt64) -> TreeSize? {
        if subpath.isEmpty { return TreeCount.size(of: root, until: deadline) }
        guard let tree = try? openBeneath(root.raw, subpath, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) else { return nil }
        return TreeCount.size(of: Descriptor(owning: tree), until: deadline)
    }
}
