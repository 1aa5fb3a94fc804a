import Core
import TestSupport
import Testing

@testable import Content

/// Cuts, lists of chunks, and what two versions of a file have in common.
@Suite struct ChunkTests {
    private static let sizes = ChunkSizes(averageBits: 12)!

    private func list(_ content: [UInt8], pieces: Int = Segment.bytes, _ sizes: ChunkSizes = sizes) -> ChunkList {
        var maker = ChunkListMaker(sizes)
        for start in stride(from: 0, to: content.count, by: pieces) {
            content[start..<min(start + pieces, content.count)].withUnsafeBytes { maker.add($0) }
        }
        return maker.finish()
    }

    private func delta(_ content: [UInt8], from earlier: [UInt8]) -> FileDelta {
        var maker = FileDeltaMaker(list(earlier), base: ContentDigest.of(earlier))
        for start in stride(from: 0, to: content.count, by: Segment.bytes) {
            content[start..<min(start + Segment.bytes, content.count)].withUnsafeBytes { maker.add(.bytes($0)) }
        }
        let (delta, own) = maker.finish()
        #expect(own == list(content))
        return delta
    }

    /// How much is new. Sees that what is copied is the same in both, and that the digests are right.
    private func newBytes(_ content: [UInt8], from earlier: [UInt8]) -> Int {
        let delta = delta(content, from: earlier)
        #expect(delta.digest == ContentDigest.of(content) && delta.base == ContentDigest.of(earlier))
        var (end, copied) = (UInt64(0), 0)
        for copy in delta.copies {
            #expect(copy.offset >= end && copy.offset + copy.count <= content.count)
            end = copy.offset + copy.count
            copied += Int(copy.count)
            #expect(
                content[Int(copy.offset)..<Int(end)]
                    == earlier[Int(copy.origin)..<Int(copy.origin + copy.count)])
        }
        #expect(sumOfSegments(delta, content.count) == copied)
        return content.count - copied
    }

    private func sumOfSegments(_ delta: FileDelta, _ size: Int) -> Int {
        var sum = 0
        for index in 0..<Segment.count(ofSize: UInt64(size)) {
            var end: UInt64 = 0
            for copy in delta.copies(inSegment: index, ofFileOf: UInt64(size)) {
                #expect(copy.offset >= end && copy.count > 0)
                end = copy.offset + copy.count
                sum += Int(copy.count)
            }
            #expect(end <= Segment.size(at: index, ofSize: UInt64(size)))
        }
        return sum
    }

    @Test(arguments: [1, 1_000, 4_096, 65_537, Segment.bytes])
    func cuts_doNotDependOnThePieces(pieces: Int) {
        let content = TreeBuilder.noise(300_000, seed: 7)
        #expect(list(content, pieces: pieces) == list(content))
    }

    @Test func chunks_coverAllAndAreWithinTheirBounds() {
        for content in [TreeBuilder.noise(900_000, seed: 1), [UInt8](repeating: 0, count: 900_000), []] {
            let chunks = list(content).chunks
            #expect(chunks.reduce(0) { $0 + $1.length } == content.count)
            for chunk in chunks.dropLast() { #expect((1025...16_384).contains(chunk.length)) }
        }
        #expect((120...400).contains(list(TreeBuilder.noise(900_000, seed: 1)).chunks.count))
    }

    /// Found once for this table and these bounds: another one would make every list that is kept useless, silently.
    @Test func cuts_areThoseOfTheFormat() {
        var random = SeededRandom(seed: 3)
        let chunks = list((0..<40_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }).chunks
        #expect(chunks.map(\.length) == [4391, 4418, 4193, 1033, 7648, 3403, 5105, 5516, 2275, 2018])
        #expect(chunks.first?.hash == 17_207_002_376_660_609_512)
    }

    @Test func averageGrowsWithTheRootOfTheSize() {
        let sizes: [(UInt64, Int)] = [
            (0, 12), (1 << 30, 12), ((4 << 30) - 1, 12), (4 << 30, 13), (16 << 30, 14), (1 << 40, 20), (.max, 28),
        ]
        for (size, bits) in sizes { #expect(ChunkSizes(forFileOf: size).averageBits == bits, "\(size)") }
    }

    @Test func insertionAtTheFront_isAllThatIsNew() {
        let earlier = TreeBuilder.noise(3_000_000, seed: 11)
        #expect((800...20_000).contains(newBytes(TreeBuilder.noise(800, seed: 12) + earlier, from: earlier)))
    }

    @Test func tail_isAllThatIsNew() {
        let earlier = TreeBuilder.noise(2_000_000, seed: 13)
        #expect((5_000...25_000).contains(newBytes(earlier + TreeBuilder.noise(5_000, seed: 14), from: earlier)))
        #expect(newBytes(Array(earlier.prefix(1_200_000)), from: earlier) < 20_000)
    }

    @Test func scatteredEdits_costLittleMoreThanThey() {
        let earlier = TreeBuilder.noise(8 << 20, seed: 15)
        var content = earlier
        for edit in 0..<20 { for offset in 0..<4096 { content[edit * 400_000 + 777 + offset] ^= 0x5A } }
        #expect((20 * 4096...20 * 16_384).contains(newBytes(content, from: earlier)))
    }

    @Test func moved_copiedAndRepeatedParts_areFound() {
        let (one, two) = (TreeBuilder.noise(700_000, seed: 16), TreeBuilder.noise(700_000, seed: 17))
        #expect(newBytes(two + one + two, from: one + two) < 70_000)
        #expect(newBytes([UInt8](repeating: 9, count: 1_000_000), from: [UInt8](repeating: 9, count: 600_000)) < 20_000)
        #expect(newBytes(one, from: two) == one.count)
        #expect(newBytes([], from: two) == 0 && newBytes(two, from: []) == two.count)
    }

    @Test func holes_areInNoChunk() {
        let (one, two) = (TreeBuilder.noise(Segment.bytes, seed: 18), TreeBuilder.noise(90_000, seed: 19))
        var maker = ChunkListMaker(Self.sizes)
        one.withUnsafeBytes { maker.add($0) }
        maker.addHole(3 * Segment.bytes)
        two.withUnsafeBytes { maker.add($0) }
        maker.addHole(5)
        let list = maker.finish()
        #expect(list.size == UInt64(4 * Segment.bytes + 90_005))
        #expect(list.chunks.reduce(0) { $0 + $1.length } == Segment.bytes + 90_000)
        #expect(ChunkList(decoding: list.encoded()) == list)
    }

    @Test func list_isWhatWasKept_orNothing() {
        let list = list(TreeBuilder.noise(200_000, seed: 20))
        let bytes = list.encoded()
        #expect(ChunkList(decoding: bytes) == list)
        for position in stride(from: 0, to: bytes.count, by: 7) {
            var damaged = bytes
            damaged[position] ^= 4
            #expect(ChunkList(decoding: damaged) == nil)
        }
        for count in [0, 8, 31, bytes.count - 1, bytes.count - 12] {
            #expect(ChunkList(decoding: Array(bytes.prefix(count))) == nil)
        }
    }
}
