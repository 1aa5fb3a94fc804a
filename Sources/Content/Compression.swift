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

    /// Compresses all of `source` behind what `output` holds already.
    ///
    /// - Returns: false, leaving `output` as it was, where it would save less than an eighth: then send it as it is.
    package func compress(_ source: UnsafeRawBufferPointer, appendingTo output: inout [UInt8]) -> Bool {
        let start = output.count
        let room = source.count - source.count / 8
        if room == 0 { return false }
        output.append(contentsOf: repeatElement(0, count: room))
        let written = output.withUnsafeMutableBytes {
            ZSTD_compressCCtx(context, $0.baseAddress! + start, room, source.baseAddress, source.count, level)
        }
        if ZSTD_isError(written) != 0 {
            output.removeLast(room)
            return false
        }
        output.removeLast(room - written)
        return true
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
