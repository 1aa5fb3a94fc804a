import Core
import Platform
import Synchronization

/// A large file that is open because its segments are asked for one after the other, by whichever reader comes first.
final class OpenFile: Sendable {
    let descriptor: Descriptor
    /// What it takes on the disk, at most its size.
    let storedBytes: UInt64
    /// How many segments in a row could not be compressed.
    let incompressibleCount = Atomic<Int>(0)

    init(_ descriptor: Descriptor, size: UInt64) {
        self.descriptor = descriptor
        storedBytes = min(size, (try? FileStatus(descriptor: descriptor.raw))?.storedBytes ?? size)
    }
}

/// The large files that were read from last, at most `countMax` of them.
struct OpenFiles: Sendable {
    static let countMax = 16
    private var files: [(key: Digest, file: OpenFile)] = []

    /// The file under `key`, which becomes the latest.
    mutating func find(_ key: Digest) -> OpenFile? {
        guard let index = files.firstIndex(where: { $0.key == key }) else { return nil }
        files.append(files.remove(at: index))
        return files.last!.file
    }

    /// Returns the file that goes for it, so that it is closed outside of any lock.
    mutating func add(_ file: OpenFile, _ key: Digest) -> OpenFile? {
        files.append((key, file))
        return files.count > OpenFiles.countMax ? files.removeFirst().file : nil
    }

    mutating func remove(_ key: Digest) -> OpenFile? {
        guard let index = files.firstIndex(where: { $0.key == key }) else { return nil }
        return files.remove(at: index).file
    }
}

/// Digests of whole files by what identifies them; the older half is forgotten when it is full.
struct DigestMemory: Sendable {
    static let generationCountMax = 32 * 1024
    private var young: [Digest: Digest] = [:]
    private var old: [Digest: Digest] = [:]
    /// Being computed.
    var pending: Set<Digest> = []

    subscript(key: Digest) -> Digest? { young[key] ?? old[key] }

    mutating func add(_ digest: Digest, _ key: Digest) {
        if young.count >= DigestMemory.generationCountMax {
            old = young
            young.removeAll()
        }
        young[key] = digest
    }
}
