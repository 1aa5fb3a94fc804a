import Core
import Glibc
import Platform

/// The answer of `ssh -G`: the user's and the system's SSH configuration resolved for one host.
struct ClientConfiguration: Sendable {
    private var values: [String: [String]] = [:]

    /// nil when there is no OpenSSH client.
    static func ask(_ client: String, _ target: SSHTarget, home: String, environment: [String: String])
        throws(HeadwaterError) -> ClientConfiguration?
    {
        var arguments = [client, "-G"]
        if home != Environment.accountHome { arguments += ["-F", configurationFile(home)] }
        if let port = target.port { arguments += ["-p", String(port)] }
        if let user = target.user { arguments += ["-l", user] }
        let outcome: ChildProcess.Outcome
        do {
            outcome = try ChildProcess.run(
                arguments + ["--", target.host], environment: environment.map { "\($0.key)=\($0.value)" })
        } catch  where error.isMissing {
            return nil
        } catch {
            throw refused(target.host, error.description)
        }
        guard outcome.exit == 0 else {
            throw refused(target.host, Printable.text(outcome.errors.prefix(500)))
        }
        return ClientConfiguration(parsing: outcome.output)
    }

    /// ssh takes the home from the password database and not from HOME: where they differ, name the file.
    private static func configurationFile(_ home: String) -> String {
        [home + "/.ssh/config", "/etc/ssh/ssh_config"].first { access($0, R_OK) == 0 } ?? "none"
    }

    private static func refused(_ host: String, _ cause: String) -> HeadwaterError {
        HeadwaterError(
            "ssh.config", "the SSH configuration for \(host) cannot be read",
            remedy: "run `ssh -G \(host)` and correct what it reports", cause: cause)
    }

    init(parsing output: [UInt8]) {
        for line in output.split(separator: 10) {
            let text = String(decoding: line, as: UTF8.self)
            guard let space = text.firstIndex(of: " ") else { continue }
            let value = String(text[text.index(after: space)...])
            values[text[..<space].lowercased(), default: []].append(value)
        }
    }

    func apply(to settings: inout SSHSettings, home: String, environment: [String: String]) throws(HeadwaterError) {
        try refuseUnsupported(settings.alias)
        if let name = first("hostname") { settings.hostName = name }
        if let user = first("user") { settings.user = user }
        if let port = first("port").flatMap(Int.init), (1...65535).contains(port) { settings.port = port }
        if let seconds = first("connecttimeout").flatMap(Double.init), seconds > 0 {
            settings.connectTimeoutSeconds = min(seconds, 300)
        }
        settings.identitiesOnly = first("identitiesonly") == "yes"
        settings.hostKeyAlias = first("hostkeyalias")
        let tokens = Tokens(home: home, settings: settings)
        if let files = values["identityfile"] {
            settings.identityFiles = files.filter { $0 != "none" }.map(tokens.expand)
        }
        let known = ["userknownhostsfile", "globalknownhostsfile"].flatMap { first($0)?.split(separator: " ") ?? [] }
        if !known.isEmpty {
            settings.knownHostsFiles = known.filter { $0 != "none" }.map { tokens.expand(String($0)) }
        }
        settings.ownKnownHostsFile = first("userknownhostsfile")?.split(separator: " ").first { $0 != "none" }
            .map { tokens.expand(String($0)) }
        settings.hashesKnownHosts = first("hashknownhosts") == "yes"
        switch first("stricthostkeychecking") {
        case "accept-new": settings.acceptsNewHostKeys = true
        case let value? where ["no", "off", "false"].contains(value): settings.ignoredHostKeyPolicy = "no"
        default: break
        }
        if let agent = first("identityagent") {
            settings.agentSocket = agentSocket(agent, tokens, environment)
        }
    }

    private func agentSocket(_ value: String, _ tokens: Tokens, _ environment: [String: String]) -> String? {
        switch value {
        case "none": nil
        case "SSH_AUTH_SOCK": environment["SSH_AUTH_SOCK"]
        case let name where name.hasPrefix("$"): environment[name.filter { !"${}".contains($0) }]
        default: tokens.expand(value)
        }
    }

    /// Settings that change whom we talk to or as whom, and that are not built here: never ignored.
    private func refuseUnsupported(_ host: String) throws(HeadwaterError) {
        let refused = [
            ("proxycommand", "ProxyCommand"), ("certificatefile", "CertificateFile"),
            ("knownhostscommand", "KnownHostsCommand"), ("revokedhostkeys", "RevokedHostKeys"),
            ("pkcs11provider", "PKCS11Provider"),
        ]
        for (key, name) in refused {
            guard let value = first(key), value != "none" else { continue }
            throw HeadwaterError(
                "ssh.config-unsupported",
                "\(name) is set for \(host) in the SSH configuration and is not supported yet",
                remedy: "give this peer a Host alias without \(name), or reach the host directly")
        }
    }

    private func first(_ key: String) -> String? { values[key]?.first }

    /// The hosts that ProxyJump names, in the order in which they are passed.
    func jumps(to host: String) throws(HeadwaterError) -> [SSHTarget] {
        guard let list = first("proxyjump"), list != "none" else { return [] }
        var found: [SSHTarget] = []
        for text in list.split(separator: ",") {
            guard let target = SSHTarget(jump: String(text)) else {
                throw ClientConfiguration.refused(host, "ProxyJump \(Printable.text(String(text)))")
            }
            found.append(target)
        }
        return found
    }

    /// `~` and the percent tokens of ssh_config(5) that file names use.
    private struct Tokens {
        let home: String
        let settings: SSHSettings

        func expand(_ path: String) -> String {
            var out = ""
            var isToken = false
            for character in path {
                if isToken {
                    out += value(character)
                    isToken = false
                } else if character == "%" {
                    isToken = true
                } else {
                    out.append(character)
                }
            }
            let account = Environment.accountHome + "/.ssh/"
            if home != Environment.accountHome, out.hasPrefix(account) {
                return home + "/.ssh/" + out.dropFirst(account.count)
            }
            return Environment.expandTilde(out, home: home)
        }

        private func value(_ token: Character) -> String {
            switch token {
            case "%": "%"
            case "d": home
            case "h": settings.hostName
            case "n": settings.alias
            case "p": String(settings.port)
            case "r": settings.user
            case "u": Environment.accountName
            case "i": String(geteuid())
            default: "%" + String(token)
            }
        }
    }
}
