import CCrypto
import TestSupport
import Testing

@testable import SSH

/// EVP_Cipher as this program links it, which works ahead in counter mode, beside libcrypto's other way to the same cipher.
@Suite struct CipherTests {
    private static let key = TreeBuilder.noise(32, seed: 1)

    /// `EVP_Cipher` over `pieces` of the text one after the other, as libssh2 calls it.
    private func ciphered(_ text: [UInt8], pieces: [Int], start: [UInt8], _ cipher: OpaquePointer) -> [UInt8] {
        let context = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(context) }
        EVP_CipherInit(context, cipher, Self.key, start, 1)
        var out = [UInt8](repeating: 0, count: text.count)
        var (done, next) = (0, 0)
        while done < text.count {
            let count = min(pieces[next % pieces.count], text.count - done)
            let result = text.withUnsafeBufferPointer { text in
                out.withUnsafeMutableBufferPointer { out in
                    EVP_Cipher(context, out.baseAddress! + done, text.baseAddress! + done, UInt32(count))
                }
            }
            #expect(result == 1 || result == Int32(count))
            (done, next) = (done + count, next + 1)
        }
        return out
    }

    private func expected(_ text: [UInt8], start: [UInt8], _ cipher: OpaquePointer) -> [UInt8] {
        let context = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(context) }
        EVP_EncryptInit_ex(context, cipher, nil, Self.key, start)
        EVP_CIPHER_CTX_set_padding(context, 0)
        var out = [UInt8](repeating: 0, count: text.count + 16)
        var count: Int32 = 0
        EVP_EncryptUpdate(context, &out, &count, text, Int32(text.count))
        return Array(out.prefix(Int(count)))
    }

    /// Over many refills, with a counter that runs over, and whatever pieces follow the first block.
    @Test(arguments: [[16], [16, 32, 4096, 4080, 16], [16, 1, 5, 100]])
    func counterMode_isTheSameAheadOrNot(pieces: [Int]) {
        let text = TreeBuilder.noise(100_000, seed: 2)
        for start in [[UInt8](repeating: 0, count: 16), [UInt8](repeating: 0xFF, count: 16)] {
            for cipher in [EVP_aes_128_ctr(), EVP_aes_192_ctr(), EVP_aes_256_ctr()] {
                #expect(
                    ciphered(text, pieces: pieces, start: start, cipher!) == expected(text, start: start, cipher!))
            }
        }
    }

    @Test func otherModes_areLeftAlone() {
        let text = TreeBuilder.noise(64_000, seed: 3)
        let start = [UInt8](repeating: 7, count: 16)
        #expect(
            ciphered(text, pieces: [16], start: start, EVP_aes_128_cbc()!)
                == expected(text, start: start, EVP_aes_128_cbc()!))
    }
}
