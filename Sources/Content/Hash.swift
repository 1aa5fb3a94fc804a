import CXXHash
import Core

/// XXH3 (xxHash 0.8): equality and transport damage, not defence against a forger.
package enum Hash {
    /// XXH3-64 of a buffer, for frames and rows.
    package static func xxh3(_ bytes: UnsafeRawBufferPointer) -> UInt64 { XXH3_64bits(bytes.baseAddress, bytes.count) }

    /// XXH3-128 of a buffer: the digest of a whole file's content or a symlink's target.
    package static func digest(_ bytes: UnsafeRawBufferPointer) -> Digest {
        let value = XXH3_128bits(bytes.baseAddress, bytes.count)
        return Digest(high: value.high64, low: value.low64)
    }

    package static func digest(_ bytes: [UInt8]) -> Digest { bytes.withUnsafeBytes { digest($0) } }
}

/// XXH3-128 of content that comes in pieces. Not for several threads at once.
package struct DigestStream: ~Copyable {
    private let state: OpaquePointer

    package init() {
        state = XXH3_createState()
        XXH3_128bits_reset(state)
    }

    deinit { XXH3_freeState(state) }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        XXH3_128bits_update(state, bytes.baseAddress, bytes.count)
    }

    package func finish() -> Digest {
        let value = XXH3_128bits_digest(state)
        return Digest(high: value.high64, low: value.low64)
    }
}

/// Name and version of the xxHash that is linked.
let xxHashVersion: String = {
    let number = XXH_versionNumber()
    return "\(number / 10000).\(number / 100 % 100).\(number % 100)"
}()
