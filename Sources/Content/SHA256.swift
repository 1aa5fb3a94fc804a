import CCrypto

/// SHA-256 from libcrypto, for what an attacker might forge: the agent binary, host key fingerprints, chunks of other files.
package struct SHA256: ~Copyable {
    private let context: OpaquePointer

    package init() {
        Crypto.prepare()
        context = EVP_MD_CTX_new()
        EVP_DigestInit_ex(context, EVP_sha256(), nil)
    }

    deinit { EVP_MD_CTX_free(context) }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    }

    /// 32 bytes.
    package consuming func finish() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        EVP_DigestFinal_ex(context, &digest, nil)
        return digest
    }

    package static func hash(_ bytes: [UInt8]) -> [UInt8] {
        var stream = SHA256()
        bytes.withUnsafeBytes { stream.update($0) }
        return stream.finish()
    }

    /// HMAC-SHA1, for the hashed host names of known_hosts and nothing else; 20 bytes.
    package static func hmacSHA1(key: [UInt8], _ bytes: [UInt8]) -> [UInt8] {
        Crypto.prepare()
        var digest = [UInt8](repeating: 0, count: 20)
        var size: UInt32 = 20
        HMAC(EVP_sha1(), key, Int32(key.count), bytes, bytes.count, &digest, &size)
        return digest
    }

    static var libraryVersion: String { String(cString: OpenSSL_version(OPENSSL_VERSION_STRING)) }
}

/// libcrypto as this process uses it.
package enum Crypto {
    /// Keeps libcrypto from taking its state away in `exit` while a thread still ends its connection.
    ///
    /// Must come before any other use of libcrypto in the process: only its very first initialisation decides this.
    package static func prepare() { precondition(isPrepared, "libcrypto does not start") }

    private static let isPrepared = OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_ATEXIT), nil) == 1
}
