import Content
import Core
import Foundation
import Glibc
import Platform
import TestSupport
import Testing

@testable import Roots

@Suite("The content cache")
struct ReadingCacheTests {
    let directory = TemporaryDirectory("cache")
    private static let aMinute: UInt64 = 60_000_000_000

    private func cache(bytesMax: Int = 64 << 20, pace: UInt64 = aMinute) throws -> ContentCache {
        ContentCache(
            root: try Descriptor(at: Descriptor.workingDirectory, directory.path, O_RDONLY | O_DIRECTORY),
            bytesMax: bytesMax, paceNanoseconds: pace, idleNanoseconds: ReadingCacheTests.aMinute)
    }

    private func raw(_ payload: [UInt8], _ size: Int, _ isCompressed: Bool) throws -> [UInt8] {
        if !isCompressed { return payload }
        var content = [UInt8](repeating: 0, count: size)
        let fits = content.withUnsafeMutableBytes { out in
            payload.withUnsafeBytes { Decompressor().decompress($0, into: out) }
        }
        try #require(fits)
        return content
    }

    private func contents(_ pack: Pack) throws -> [[UInt8]?] {
        let all = try raw(pack.payload, pack.rawSize, pack.isCompressed)
        return pack.members.map {
            guard case .read(_, _, _, let offset, let size) = $0 else { return nil }
            return Array(all[offset..<(offset + size)])
        }
    }

    @Test func aPackHoldsEveryFileItsDigestAndItsState() throws {
        let make = try TreeMaker(directory.path)
        let wanted = (0..<40).map { Array("line \($0)\n".utf8) + Array(repeating: 0x61, count: $0 * 100) } + [[]]
        for (number, content) in wanted.enumerated() { try make.file("d\(number % 3)/f\(number)", content) }
        let image = try scan(directory.path)
        let requests = try wanted.indices.map { try image.request("d\($0 % 3)/f\($0)") }
        let pack = try cache().openReader().pack(requests)
        #expect(pack.isCompressed && pack.rawSize == wanted.map(\.count).reduce(0, +))
        #expect(try contents(pack) == wanted)
        for (member, request) in zip(pack.members, requests) {
            guard case .read(let attributes, let identity, let digest, let offset, let size) = member else {
                Issue.record("\(request.path) failed")
                continue
            }
            #expect(attributes == request.attributes && identity == request.identity)
            let content = Array(try raw(pack.payload, pack.rawSize, true)[offset..<(offset + size)])
            #expect(digest == ContentDigest.of(content))
        }
    }

    @Test func whatLooksLikeNoiseLiesBehindTheRestOfAPack() throws {
        let make = try TreeMaker(directory.path)
        let text = (0..<400).flatMap { Array("line \($0)\n".utf8) }
        // One that fills the pack to its last byte lies before and behind the others by turns.
        for (round, extra) in [0, Pack.bytesMax].enumerated() {
            var wanted = (0..<24).map {
                $0 % 3 == 1 ? TreeBuilder.noise(3000 + $0, seed: UInt64($0)) : text + [UInt8($0)]
            }
            wanted += [
                [], TreeBuilder.noise(100, seed: 9),
                TreeBuilder.noise(max(0, extra - wanted.joined().count - 100), seed: 77),
            ]
            for (number, content) in wanted.enumerated() { try make.file("r\(round)/f\(number)", content) }
            let image = try scan(directory.path)
            let pack = try cache().openReader().pack(wanted.indices.map { try image.request("r\(round)/f\($0)") })
            #expect(pack.rawSize == wanted.map(\.count).reduce(0, +))
            #expect(try contents(pack) == wanted)
            let offsets = pack.members.map { if case .read(_, _, _, let offset, _) = $0 { offset } else { -1 } }
            let isNoise = wanted.map { $0.count >= 256 && $0[1] != text[1] }
            let last = zip(offsets, isNoise).filter { !$0.1 }.map(\.0).max() ?? 0
            #expect(zip(offsets, isNoise).allSatisfy { !$0.1 || $0.0 >= last })
        }
    }

