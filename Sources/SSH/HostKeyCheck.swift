import Core
import Glibc
import Platform

/// Decides whether a server's key is the one that was expected: pinned, or in known_hosts. Never asks; adds a key only under
/// `StrictHostKeyChecking accept-new`, and only for a host of which none is known.
struct HostKeyCheck: Sendable {
    private let settings: SSHSettings
    private let known: KnownHosts
    private let run: SSHRun

    /// Reads the known_hosts files; those that do not exist count as empty.
    ///
    /// - Throws: `ssh.known-hosts` for one that exists and cannot be read; `ssh.host-key-rsa` when only RSA keys are known.
    init(_ settings: SSHSettings, _ run: SSHRun) throws(HeadwaterError) {
        self.settings = settings
        self.run = run
        known =
            settings.pinnedHostKey == nil ? try KnownHosts.read(settings) : KnownHosts(name: settings.knownHostsName)
        for note in known.notes { run.note(note) }
        if let policy = settings.ignoredHostKeyPolicy, settings.pinnedHostKey == nil {
            run.note("\(settings.alias): \(HostKeyCheck.notHonoured(policy))")
        }
        try refuseUncheckable()
    }

    private static func notHonoured(_ policy: String) -> String {
        "StrictHostKeyChecking \(policy) is not honoured, host keys are always checked"
    }

    /// The lists of host key types to ask for, one connection attempt each. A pinned key may be of any type, and a server shows only one.
    var attempts: [[String]] {
        if settings.pinnedHostKey != nil {
            return [[HostKey.supportedTypes[0]], Array(HostKey.supportedTypes.dropFirst())]
        }
        let known = known.types.filter { HostKey.supportedTypes.contains($0) }
        return [known + HostKey.supportedTypes.filter { !known.contains($0) }]
    }

    private func refuseUncheckable() throws(HeadwaterError) {
        let keys = known.accepted.map(\.type)
        if keys.isEmpty || keys.contains(where: { HostKey.supportedTypes.contains($0) }) { return }
        throw HeadwaterError(
            "ssh.host-key-rsa",
            "known_hosts knows \(settings.alias) only by a key of the type \(Printable.text(keys[0])), which libssh2 1.10 "
                + "cannot check; usable are \(HostKey.supportedTypes.joined(separator: ", "))",
            remedy: "add the host's ed25519 key after comparing its fingerprint: \(command("ssh-ed25519"))")
    }

    /// - Throws: `ssh.host-key-unknown`, `ssh.host-key-changed`, `ssh.host-key-revoked`.
    func check(_ key: HostKey) throws(HeadwaterError) {
        if let pinned = settings.pinnedHostKey {
            if HostKeyCheck.trimmed(pinned) == key.fingerprint { return }
            throw HeadwaterError(
                "ssh.host-key-changed",
                "the \(key.type) key of \(settings.alias) is \(key.fingerprint), pinned is \(Printable.text(pinned))",
                remedy: "find out why the key differs; if the host has a new key, write its fingerprint as `host_key`")
        }
        switch known.verdict(key) {
        case .match: return
        case .unknown:
            guard settings.acceptsNewHostKeys else { throw unknown(key) }
            try accept(key)
        case .changed: throw changed(key, known)
        case .revoked:
            throw HeadwaterError(
                "ssh.host-key-revoked",
                "the \(key.type) key of \(settings.alias) (\(key.fingerprint)) is marked @revoked in known_hosts",
                remedy: "do not connect; give the host a new key and add that to known_hosts")
        }
    }

    /// Adds the key of a host that nothing is known of; another connection, or another process, may have been faster.
    private func accept(_ key: HostKey) throws(HeadwaterError) {
        let outcome: KnownHostsFile.Outcome
        do {
            outcome = try KnownHostsFile.add(key, settings)
        } catch {
            var refusal = unknown(key)
            refusal.cause = "accept-new: \(error.description)"
            throw refusal
        }
        switch outcome {
        case .known: return
        case .contradicted(let known): throw changed(key, known)
        case .added(let path):
            run.warn(
                HeadwaterError(
                    "ssh.host-key-added",
                    "the \(key.type) key \(key.fingerprint) of \(settings.knownHostsName) was added to \(path), as "
                        + "StrictHostKeyChecking accept-new asks for",
                    remedy: "compare the fingerprint with the host's own"))
        }
    }

    private func unknown(_ key: HostKey) -> HeadwaterError {
        let policy = settings.ignoredHostKeyPolicy.map { " (\(HostKeyCheck.notHonoured($0)))" } ?? ""
        let authority = known.authorities.first.map {
            "; @cert-authority in \(Printable.text($0)) is not used: host certificates are not supported"
        }
        return HeadwaterError(
            "ssh.host-key-unknown",
            "the host \(settings.knownHostsName) is not known; its \(key.type) key is \(key.fingerprint)\(policy)"
                + (authority ?? ""),
            remedy: "compare the fingerprint with the host's own (there: ssh-keygen -lf "
                + "/etc/ssh/ssh_host_\(HostKey.keyscanName(key.type))_key.pub), then run: \(command(key.type))")
    }

    private func changed(_ key: HostKey, _ known: KnownHosts) -> HeadwaterError {
        let expected = known.accepted.map { "\($0.type) \($0.fingerprint)" }.joined(separator: ", ")
        return HeadwaterError(
            "ssh.host-key-changed",
            "the host key of \(settings.knownHostsName) changed: it shows \(key.type) \(key.fingerprint), known_hosts has "
                + expected + "; somebody may be listening in",
            remedy: "find out why; if the host has a new key, remove the old one with `ssh-keygen -R "
                + "'\(settings.knownHostsName)' -f \(ShellWord.path(file))` and add the new one: \(command(key.type))")
    }

    private var file: String { settings.knownHostsFiles.first ?? "~/.ssh/known_hosts" }

    /// The command that adds the host's key of this type; one behind a jump host is asked from there.
    private func command(_ type: String) -> String {
        let port = settings.port == 22 ? "" : "-p \(settings.port) "
        let scan = "ssh-keyscan \(port)-t \(HostKey.keyscanName(type)) \(ShellWord.quoted(settings.hostName))"
        let rename = settings.hostKeyAlias.map { " | sed 's/^[^ ]*/\($0)/'" } ?? ""
        return makingDirectory + (settings.via.first.map { $0.loginCommand + " " } ?? "")
            + "\(scan)\(rename) >> \(ShellWord.path(file))"
    }

    /// A shell makes the file that it appends to, but not the directory.
    private var makingDirectory: String {
        guard let slash = file.lastIndex(of: "/"), file.hasPrefix("/"), access(String(file[..<slash]), F_OK) != 0 else {
            return ""
        }
        return "mkdir -p -m 700 \(ShellWord.path(String(file[..<slash]))) && "
    }

    private static func trimmed(_ fingerprint: String) -> String {
        var text = fingerprint[...]
        while text.last == "=" { text.removeLast() }
        return String(text)
    }
}
