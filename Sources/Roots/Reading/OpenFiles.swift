import Content
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
    /// Its chunk list in the making.
    let chunks: ChunkedReading?

    /// - Parameter isListed: a chunk list of it is to be kept.
    init(_ descriptor: Descriptor, size: UInt64, isListed: Bool) {
        self.descriptor = descriptor
        chunks = isListed ? ChunkedReading(fileOf: size) : nil
        storedBytes = min(size, (try? FileStatus(descriptor: descriptor.raw))?.storedBytes ?? size)
    }
}

/// The chunk list of a file that is read segment by segment, by whichever reader comes first. A segment that does not follow on the last
/// one adds nothing: then there will be no list.
final class ChunkedReading: Sendable {
    private struct State: Sendable {
        var maker: ChunkListMaker
        var segments: [Digest] = []
    }

    private let state: Monitor<State>

    init(fileOf size: UInt64) { state = Monitor(State(maker: ChunkListMaker(ChunkSizes(forFileOf: size)))) }

    /// The list and the digest of the whole file, when that was its last segment.
    func add(_ segment: RawSegment, _ digest: Digest, at index: Int, isLast: Bool)
        -> (list: ChunkList, content: Digest)?
    {
        state.read { state in
            guard index == state.segments.count else { return nil }
            state.segments.append(digest)
            state.maker.add(segment)
            return isLast ? (state.maker.finish(), ContentDigest.joining(state.segments)) : nil
        }
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

/// What is remembered by a digest of all that it depends on, and found out once for all who ask meanwhile.
protocol DigestKeyed: Sendable {
    associatedtype Value
    subscript(key: Digest) -> Value? { get }
    /// Being found out.
    var pending: Set<Digest> { get set }
}

/// Digests of whole files by what identifies them; the older half is forgotten when it is full.
struct DigestMemory: DigestKeyed {
    static let generationCountMax = 32 * 1024
    private var young: [Digest: Digest] = [:]
    private var old: [Digest: Digest] = [:]
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
