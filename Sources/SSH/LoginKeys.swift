import Core

/// The keys to offer to a server, in order, and why others are not offered.
struct LoginKeys {
    struct Candidate {
        let key: HostKey
        /// Where it comes from, for messages.
        let label: String
        /// nil: the agent signs.
        let file: IdentityFile?
        /// Opens `file` where it is encrypted; nil while nobody has typed it.
        var passphrase: Passphrase?

        var isLocked: Bool { file?.isEncrypted == true && passphrase == nil }
    }

    private(set) var candidates: [Candidate] = []
    private(set) var skipped: [HeadwaterError] = []
    private var isRSASeen = false

    /// Keys of the agent that are also named as files first, then the agent's others, then files.
    init(_ settings: SSHSettings, agentKeys: [KeyAgent.Key], _ passphrases: Passphrases) throws(HeadwaterError) {
        var files: [IdentityFile] = []
        var named: [HostKey] = []
        for path in settings.identityFiles {
            do throws(HeadwaterError) {
                let file = try IdentityFile.read(path)
                if let key = file?.publicKey ?? IdentityFile.publicKey(beside: path) { named.append(key) }
                if let file { files.append(file) }
                if file == nil, named.isEmpty, settings.isIdentityDeclared { throw LoginKeys.missing(path) }
            } catch {
                skipped.append(error)
            }
        }
        let held = agentKeys.map { ($0, HostKey(blob: $0.blob)) }
        let first = held.filter { named.contains($0.1) }
        let others = settings.identitiesOnly ? [] : held.filter { !named.contains($0.1) }
        for (key, parsed) in first + others { add(parsed, "ssh-agent key \(key.comment)", file: nil) }
        for file in files where !candidates.contains(where: { $0.key == file.publicKey }) {
            switch passphrases.answer(file.path) {
            case _ where file.isEncrypted && !file.canBeDecrypted: skipped.append(LoginKeys.sealed(file))
            case .givenUp(let error): skipped.append(error)
            case .opened(let passphrase): add(file.publicKey, file.path, file: file, passphrase)
            case nil: add(file.publicKey, file.path, file: file)
            }
        }
    }

    private mutating func add(_ key: HostKey, _ label: String, file: IdentityFile?, _ passphrase: Passphrase? = nil) {
        if HostKey.supportedTypes.contains(key.type) {
            candidates.append(Candidate(key: key, label: label, file: file, passphrase: passphrase))
        } else if key.type == "ssh-rsa" {
            skipped.append(LoginKeys.rsa(label))
        } else {
            skipped.append(LoginKeys.unsupported(label, key.type))
        }
    }

    private static func missing(_ path: String) -> HeadwaterError {
        HeadwaterError(
            "ssh.key-missing", "the identity \(path) does not exist",
            remedy: "correct `identity` of the peer, or make a key: ssh-keygen -t ed25519 -f \(ShellWord.path(path))")
    }

    /// Of a key that the server would accept.
    static func encrypted(_ path: String) -> HeadwaterError {
        HeadwaterError(
            "ssh.key-encrypted",
            "the private key \(path) is encrypted, ssh-agent does not hold it, and there is no terminal to ask at",
            remedy: "run: ssh-add \(ShellWord.path(path))")
    }

    private static func sealed(_ file: IdentityFile) -> HeadwaterError {
        HeadwaterError(
            "ssh.key-encrypted",
            "the private key \(file.path) is encrypted with \(Printable.text(file.cipher)), which libssh2 1.10 cannot decrypt",
            remedy:
                "run: ssh-add \(ShellWord.path(file.path)) (or change the cipher: ssh-keygen -p -Z aes256-ctr -f \(ShellWord.path(file.path)))"
        )
    }

    private static func rsa(_ label: String) -> HeadwaterError {
        HeadwaterError(
            "ssh.key-rsa",
            "\(label) is an RSA key: libssh2 1.10 signs with RSA and SHA-1 only (ssh-rsa), which SSH servers refuse "
                + "(they want rsa-sha2-256 or rsa-sha2-512); usable are \(HostKey.supportedTypes.joined(separator: ", "))",
            remedy: "make an ed25519 key with `ssh-keygen -t ed25519` and add it to authorized_keys of the peer")
    }

    private static func unsupported(_ label: String, _ type: String) -> HeadwaterError {
        HeadwaterError(
            "ssh.key-type", "\(label) is of the type \(Printable.text(type)), which is not supported",
            remedy: "use a key of one of the types \(HostKey.supportedTypes.joined(separator: ", "))")
    }
}
