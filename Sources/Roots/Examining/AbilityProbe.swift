import Core
import Glibc
import Platform

/// What the file system of one directory can do: seen without writing, tried on files without a name, tried in a directory of ours,
/// or known of its type, in this order. What is left is not known.
struct AbilityProbe {
    private let directory: Descriptor
    private let type: String
    private(set) var answers: [AbilityAnswer] = []
    private(set) var timeStepNanoseconds: UInt64?

    /// - Parameters:
    ///   - directory: of the root, or where it would be made; nothing in it is touched.
    ///   - mayWrite: whether trying makes sense.
    init(_ directory: Descriptor, type: String, mayWrite: Bool) {
        (self.directory, self.type) = (directory, type)
        look()
        if mayWrite {
            tryUnnamed()
            tryNamed()
        }
        askTheType()
        answers.sort { $0.ability.rawValue < $1.ability.rawValue }
    }

    private func isOpen(_ ability: Ability) -> Bool { !answers.contains { $0.ability == ability } }

    private mutating func settle(_ ability: Ability, _ isThere: Bool?, _ source: AbilityAnswer.Source) {
        guard let isThere, isOpen(ability) else { return }
        answers.append(AbilityAnswer(ability, isThere, source))
    }

    // MARK: without writing

    private mutating func look() {
        if InodeFlags.isCaseFolded(directory.raw) == true {
            settle(.caseSensitive, false, .seen)
            settle(.exactNames, false, .seen)
        }
        settle(.caseSensitive, NameCase.isSensitive(in: directory), .seen)
        settle(.accessLists, DescriptorExtended.isKnown(directory.raw, "system.posix_acl_access"), .seen)
    }

    // MARK: on files without a name

    private mutating func tryUnnamed() {
        let file: Descriptor
        do throws(SystemError) {
            file = try openUnnamed(in: directory.raw)
        } catch {
            if [EOPNOTSUPP, EISDIR, ENOSYS, EINVAL].contains(error.errno) { settle(.unnamedFiles, false, .tried) }
            return
        }
        settle(.unnamedFiles, true, .tried)
        tryOn(file)
        guard let copy = try? openUnnamed(in: directory.raw),
            (try? writeFully(file.raw, [UInt8](repeating: 0x68, count: 64 * 1024))) != nil
        else { return }
        settle(
            .reflink, AbilityProbe.answer { () throws(SystemError) in try shareBlocks(of: file.raw, with: copy.raw) },
            .tried)
    }

    /// What any file of ours tells.
    private mutating func tryOn(_ file: Descriptor) {
        settle(
            .extendedAttributes,
            AbilityProbe.answer { () throws(SystemError) in
                try DescriptorExtended.set(file.raw, Array("user.headwater".utf8), [1])
            }, .tried)
        if timeStepNanoseconds == nil { timeStepNanoseconds = TimeStep.measure(file) }
    }

    // MARK: in a directory of ours

    private mutating func tryNamed() {
        let open: [Ability] = [.caseSensitive, .exactNames, .exchange, .hardLinks]
        guard open.contains(where: isOpen), let status = try? FileStatus(descriptor: directory.raw),
            let probe = ProbeDirectory(root: directory, device: status.device)
        else { return }
        defer { probe.remove() }
        let place = probe.descriptor.raw
        func make(_ name: String) -> Descriptor? {
            try? Descriptor(at: place, name, O_RDWR | O_CREAT | O_EXCL, mode: 0o600)
        }
        guard let a = make("a"), make("b") != nil else { return }
        tryOn(a)
        settle(
            .exchange,
            AbilityProbe.answer { () throws(SystemError) in try rename(at: place, "a", to: place, "b", .exchange) },
            .tried)
        settle(
            .hardLinks,
            AbilityProbe.answer { () throws(SystemError) in
                unlinkat(place, "b", 0)
                try check("linkat") { linkat(place, "a", place, "b", 0) }
            }, .tried)
        if make("case") != nil { settle(.caseSensitive, make("CASE") != nil, .tried) }
        if make("caf\u{E9}") != nil { settle(.exactNames, make("cafe\u{301}") != nil, .tried) }
    }

