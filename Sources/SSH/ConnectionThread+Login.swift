import CSSH2
import Core
import Glibc
import Platform

extension ConnectionThread {
    /// Handshake, host key, login; all within the settings' limit.
    func logIn(_ check: HostKeyCheck, _ hostKeyTypes: [String]) throws(HeadwaterError) {
        let deadline = MonotonicClock.after(seconds: settings.loginTimeoutSeconds)
        prefer(hostKeyTypes)
        transport.beginPass(readable: true)
        let code = try drive(until: deadline, "the SSH handshake") {
            libssh2_session_handshake(session, transport.socket.raw)
        }
        if code != 0 { throw handshakeFailure(code, hostKeyTypes) }
        transport.endOpening()
        var count = 0
        let bytes = libssh2_session_hostkey(session, &count, nil)
        try check.check(HostKey(blob: Array(UnsafeRawBufferPointer(start: bytes, count: count))))
        try authenticate(until: deadline)
    }

    private func prefer(_ hostKeyTypes: [String]) {
        let preferences = [
            (LIBSSH2_METHOD_KEX, Algorithms.exchanges), (LIBSSH2_METHOD_HOSTKEY, hostKeyTypes),
            (LIBSSH2_METHOD_CRYPT_CS, Algorithms.ciphers), (LIBSSH2_METHOD_CRYPT_SC, Algorithms.ciphers),
            (LIBSSH2_METHOD_MAC_CS, Algorithms.macs), (LIBSSH2_METHOD_MAC_SC, Algorithms.macs),
            (LIBSSH2_METHOD_COMP_CS, ["none"]), (LIBSSH2_METHOD_COMP_SC, ["none"]),
        ]
        for (method, names) in preferences {
            libssh2_session_method_pref(session, method, names.joined(separator: ","))
        }
    }

    /// Repeats a call of libssh2 until it no longer says EAGAIN.
    private func drive(until deadline: UInt64, _ what: String, _ call: () -> Int32) throws(HeadwaterError) -> Int32 {
        while true {
            let code = call()
            if code != LIBSSH2_ERROR_EAGAIN { return code }
            if isClosing { throw .connectionClosed(settings.alias) }
            let now = MonotonicClock.now
            if now >= deadline { throw .timeout(settings.alias, what, seconds: settings.loginTimeoutSeconds) }
            poll(watchesInput: true, milliseconds: transport.hasReceived ? 0 : Int32((deadline - now) / 1_000_000) + 1)
        }
    }

    private func handshakeFailure(_ code: Int32, _ hostKeyTypes: [String]) -> HeadwaterError {
        if let offer = KeyExchangeOffer(parsing: transport.opening),
            let missing = offer.mismatch(hostKeyTypes: hostKeyTypes)
        {
            let theirs = Printable.text(missing.theirs.joined(separator: ", "))
            let ours = missing.ours.joined(separator: ", ")
            return HeadwaterError(
                "ssh.algorithms",
                "\(settings.alias) (\(offer.banner)) and libssh2 \(Connection.libraryVersion) share no \(missing.kind) "
                    + "algorithm: the server offers \(theirs); supported are \(ours)",
                remedy: "allow one of \(ours) in sshd_config of \(settings.alias), there: `\(missing.command)`")
        }
        if let words = refusal { return .busy(settings.alias, words) }
        if transport.opening.isEmpty || code == LIBSSH2_ERROR_SOCKET_DISCONNECT || code == LIBSSH2_ERROR_SOCKET_RECV {
            return .connectionLost(settings.alias, "during the handshake: \(lastWords)")
        }
        return .protocolFailure(settings.alias, "the handshake did not succeed", lastWords)
    }

    /// What a server said instead of its version before it hung up: sshd at its MaxStartups, or under PerSourcePenalties.
    private var refusal: String? {
        let lines = transport.opening.split { $0 == 10 || $0 == 13 }
        if lines.contains(where: { $0.starts(with: "SSH-".utf8) }) { return nil }
        let words = Printable.text(lines.first?.prefix(200) ?? [])
        return ["MaxStartups", "Not allowed at this time"].contains(where: words.contains) ? words : nil
    }

    private func authenticate(until deadline: UInt64) throws(HeadwaterError) {
        let agent = settings.agentSocket.flatMap { try? KeyAgent(path: $0) }
        let keys = try LoginKeys(settings, agentKeys: agent?.keys() ?? [], core.run.passphrases)
        var refused: [String] = []
        var locked: HeadwaterError?
        for candidate in keys.candidates {
            if candidate.isLocked, try isWanted(candidate.key, until: deadline) {
                locked = locked ?? LoginKeys.encrypted(candidate.label)
                try unlock(candidate)
                continue
            }
            let code =
                try candidate.isLocked
                ? LIBSSH2_ERROR_AUTHENTICATION_FAILED : drive(until: deadline, "the login") { offer(candidate, agent) }
            if code == 0 { return }
            refused.append(candidate.label)
            if code == LIBSSH2_ERROR_SOCKET_DISCONNECT || transport.error != nil { break }
        }
        if let locked { throw locked }
        throw try loginFailure(refused, keys.skipped, until: deadline)
    }

