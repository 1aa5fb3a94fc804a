import CZstd
import Core

/// zstd with the bounds that a receiver needs. One context per thread; calls on one value must not overlap.
package final class Compressor {
    private let context: OpaquePointer
    private let level: Int32

    /// - Parameter level: 1 is what fan-out uses; negative levels are faster still.
    package init(level: Int32 = 1) {
        context = ZSTD_createCCtx()
        self.level = level
    }

    deinit { ZSTD_freeCCtx(context) }

    /// Whether content looks like noise: packed, encrypted or otherwise without a byte that is likelier than others.
    ///
    /// Counts how often two of at most 1 024 bytes from its middle are equal (the collision entropy); of fewer than 256 bytes nothing can
    /// be told. A guess: content that repeats what is rarer than that is taken for noise as well.
    package static func looksLikeNoise(_ content: UnsafeRawBufferPointer) -> Bool {
        let count = min(content.count, 1024)
        if count < 256 { return false }
        let start = (content.count - count) / 2
        return withUnsafeTemporaryAllocation(of: UInt16.self, capacity: 256) { occurrences in
            occurrences.initialize(repeating: 0)
            for byte in content[start..<(start + count)] { occurrences[Int(byte)] &+= 1 }
            let pairs = occurrences.reduce(0) { $0 + Int($1) * Int($1) } - count
            // Of noise there are count² / 256, give or take a tenth of it where 256 bytes are looked at.
            return pairs < count * count / 256 * 3 / 2
        }
    }

    /// Compresses all of `source` to the beginning of `output`, which must be as large.
    ///
    /// - Returns: the bytes it came to; nil where it would save less than an eighth: then send it as it is.
    package func compress(_ source: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int? {
        let room = source.count - source.count / 8
        if room == 0 { return nil }
        let written = ZSTD_compressCCtx(
            context, output.baseAddress, room, source.baseAddress, source.count, level)
        return ZSTD_isError(written) == 0 ? written : nil
    }
}

package final class Decompressor {
    private let context: OpaquePointer

    package init() { context = ZSTD_createDCtx() }

    deinit { ZSTD_freeDCtx(context) }

    /// Decompresses one frame that must come out at exactly `output.count` bytes; false for anything else.
    package func decompress(_ source: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Bool {
        ZSTD_decompressDCtx(context, output.baseAddress, output.count, source.baseAddress, source.count) == output.count
    }
}

package enum LinkedLibraries {
    /// Name and version of what this module links.
    package static var versions: [(name: String, version: String)] {
        [
            ("libzstd", String(cString: ZSTD_versionString())), ("xxHash", xxHashVersion),
            ("OpenSSL libcrypto", SHA256.libraryVersion),
        ]
    }
}
