import Core
import Glibc
import Platform

/// A private key file in OpenSSH's format (PROTOCOL.key), read once: what its clear part says, and the whole for libssh2.
struct IdentityFile: Sendable {
    let path: String
    let content: [UInt8]
    let publicKey: HostKey
    /// `none`, or what a passphrase decrypts.
    let cipher: String

    var isEncrypted: Bool { cipher != "none" }

    /// Whether libssh2 1.10 knows the cipher.
    var canBeDecrypted: Bool { IdentityFile.ciphers.contains(cipher) }

    private static let bytesMax = 1 << 20
    private static let ciphers: Set<String> = [
        "aes256-ctr", "aes192-ctr", "aes128-ctr", "aes256-cbc", "aes192-cbc", "aes128-cbc",
    ]

    /// nil when there is no such file.
    ///
    /// - Throws: `ssh.key-permissions`, as ssh refuses files that others may read; `ssh.key-unreadable`; `ssh.key-format`.
    static func read(_ path: String) throws(HeadwaterError) -> IdentityFile? {
        let content: [UInt8]
        do {
            let file = try Descriptor(at: Descriptor.workingDirectory, path, O_RDONLY | O_NONBLOCK)
            try checkPermissions(file, path)
            content = try readFile("/proc/self/fd/\(file.raw)", bytesMax: bytesMax)
        } catch let error as HeadwaterError {
            throw error
        } catch let error as SystemError where error.isMissing {
            return nil
        } catch {
            throw HeadwaterError(
                "ssh.key-unreadable", "the private key \(path) cannot be read", remedy: "make \(path) readable for you",
                cause: "\(error)")
        }
        guard let parsed = parse(content, path) else { throw wrongFormat(content, path) }
        return parsed
    }

    /// The public key beside a private key file: `path.pub`.
    static func publicKey(beside path: String) -> HostKey? {
        guard let content = try? readFile(path + ".pub", bytesMax: 64 * 1024) else { return nil }
        let fields = content.split { $0 == 0x20 || $0 == 0x0A }
        return fields.count > 1 ? Base64.decode(fields[1]).map { HostKey(blob: $0) } : nil
    }

    private static func checkPermissions(_ file: Descriptor, _ path: String) throws {
        let status = try FileStatus(descriptor: file.raw)
        if status.userID == geteuid(), status.permissions & 0o077 != 0 {
            throw HeadwaterError(
                "ssh.key-permissions", "others may read the private key \(path) (mode \(octal(status.permissions)))",
                remedy: "run: chmod 600 \(ShellWord.path(path))")
        }
    }

    private static func parse(_ content: [UInt8], _ path: String) -> IdentityFile? {
        let lines = content.split { $0 == 10 || $0 == 13 }
        guard let begin = lines.firstIndex(where: { $0.elementsEqual("-----BEGIN OPENSSH PRIVATE KEY-----".utf8) }),
            let end = lines.firstIndex(where: { $0.elementsEqual("-----END OPENSSH PRIVATE KEY-----".utf8) }),
            begin < end, let bytes = Base64.decode(lines[(begin + 1)..<end].joined())
        else { return nil }
        var reader = SSHBytes(bytes)
        guard reader.bytes(15) == Array("openssh-key-v1\0".utf8), let cipher = reader.text(), reader.string() != nil,
            reader.string() != nil, reader.uint32() == 1, let blob = reader.string()
        else { return nil }
        return IdentityFile(
            path: path, content: content, publicKey: HostKey(blob: blob), cipher: cipher)
    }

    private static func wrongFormat(_ content: [UInt8], _ path: String) -> HeadwaterError {
        HeadwaterError(
            "ssh.key-format", "\(path) is no private key in OpenSSH's format",
            remedy: "convert it with `ssh-keygen -p -f \(ShellWord.path(path))`, or name another identity")
    }

    private static func octal(_ mode: UInt16) -> String { "0" + String(mode, radix: 8) }
}