    /// Nil where it failed for a reason that says nothing about the ability.
    private static func answer(_ attempt: () throws(SystemError) -> Void) -> Bool? {
        do throws(SystemError) {
            try attempt()
            return true
        } catch {
            let refusals = [EOPNOTSUPP, EINVAL, ENOSYS, ENOTTY, EPERM, EMLINK, EXDEV]
            return refusals.contains(error.errno) ? false : nil
        }
    }

    // MARK: by type

    /// Local file systems of Linux, which keep names as they are given.
    private static let native: Set<String> = ["ext4", "xfs", "btrfs", "tmpfs", "f2fs", "bcachefs"]

    private mutating func askTheType() {
        switch type {
        case _ where AbilityProbe.native.contains(type):
            for ability in [Ability.caseSensitive, .exactNames, .exchange, .hardLinks] {
                settle(ability, true, .byType)
            }
            settle(.extendedAttributes, true, .byType)
        case "vfat", "exfat", "msdos":
            for ability in [Ability.caseSensitive, .hardLinks, .extendedAttributes, .accessLists, .reflink] {
                settle(ability, false, .byType)
            }
        case "nfs", "nfs4": settle(.exchange, false, .byType)
        default: break
        }
    }
}

/// The step in which a file system keeps modification times.
private enum TimeStep {
    private static let moment = Timestamp(seconds: 1_000_000_001, nanoseconds: 123_456_789)
    private static let steps: [UInt64] = [1, 100, 1000, 1_000_000, 10_000_000, 1_000_000_000, 2_000_000_000]

    static func measure(_ file: Descriptor) -> UInt64? {
        guard (try? setModificationTime(descriptor: file.raw, moment)) != nil,
            let kept = try? FileStatus(descriptor: file.raw).mtime
        else { return nil }
        let (wanted, found) = (total(moment), total(kept))
        return steps.first { wanted - wanted % $0 == found }
    }

    private static func total(_ time: Timestamp) -> UInt64 {
        UInt64(clamping: time.seconds) * 1_000_000_000 + UInt64(time.nanoseconds)
    }
}

/// Whether names differ by case, found out from names that are there.
private enum NameCase {
    static func isSensitive(in directory: Descriptor) -> Bool? {
        guard let reader = try? Descriptor(at: directory.raw, ".", O_RDONLY | O_DIRECTORY) else { return nil }
        return withUnsafeTemporaryAllocation(byteCount: 64 * 1024, alignment: 16) { buffer -> Bool? in
            var name: [CChar]?
            try? listDirectory(reader.raw, buffer: buffer) { entry, count in
                if name == nil {
                    name =
                        swapped(UnsafeBufferPointer(start: entry, count: count + 1)) == nil
                        ? nil : Array(UnsafeBufferPointer(start: entry, count: count + 1))
                }
            }
            guard let name, let other = name.withUnsafeBufferPointer(swapped) else { return nil }
            guard let one = try? FileStatus(at: directory.raw, name) else { return nil }
            do throws(SystemError) {
                let two = try FileStatus(at: directory.raw, other)
                // A name of its own, also where it is a second link to the same file.
                if two.inode != one.inode || two.device != one.device { return true }
                return one.kind != .directory && one.links > 1 ? nil : false
            } catch { return error.errno == ENOENT ? true : nil }
        }
    }

    /// The name with its ASCII letters in the other case; nil where it has none.
    private static func swapped(_ name: UnsafeBufferPointer<CChar>) -> [CChar]? {
        let other = name.map { character -> CChar in
            let byte = UInt8(bitPattern: character)
            let isLetter = (0x41...0x5A).contains(byte & 0xDF) && byte < 0x80
            return isLetter ? CChar(bitPattern: byte ^ 0x20) : character
        }
        return other == Array(name) ? nil : other
    }
}