    @Test(arguments: [1, 4, 16]) func contentIsReadDigestedAndCompressedOnceHoweverManyAsk(readersCount: Int) throws {
        let make = try TreeMaker(directory.path)
        for number in 0..<300 {
            try make.file("small/\(number)", Array("content of \(number) ".utf8) + TreeBuilder.noise(900, seed: 3))
        }
        let large = TreeBuilder.noise(5 * Segment.bytes + 17, seed: 5)
        try make.file("x-large", large)
        try make.symlink("y-link", to: "target")
        let image = try scan(directory.path)
        let small = try (0..<300).map { try image.request("small/\($0)") }.sorted { $0.path < $1.path }
        let request = try image.request("x-large")
        // Smaller than what is read: old blocks must go, none too early.
        let cache = try cache(bytesMax: ContentCache.bytesMaxMin + 1 << 20)
        let opened = Monitor(0)
        let sessions = (0..<readersCount).map { _ in
            WorkerThread("session") {
                let reader = cache.openReader()
                opened.update { $0 += 1 }
                opened.wait { $0 == readersCount ? () : nil }
                var bytes = 0
                for start in stride(from: 0, to: 300, by: 50) {
                    bytes += reader.pack(Array(small[start..<(start + 50)])).rawSize
                }
                for index in 0..<6 { bytes += try reader.segment(request, index: index).get().rawSize }
                guard try reader.digest(small[0]).get() == reader.digest(small[0]).get() else { return -1 }
                reader.close()
                return bytes
            }
        }
        let total = try sessions.map { try $0.join() }
        let size = small.reduce(0) { $0 + Int($1.attributes.size) } + large.count
        #expect(total.allSatisfy { $0 == size })
        let counters = cache.counters
        #expect(counters.filesOpenedCount == 301)
        // What was written within the last moments is read twice by the one who reads it.
        #expect(counters.bytesRead == size || counters.bytesRead <= 2 * size)
        #expect(counters.heldBytesPeak <= cache.bytesMax)
        #expect(counters.hitsCount >= (readersCount - 1) * 12)
    }