    /// Whether the server would let this key log in. Signs nothing, and is no failed login where the answer is yes.
    private func isWanted(_ key: HostKey, until deadline: UInt64) throws(HeadwaterError) -> Bool {
        let probe = KeyProbe()
        _ = try drive(until: deadline, "the login") {
            var reference: UnsafeMutableRawPointer? = Unmanaged.passUnretained(probe).toOpaque()
            return libssh2_userauth_publickey(
                session, settings.user, key.blob, key.blob.count,
                { _, _, _, _, _, reference in
                    Unmanaged<KeyProbe>.fromOpaque(reference!.pointee!).takeUnretainedValue().isWanted = true
                    return -1
                }, &reference)
        }
        return probe.isWanted
    }

    /// A person may take longer than any server waits: this connection ends, and another is made when the passphrase is known.
    private func unlock(_ candidate: LoginKeys.Candidate) throws(HeadwaterError) {
        guard core.run.passphrases.canAsk, let file = candidate.file else { return }
        core.state.update { $0.lockedKey = file }
        throw LoginKeys.encrypted(candidate.label)
    }

    private func offer(_ candidate: LoginKeys.Candidate, _ agent: KeyAgent?) -> Int32 {
        guard let file = candidate.file else {
            return agent.map { offer(candidate.key, signedBy: $0) } ?? LIBSSH2_ERROR_AUTHENTICATION_FAILED
        }
        return file.content.withUnsafeBytes { content in
            libssh2_userauth_publickey_frommemory(
                session, settings.user, settings.user.utf8.count, nil, 0,
                content.baseAddress!.assumingMemoryBound(to: CChar.self), content.count, candidate.passphrase?.text)
        }
    }

    private func offer(_ key: HostKey, signedBy agent: KeyAgent) -> Int32 {
        let signer = AgentSigner(agent: agent, key: key)
        return withExtendedLifetime(signer) {
            var reference: UnsafeMutableRawPointer? = Unmanaged.passUnretained(signer).toOpaque()
            return libssh2_userauth_publickey(
                session, settings.user, key.blob, key.blob.count,
                { _, signature, size, bytes, count, reference in
                    Unmanaged<AgentSigner>.fromOpaque(reference!.pointee!).takeUnretainedValue()
                        .sign(UnsafeRawBufferPointer(start: bytes, count: count), signature!, size!)
                }, &reference)
        }
    }

    private func loginFailure(_ refused: [String], _ skipped: [HeadwaterError], until deadline: UInt64)
        throws(HeadwaterError) -> HeadwaterError
    {
        let place = "\(settings.user)@\(settings.alias)"
        if let reason = skipped.first(where: { $0.code == "ssh.passphrase" }) { return reason }
        if refused.isEmpty, let reason = skipped.first(where: { $0.code == "ssh.key-rsa" }) ?? skipped.first {
            return reason
        }
        if refused.isEmpty {
            return HeadwaterError(
                "ssh.no-key",
                "there is no key to log in to \(place) with: ssh-agent holds none and no identity file exists",
                remedy: "start ssh-agent and run ssh-add, or name a key as `identity` of the peer")
        }
        let also = skipped.map { "; " + $0.message }.joined()
        return HeadwaterError(
            "ssh.login-refused", "\(place) accepts none of the keys offered: \(refused.joined(separator: ", "))\(also)",
            remedy:
                "add the public key to authorized_keys of \(place), or name the right key as `identity` of the peer",
            cause: transport.error == nil ? nil : lastWords)
    }
}

/// Notes that the server asked for a signature.
private final class KeyProbe {
    var isWanted = false
}

/// Lets an agent sign for libssh2.
private final class AgentSigner {
    let agent: KeyAgent
    let key: HostKey

    init(agent: KeyAgent, key: HostKey) {
        self.agent = agent
        self.key = key
    }

    /// Hands over memory that libssh2 frees.
    func sign(
        _ bytes: UnsafeRawBufferPointer, _ out: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>,
        _ size: UnsafeMutablePointer<Int>
    ) -> Int32 {
        guard let signature = agent.sign(bytes, with: key.blob), !signature.isEmpty,
            let memory = malloc(signature.count)
        else { return -1 }
        memcpy(memory, signature, signature.count)
        out.pointee = memory.assumingMemoryBound(to: UInt8.self)
        size.pointee = signature.count
        return 0
    }
}
