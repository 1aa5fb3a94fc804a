import Content
import Core

/// A server's public key: the bytes that it sends and that known_hosts holds in Base64.
struct HostKey: Hashable, Sendable {
    let blob: [UInt8]

    /// `ssh-ed25519`, …; from the key itself. Empty when the bytes are no key.
    var type: String {
        var reader = SSHBytes(blob)
        return reader.text() ?? ""
    }

    /// `SHA256:…` as `ssh-keygen -l` shows it.
    var fingerprint: String { "SHA256:" + Base64.encode(SHA256.hash(blob)) }

    /// The types that libssh2 1.10 can check (it verifies RSA keys with SHA-1 only, which servers refuse), best first.
    static let supportedTypes = ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"]

    /// The name that `ssh-keyscan -t` takes.
    static func keyscanName(_ type: String) -> String { type.hasPrefix("ecdsa-") ? "ecdsa" : "ed25519" }
}
