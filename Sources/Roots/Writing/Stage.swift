import Content
import Core
import Glibc
import Platform

/// The private directory `<root>/.headwater/<session>/stage/`, from which everything is published by renaming.
///
/// - It is on the root's file system, 0700, owned by us, reached through held descriptors, never through a symlink or a mount.
/// - Names in it are numbers, never derived from names of the tree or of a peer.
/// - One process at a time: the session's lock is the caller's.
/// - What an earlier run left is undone or finished by `Recovery` first, then removed.
package final class Stage: Sendable {
    /// Larger files get their room reserved before the first byte.
    package static let reserveBytesMin: UInt64 = 1 << 20
    /// Larger files begin to go to disk when they are complete, smaller ones with their batch.
    package static let writebackBytesMin: UInt64 = 256 << 10

    /// The root's descriptor, borrowed from the caller for the life of the stage.
    package let root: Int32
    package let device: UInt64
    /// Where displaced files go; nil where they are unlinked.
    let attic: AtticPlace?
    let session: Descriptor
    let directory: Descriptor
    let intent: Descriptor
    private let counter = Monitor<UInt64>(0)
    private let fates = Monitor<[TreePath: Fate]>([:])
    private let label: String
    private let rescuedEntries: Monitor<[Rescued]>

    /// Opens or makes the stage of `session` and clears it. Blocks.
    ///
    /// - Parameters:
    ///   - root: of the tree; `O_PATH` suffices.
    ///   - base: of the directory that holds `.headwater`, on the same file system; the root itself where nil.
    ///   - session: `[A-Za-z0-9_-]{1,64}`.
    ///   - attic: where displaced files are kept; nil unlinks them. It is made when the first of them comes.
    ///   - label: whose tree it is, for the names of what is kept beside its place.
    package init(
        root: Int32, base: Int32? = nil, session: String, attic: AtticPlace? = nil, label: String = "other"
    ) throws(HeadwaterError) {
        precondition(Name.isValid(session), "a session's name was not validated")
        self.label = label
        self.root = root
        self.attic = attic
        do throws(SystemError) {
            device = try FileStatus(descriptor: root).device
            let base = base ?? root
            let status = try FileStatus(descriptor: base)
            let top = try Stage.privateDirectory(base, ".headwater", device)
            try? setModificationTime(descriptor: base, status.mtime)
            self.session = try Stage.privateDirectory(top.raw, session, device)
            directory = try Stage.privateDirectory(self.session.raw, "stage", device)
            let (intent, odd) = try Recovery.openIntent(stage: directory.raw, session: self.session.raw)
            self.intent = intent
            // A killed run may have had an attic where this one has none.
            let place = attic ?? AtticPlace(path: nil, at: WallClock.now)
            let kept = Attic(place, root: root, session: self.session.raw, device: device)
            let recovery = Recovery(
                root: root, session: self.session.raw, stage: directory.raw, intent: intent.raw, attic: kept)
            rescuedEntries = Monitor(odd + (try recovery.run()))
            try check("ftruncate") { ftruncate(intent.raw, 0) }
        } catch {
            throw Stage.openingError(error, root)
        }
        try checkAttic()
    }

    /// What becomes of a displaced file or symlink.
    package enum Fate: Sendable {
        case unlinked
        case inAttic
        /// In the same directory, under another name.
        case beside
    }

    /// Says what becomes of what stands at one path when it is displaced; else it is the attic's, or unlinked where there is none.
    package func decide(_ fate: Fate, at path: TreePath) { fates.update { $0[path] = fate } }

    func fate(at path: TreePath) -> Fate { fates.read { $0[path] } ?? (attic == nil ? .unlinked : .inAttic) }

    /// The two places where displaced entries are kept; made when the first of them comes.
    func keepers() -> (attic: Attic, beside: Attic) {
        let now = WallClock.now
        let places = (attic ?? AtticPlace(path: nil, at: now), AtticPlace(besideIn: label, at: now))
        return (
            Attic(places.0, root: root, session: session.raw, device: device),
            Attic(places.1, root: root, session: session.raw, device: device)
        )
    }

    /// An attic that cannot serve ends the session before anything is displaced.
    private func checkAttic() throws(HeadwaterError) {
        guard let attic else { return }
        do throws(SystemError) {
            try Attic(attic, root: root, session: session.raw, device: device).check()
        } catch { throw WritingError.atticUnusable(attic, error) }
    }

    /// Begins a file that will hold exactly `attributes.size` bytes. `stage.no-space` at once where its room cannot be reserved.
    ///
    /// - Parameter stored: what of them is not in holes, as far as is known; nil: all. Where it is less, zeros become holes.
    package func file(_ attributes: Attributes, _ dressing: Dressing = .plain, stored: UInt64? = nil)
        throws(HeadwaterError) -> StagedWriter
    {
        do throws(SystemError) {
            let writer = try StagedWriter(self, attributes, dressing, stored: stored)
            try writer.reserveRoom()
            return writer
        } catch { throw self.error(error, needed: attributes.size) }
    }

    /// The same for a large file at `path`, of which what came is kept for the next cycle whatever ends this one.
    ///
    /// - Parameters:
    ///   - sent: the attributes at its source, by which it is found again.
    ///   - part: what an earlier cycle received of it; goes on from there.
    package func file(
        _ attributes: Attributes, _ dressing: Dressing = .plain, stored: UInt64, of sent: Attributes,
        at path: TreePath, after part: PartialFile?
    ) throws(HeadwaterError) -> StagedWriter {
        do throws(SystemError) {
            let kept = UInt64(part?.digests.count ?? 0) * UInt64(Segment.bytes)
            let name = PartialFile.name(of: path, sent)
            let writer = try StagedWriter(
                self, attributes, dressing, stored: stored, named: name, keeping: kept)
            try writer.reserveRoom()
            return writer
        } catch { throw self.error(error, needed: attributes.size) }
    }

    /// A file with the content of another one that is open, which has `attributes.size` bytes. Blocks.
    ///
    /// The two share their blocks where the file system can, else the kernel copies. Nothing is said about whether the other file
    /// changed meanwhile: the digest is that of what stands in the stage.
    ///
    /// - Parameter isEnding: asked now and then; nil comes back when it says so.
    package func file(
        _ attributes: Attributes, _ dressing: Dressing = .plain, contentOf source: Descriptor, isEnding: () -> Bool
    ) throws(HeadwaterError) -> (staged: StagedFile, digest: Digest)? {
        do throws(SystemError) {
            let stored = try FileStatus(descriptor: source.raw).storedBytes
            let writer = try StagedWriter(self, attributes, dressing, stored: stored)
            if try !writer.share(source) {
                try writer.reserveRoom()
                if try !writer.copy(source, isEnding) { return nil }
            }
            guard let digest = try writer.digest(isEnding) else { return nil }
            return try finished(writer, digest)
        } catch { throw self.error(error, needed: attributes.size) }
    }

    private func finished(_ writer: StagedWriter, _ digest: Digest) throws(SystemError) -> (StagedFile, Digest) {
        do throws(HeadwaterError) { return (try writer.finish(), digest) } catch {
            // The other file grew or shrank meanwhile.
            throw SystemError("copy_file_range", ESTALE)
        }
    }

    /// Entries of the user's that had no place to go back to: each now in `.headwater/<session>/rescued/`, never removed by us.
    package var rescued: [Rescued] { rescuedEntries.read { $0 } }

    // MARK: what the applier uses

    /// Keeps `name` of the stage for the user.
    func rescue(_ path: TreePath, _ name: UnsafePointer<CChar>) throws(SystemError) {
        let kept = try Recovery.rescue(path, name, stage: directory.raw, session: session.raw)
        rescuedEntries.update { $0.append(kept) }
    }

    /// Whether a file can have a second name here; tried out.
    package func canLink() -> Bool {
        guard let (number, descriptor) = try? createFile(mode: 0o600) else { return true }
        close(descriptor)
        defer { remove(number) }
        let other = nextNumber()
        let result = Stage.withName(number) { name in
            Stage.withName(other) { linkat(directory.raw, name, directory.raw, $0, 0) == 0 ? 0 : errno }
        }
        if result == 0 { remove(other) }
        return ![EPERM, EOPNOTSUPP, EMLINK, ENOSYS].contains(result)
    }

    func nextNumber() -> UInt64 {
        counter.read {
            $0 += 1
            return $0
        }
    }

    func createFile(mode: UInt16) throws(SystemError) -> (number: UInt64, descriptor: Int32) {
        let number = nextNumber()
        let descriptor = try Stage.withName(number) { name throws(SystemError) in
            let flags = O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC
            return try check("openat") { openat(directory.raw, name, flags, mode_t(mode)) }
        }
        return (number, descriptor)
    }

    /// Removes `number`, whatever it is; a directory only when it is empty. What fails is removed by the next start.
    func remove(_ number: UInt64) {
        Stage.withName(number) { name in
            if unlinkat(directory.raw, name, 0) != 0, errno == EISDIR || errno == EPERM {
                unlinkat(directory.raw, name, AT_REMOVEDIR)
            }
        }
    }

    /// Removes `number` only while it is the very `inode` that we staged: after a failed exchange it may be a user's entry.
    func remove(_ number: UInt64, ifInode inode: UInt64) {
        let isOurs = Stage.withName(number) { name in
            var status = FileStatus()
            return status.load(at: directory.raw, name) && status.inode == inode
        }
        if isOurs { remove(number) }
    }

    static func withName<Result, Failure: Error>(
        _ number: UInt64, _ body: (UnsafePointer<CChar>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var digits: InlineArray<24, CChar> = .init(repeating: 0)
        var start = 23
        var rest = number
        repeat {
            start -= 1
            digits[start] = CChar(0x30 + rest % 10)
            rest /= 10
        } while rest > 0
        let span = digits.span
        let offset = start
        var outcome: Swift.Result<Result, Failure>?
        span.withUnsafeBufferPointer { buffer in
            do throws(Failure) {
                outcome = .success(try body(buffer.baseAddress! + offset))
            } catch { outcome = .failure(error) }
        }
        return try outcome!.get()
    }

    func error(_ error: SystemError, needed: UInt64) -> HeadwaterError {
        WritingError.fatal(error, stage: directory.raw, needed: needed) ?? WritingError.unusable(error)
    }

    // MARK: opening

    /// Makes `name` where it is missing and opens it: a real directory of ours on `device`, closed to others.
    ///
    /// EPERM stands for one that is not ours, EXDEV for another file system.
    static func privateDirectory(_ parent: Int32, _ name: String, _ device: UInt64) throws(SystemError) -> Descriptor {
        if mkdirat(parent, name, 0o700) != 0, errno != EEXIST { throw SystemError("mkdirat") }
        let opened = Descriptor(owning: try openWithin(parent, name, O_RDONLY | O_DIRECTORY))
        let status = try FileStatus(descriptor: opened.raw)
        guard status.device == device else { throw SystemError("statx", EXDEV) }
        guard status.userID == geteuid() else { throw SystemError("statx", EPERM) }
        if status.permissions != 0o700 { try setPermissions(descriptor: opened.raw, 0o700) }
        // What is made here is not to get ACLs of the tree's directories.
        try? DescriptorExtended.remove(opened.raw, DescriptorExtended.standardList)
        return opened
    }

    private static func openingError(_ error: SystemError, _ root: Int32) -> HeadwaterError {
        switch error.errno {
        case ELOOP, ENOTDIR, EPERM: WritingError.unsafe("a directory of .headwater")
        case EXDEV: WritingError.otherFileSystem("a directory of .headwater")
        default: WritingError.fatal(error, stage: root, needed: 4096) ?? WritingError.unusable(error)
        }
    }
}
