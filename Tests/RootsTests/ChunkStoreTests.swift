import Content
import Core
import Foundation
import Glibc
import Platform
import TestSupport
import Testing

@testable import Roots

/// The chunk lists that a root keeps, and how many a changed file is compared for by reading it once.
@Suite struct ChunkStoreTests {
    let directory = TemporaryDirectory("chunks")

    private func store(bytesMax: UInt64 = 256 << 20) throws -> ChunkStore {
        let top = directory(".headwater")
        mkdir(top, 0o700)
        let reserved = try Descriptor(at: Descriptor.workingDirectory, top, O_RDONLY | O_DIRECTORY)
        return ChunkStore(reserved: reserved, path: "/some/root", bytesMax: bytesMax)
    }

    private func list(_ content: [UInt8]) -> ChunkList {
        var maker = ChunkListMaker(ChunkSizes(averageBits: 12)!)
        content.withUnsafeBytes { maker.add($0) }
        return maker.finish()
    }

    private func names() throws -> [String] {
        let roots = try FileManager.default.contentsOfDirectory(atPath: directory(".headwater/@root"))
        return try FileManager.default.contentsOfDirectory(atPath: directory(".headwater/@root/\(roots[0])/chunks"))
    }

    @Test func list_comesBack_andNothingIsMadeBefore() throws {
        let (store, content) = (try store(), TreeBuilder.noise(100_000, seed: 1))
        #expect(store.list(of: Digest(high: 1, low: 2)) == nil)
        #expect(access(directory(".headwater/@root"), F_OK) != 0)
        store.keep(list(content), of: Digest(high: 1, low: 2))
        #expect(store.list(of: Digest(high: 1, low: 2)) == list(content))
        #expect(store.list(of: Digest(high: 1, low: 3)) == nil)
        #expect(try names().count == 1)
    }

    /// A second name, a link or a directory of others in the way: no list is kept or found, and nothing is written through it.
    @Test(arguments: ["ln -s elsewhere .headwater/@root", "mkdir -m 777 .headwater/@root", "touch .headwater/@root"])
    func oddDirectory_isLeftAlone(how: String) throws {
        let store = try store()
        #expect(system("cd '\(directory.path)' && mkdir elsewhere && \(how)") == 0)
        store.keep(list(TreeBuilder.noise(50_000, seed: 2)), of: Digest(high: 1, low: 2))
        #expect(store.list(of: Digest(high: 1, low: 2)) == nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory("elsewhere")).isEmpty)
    }

    @Test func listsThatWereNotUsedForLongest_go() throws {
        let size = UInt64(list(TreeBuilder.noise(100_000, seed: 1)).encoded().count)
        let store = try store(bytesMax: size * 7 / 2)
        for number in 1...3 {
            store.keep(list(TreeBuilder.noise(100_000, seed: UInt64(number))), of: Digest(high: 0, low: UInt64(number)))
            // Each a second younger than the one before.
            let file = ".headwater/@root/*/chunks/" + Digest(high: 0, low: UInt64(number)).hex
            #expect(system("cd '\(directory.path)' && touch -d @\(1_000_000 + number) \(file)") == 0)
        }
        #expect(store.list(of: Digest(high: 0, low: 1)) != nil)
        store.keep(list(TreeBuilder.noise(100_000, seed: 4)), of: Digest(high: 0, low: 4))
        #expect(try Set(names()) == Set([1, 3, 4].map { Digest(high: 0, low: $0).hex }))
    }

    /// However many targets have the same earlier version.
    @Test func changedFile_isReadOnceForAll() throws {
        let make = try TreeMaker(directory.path)
        let earlier = TreeBuilder.noise(5_000_000, seed: 5)
        try make.file("large", TreeBuilder.noise(700, seed: 6) + earlier)
        let request = try scan(directory.path).request("large")
        let cache = ContentCache(
            root: try Descriptor(at: Descriptor.workingDirectory, directory.path, O_RDONLY | O_DIRECTORY))
        let store = try store()
        store.keep(list(earlier), of: ContentDigest.of(earlier))
        cache.keepChunkLists(in: store)
        var sent: [Int] = []
        for _ in 0..<8 {
            let reader = cache.openReader()
            let delta = try #require(try reader.delta(request, from: ContentDigest.of(earlier)) { false }.get())
            #expect(delta.digest == ContentDigest.of(TreeBuilder.noise(700, seed: 6) + earlier))
            let segments = try (0..<Segment.count(ofSize: request.attributes.size)).map { index in
                try reader.segment(request, index: index, in: delta).get()
            }
            sent.append(segments.reduce(0) { $0 + $1.payload.count })
            reader.close()
        }
        #expect(Set(sent).count == 1 && sent[0] > 700 && sent[0] < 30_000, "\(sent)")
        // Twice where the file is as fresh as this one, and what is new once more.
        #expect(cache.counters.bytesRead < 2 * Int(request.attributes.size) + 2 * sent[0] + 1, "\(cache.counters)")
        // The next version is compared with this one.
        #expect(store.list(of: ContentDigest.of(TreeBuilder.noise(700, seed: 6) + earlier)) != nil)
    }

    @Test func comparing_endsWhenAsked() throws {
        let make = try TreeMaker(directory.path)
        try make.file("large", TreeBuilder.noise(3_000_000, seed: 7))
        let request = try scan(directory.path).request("large")
        let cache = ContentCache(
            root: try Descriptor(at: Descriptor.workingDirectory, directory.path, O_RDONLY | O_DIRECTORY))
        let store = try store()
        store.keep(list(TreeBuilder.noise(600_000, seed: 8)), of: Digest(high: 8, low: 8))
        cache.keepChunkLists(in: store)
        let reader = cache.openReader()
        #expect(try reader.delta(request, from: Digest(high: 8, low: 8)) { true }.get() == nil)
        #expect(try reader.delta(request, from: Digest(high: 9, low: 9)) { false }.get() == nil)
        #expect(try reader.delta(request, from: Digest(high: 8, low: 8)) { false }.get() != nil)
    }
}