    @Test func aFileThatChangedSinceTheScanComesInItsNewestState() throws {
        let make = try TreeMaker(directory.path)
        try make.file("a", [1])
        try make.file("b", [2])
        try make.file("gone", [3])
        try make.file("link", [4])
        try make.file("fifo", [5])
        try make.file("grown", [6])
        let image = try scan(directory.path)
        let requests = try ["a", "b", "fifo", "gone", "grown", "link"].map { try image.request($0) }
        try make.file("b", [7, 8, 9])
        unlink(directory("gone"))
        unlink(directory("link"))
        try make.symlink("link", to: "a")
        unlink(directory("fifo"))
        try make.fifo("fifo")
        try make.file("grown", TreeBuilder.noise(Pack.bytesMax + 1, seed: 1))
        let pack = try cache().openReader().pack(requests)
        #expect(try contents(pack) == [[1], [7, 8, 9], nil, nil, nil, nil])
        for index in 2..<6 { #expect(pack.members[index] == .failed(.changed)) }
        guard case .read(let attributes, let identity, let digest, _, _) = pack.members[1] else { return }
        let now = try scan(directory.path).request("b")
        #expect(attributes == now.attributes && identity == now.identity && digest == Hash.digest([7, 8, 9]))
    }

    @Test func aSegmentOfAFileThatChangedIsRefused() throws {
        let make = try TreeMaker(directory.path)
        let content = TreeBuilder.noise(3 * Segment.bytes, seed: 2)
        try make.file("large", content)
        let request = try scan(directory.path).request("large")
        let (first, second) = try (cache().openReader(), cache().openReader())
        let segment = try first.segment(request, index: 0).get()
        #expect(segment.payload == Array(content[..<Segment.bytes]) && !segment.isCompressed)
        #expect(segment.digest == Hash.digest(segment.payload))
        let file = try Descriptor(at: Descriptor.workingDirectory, directory("large"), O_WRONLY)
        #expect(pwrite(file.raw, [1], 1, off_t(Segment.bytes)) == 1)
        for reader in [first, second] {
            guard case .failure(.changed) = reader.segment(request, index: 1) else {
                Issue.record("a changed file was read")
                continue
            }
            #expect(reader.digest(request) == .failure(.changed))
        }
    }

    /// Each state of the file is one byte, repeated: a mixture is two bytes.
    @Test func aFileBeingWrittenIsNeverReadAsAMixture() throws {
        let make = try TreeMaker(directory.path)
        let size = 256 * 1024
        try make.file("f", Array(repeating: 0, count: size))
        let request = try scan(directory.path).request("f")
        let path = directory("f")
        let done = Monitor(false)
        let writer = WorkerThread("writer") {
            let file = try Descriptor(at: Descriptor.workingDirectory, path, O_WRONLY)
            var byte: UInt8 = 0
            while !done.read({ $0 }) {
                byte &+= 1
                pwrite(file.raw, Array(repeating: byte, count: size), size, 0)
            }
        }
        for _ in 0..<20 {
            let pack = try cache().openReader().pack([request])
            if let content = try contents(pack)[0] { #expect(content == Array(repeating: content[0], count: size)) }
        }
        done.update { $0 = true }
        try writer.join()
    }

    @Test func aReaderThatStaysBehindLosesBlocksAndReadsAgain_theBoundHolds() throws {
        let make = try TreeMaker(directory.path)
        let content = TreeBuilder.noise(24 * Segment.bytes, seed: 9)
        try make.file("large", content)
        let request = try scan(directory.path).request("large")
        let cache = try cache(bytesMax: 4 << 20, pace: 0)
        let (leader, laggard) = (cache.openReader(), cache.openReader())
        for reader in [leader, laggard] {
            var stream = ContentDigest()
            for index in 0..<24 {
                let segment = try reader.segment(request, index: index).get()
                #expect(segment.payload == Array(content[(index * Segment.bytes)..<((index + 1) * Segment.bytes)]))
                stream.add(segment: segment.digest)
                #expect(cache.heldBytes <= cache.bytesMax)
            }
            #expect(stream.finish() == ContentDigest.of(content))
        }
        #expect(cache.counters.heldBytesPeak <= cache.bytesMax)
        #expect(cache.counters.hitsCount < 24)
    }

    @Test func readersThatKeepPaceShareABlockHoweverSmallTheCache() throws {
        let make = try TreeMaker(directory.path)
        try make.file("large", TreeBuilder.noise(24 * Segment.bytes, seed: 4))
        let request = try scan(directory.path).request("large")
        let cache = try cache(bytesMax: 3 << 20)
        let readers = (0..<4).map { _ in cache.openReader() }
        for index in 0..<24 { for reader in readers { _ = try reader.segment(request, index: index).get() } }
        #expect(cache.counters.hitsCount == 3 * 24 && cache.counters.filesOpenedCount == 1)
    }

    @Test func aClosedReaderHoldsNobodyUp() throws {
        let make = try TreeMaker(directory.path)
        try make.file("large", TreeBuilder.noise(12 * Segment.bytes, seed: 4))
        let request = try scan(directory.path).request("large")
        let cache = try cache(bytesMax: ContentCache.bytesMaxMin)
        let (leader, closed) = (cache.openReader(), cache.openReader())
        closed.close()
        for index in 0..<12 { _ = try leader.segment(request, index: index).get() }
        #expect(cache.counters.heldBytesPeak <= cache.bytesMax)
    }

    @Test func contentThatDoesNotCompressIsOnlyProbedAfterAWhile() throws {
        let make = try TreeMaker(directory.path)
        try make.file("large", TreeBuilder.noise(32 * Segment.bytes, seed: 11))
        let request = try scan(directory.path).request("large")
        let cache = try cache()
        let reader = cache.openReader()
        for index in 0..<32 { #expect(try !reader.segment(request, index: index).get().isCompressed) }
        #expect(cache.counters.bytesCompressed < 6 * Segment.bytes)
    }

    @Test func theTargetOfASymlinkIsReadAsBytes() throws {
        let make = try TreeMaker(directory.path)
        let target = String(repeating: "t/", count: 2000)
        try make.symlink("d/link", to: target)
        try make.file("d/file")
        let reader = try cache().openReader()
        #expect(try reader.readLink(TreePath(slashed: "d/link")) == Array(target.utf8))
        #expect(throws: SystemError("readlinkat", EINVAL)) { try reader.readLink(TreePath(slashed: "d/file")) }
        #expect(throws: SystemError.self) { try reader.readLink(TreePath(slashed: "d/none")) }
    }

    @Test func aParentThatBecameASymlinkIsNotFollowed() throws {
        let make = try TreeMaker(directory.path)
        try make.file("d/file", [1])
        try make.file("other/file", [2])
        let request = try scan(directory.path).request("d/file")
        rename(directory("d"), directory("away"))
        try make.symlink("d", to: "other")
        #expect(try cache().openReader().pack([request]).members == [.failed(.changed)])
    }

    @Test func whoIsWaitedForInVainLeavesTheSharedPaceUntilCaughtUp() {
        func at(_ index: Int) -> CachePosition { CachePosition(key: [0x61], index: index) }
        var pace = CachePace(idleNanoseconds: 100)
        let (a, b) = (pace.add(now: 0), pace.add(now: 0))
        pace.ask(a, at(5), now: 10)
        #expect(pace.slowest(now: 10)?.id == b)
        pace.leaveBehind(b)
        #expect(pace.slowest(now: 10)?.id == a)
        pace.ask(b, at(1), now: 20)
        #expect(pace.slowest(now: 20)?.id == a)
        pace.ask(b, at(5), now: 30)
        pace.ask(a, at(6), now: 30)
        #expect(pace.slowest(now: 30)?.id == b)
        #expect(pace.slowest(now: 130)?.id == nil)
        pace.ask(a, at(7), now: 131)
        #expect(pace.slowest(now: 131)?.id == a)
    }
}
