import Content
import TestSupport
import Testing

@Suite struct CompressionTests {
    private static func looksLikeNoise(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { Compressor.looksLikeNoise($0) }
    }

    @Test(arguments: [256, 300, 1024, 5000, 100_000]) func noise_isKnownFromSoManyBytesOn(_ count: Int) {
        for seed in 0..<50 { #expect(CompressionTests.looksLikeNoise(TreeBuilder.noise(count, seed: UInt64(seed)))) }
    }

    @Test func whatMayCompress_isNotTakenForNoise() {
        let whole = TreeBuilder.noise(4096, seed: 7)
        let digits = Array("0123456789abcdef".utf8)
        let samples: [[UInt8]] = [
            [], [7], Array(whole.prefix(255)), Array(repeating: 0, count: 4096),
            whole.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
            // Of seven bits in each byte, as of six, an eighth and more can be saved.
            whole.map { $0 & 0x7F }, whole.map { $0 & 0x3F },
            (0..<2000).flatMap { Array("line \($0) of a text\n".utf8) },
        ]
        for sample in samples { #expect(!CompressionTests.looksLikeNoise(sample), "\(sample.prefix(8))") }
    }

    @Test func compress_savesAnEighthOrSaysSo() {
        let text = (0..<500).flatMap { Array("line \($0) of a text\n".utf8) }
        for (content, isSaved) in [(text, true), (TreeBuilder.noise(9000, seed: 1), false), ([], false), ([1], false)] {
            var output = [UInt8](repeating: 0, count: content.count)
            let count = content.withUnsafeBytes { source in
                output.withUnsafeMutableBytes { Compressor().compress(source, into: $0) }
            }
            #expect((count != nil) == isSaved)
            guard let count else { continue }
            #expect(count <= content.count - content.count / 8)
            var back = [UInt8](repeating: 0, count: content.count)
            let fits = back.withUnsafeMutableBytes { back in
                output.withUnsafeBytes {
                    Decompressor().decompress(UnsafeRawBufferPointer(rebasing: $0[..<count]), into: back)
                }
            }
            #expect(fits && back == content)
        }
    }
}
