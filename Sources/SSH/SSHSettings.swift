import Core
import Glibc
import Platform

/// Everything needed to reach one target: what the topology file declares, else what `ssh -G` says, else OpenSSH's defaults.
package struct SSHSettings: Hashable, Sendable {
    /// As declared: for messages.
    package var alias: String
    /// What is resolved and connected to.
    package var hostName: String
    package var user: String
    package var port: Int
    /// In the order in which they are tried.
    package var identityFiles: [String]
    /// The first identity file was declared in the topology file: it must exist.
    package var isIdentityDeclared: Bool
    /// The socket of ssh-agent; nil when none is to be asked.
    package var agentSocket: String?
    /// Only keys of `identityFiles` are offered, also from the agent.
    package var identitiesOnly: Bool
    /// The name that known_hosts is searched for; `hostName` with the port when nil.
    package var hostKeyAlias: String?
    package var knownHostsFiles: [String]
    /// `StrictHostKeyChecking accept-new`: the key of a host of which none is known is added to `ownKnownHostsFile`.
    package var acceptsNewHostKeys = false
    /// The first of the user's own known_hosts files; nil when there is none.
    package var ownKnownHostsFile: String?
    /// `HashKnownHosts`: names that are added are hashed.
    package var hashesKnownHosts = false
    /// `StrictHostKeyChecking` where it asks for less than is done: its value.
    package var ignoredHostKeyPolicy: String?
    /// `SHA256:…`; known_hosts is not read then.
    package var pinnedHostKey: String?
    /// Seconds for name and connect together.
    package var connectTimeoutSeconds: Double
    /// Seconds for handshake and login together.
    package var loginTimeoutSeconds = 30.0
    /// Seconds without any byte after which `Channel.read` gives up.
    package var silenceSeconds = Double(Heartbeat.silenceSeconds)

    /// Bytes that the kernel holds unsent (SO_SNDBUF); nil leaves that to the kernel. Small values bring out every short write.
    var sendBufferBytes: Int32?

    /// The jump host that this one is reached through, with its own settings; empty or one.
    package var via: [SSHSettings] = []

    /// As known_hosts names the host: `name`, or `[name]:port` for another port than 22.
    package var knownHostsName: String {
        if let hostKeyAlias { return hostKeyAlias }
        return port == 22 ? hostName : "[\(hostName)]:\(port)"
    }

    /// `ssh` as a person would type it to log in here, the jump hosts before it included; a command may follow.
    var loginCommand: String {
        var hops: [SSHSettings] = []
        var next = via.first
        while let hop = next {
            hops.insert(hop, at: 0)
            next = hop.via.first
        }
        var words = ["ssh"]
        if !hops.isEmpty {
            let places = hops.map { hop in
                let host = hop.alias.contains(":") ? "[\(hop.alias)]" : hop.alias
                return "\(hop.user)@\(host)" + (hop.port == 22 ? "" : ":\(hop.port)")
            }
            words += ["-J", ShellWord.quoted(places.joined(separator: ","))]
        }
        if port != 22 { words += ["-p", "\(port)"] }
        return (words + [ShellWord.quoted("\(user)@\(alias)")]).joined(separator: " ")
    }

    /// Asks `ssh -G` where the OpenSSH client is installed. Blocks for that process.
    ///
    /// - Parameters:
    ///   - environment: of this process: HOME, USER and SSH_AUTH_SOCK are read.
    ///   - client: the OpenSSH client, found on PATH.
    /// - Throws: `ssh.config-unsupported` for ProxyCommand, certificates and other settings of the configuration that would be unsafe to
    ///   ignore; `ssh.config` when `ssh -G` refuses; `ssh.host` for a host that no command line should see.
    package static func resolve(
        _ target: SSHTarget, environment: [String: String] = Environment.current, client: String = "ssh"
    ) throws(HeadwaterError) -> SSHSettings {
        try resolve(target, environment, client, over: nil, depth: 0)
    }

    /// - Parameters:
    ///   - jumps: the jump hosts that another one's ProxyJump names before this; nil for the ones of its own configuration.
    ///   - depth: how many hosts lie behind this one.
    private static func resolve(
        _ target: SSHTarget, _ environment: [String: String], _ client: String, over jumps: [SSHTarget]?, depth: Int
    ) throws(HeadwaterError) -> SSHSettings {
        try checkNames(target)
        let home = environment["HOME"] ?? Environment.accountHome
        var settings = defaults(target, home: home, environment: environment)
        var jumps = jumps
        if let answer = try ClientConfiguration.ask(client, target, home: home, environment: environment) {
            try answer.apply(to: &settings, home: home, environment: environment)
            if jumps == nil { jumps = try answer.jumps(to: target.host) }
        }
        settings.declare(target, home: home)
        guard var before = jumps, let last = before.popLast() else { return settings }
        if depth == jumpsMax { throw tooManyJumps(target.host) }
        settings.via = [
            try resolve(last, environment, client, over: before.isEmpty ? nil : before, depth: depth + 1)
        ]
        return settings
    }

    private static let jumpsMax = 8

    private static func tooManyJumps(_ host: String) -> HeadwaterError {
        HeadwaterError(
            "ssh.config", "the ProxyJump of \(host) leads through more than \(jumpsMax) hosts, or back to itself",
            remedy: "correct ProxyJump in ~/.ssh/config; `ssh -G \(host)` shows it")
    }

    private static func checkNames(_ target: SSHTarget) throws(HeadwaterError) {
        for name in [target.host, target.user ?? "x"] {
            let isSafe = !name.isEmpty && name.first != "-" && name.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F }
            if !isSafe {
                throw HeadwaterError(
                    "ssh.host", "\"\(name)\" cannot be the name of a host or a user",
                    remedy: "write host and user without spaces, control characters or a leading hyphen")
            }
        }
    }

    private static func defaults(_ target: SSHTarget, home: String, environment: [String: String]) -> SSHSettings {
        SSHSettings(
            alias: target.host, hostName: target.host, user: environment["USER"] ?? Environment.accountName, port: 22,
            identityFiles: ["id_ed25519", "id_ecdsa", "id_rsa"].map { home + "/.ssh/" + $0 },
            isIdentityDeclared: false, agentSocket: environment["SSH_AUTH_SOCK"].flatMap { $0.isEmpty ? nil : $0 },
            identitiesOnly: false, hostKeyAlias: nil,
            knownHostsFiles: [
                home + "/.ssh/known_hosts", home + "/.ssh/known_hosts2", "/etc/ssh/ssh_known_hosts",
                "/etc/ssh/ssh_known_hosts2",
            ],
            pinnedHostKey: nil, connectTimeoutSeconds: 10)
    }

    /// What the topology file says wins.
    private mutating func declare(_ target: SSHTarget, home: String) {
        if let user = target.user { self.user = user }
        if let port = target.port { self.port = port }
        if let identity = target.identity {
            identityFiles = [Environment.expandTilde(identity, home: home)]
            isIdentityDeclared = true
            identitiesOnly = true
        }
        if let knownHosts = target.knownHosts {
            knownHostsFiles = [Environment.expandTilde(knownHosts, home: home)]
            ownKnownHostsFile = knownHostsFiles.first
        }
        pinnedHostKey = target.hostKey
    }
}

/// What this process was started with.
package enum Environment {
    package static var current: [String: String] {
        var found: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let parts = String(cString: entry).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { found[String(parts[0])] = String(parts[1]) }
            next += 1
        }
        return found
    }

    /// The home directory of the password database.
    static var accountHome: String { getpwuid(geteuid()).map { String(cString: $0.pointee.pw_dir) } ?? "/" }

    static var accountName: String { getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) } ?? "root" }

    static func expandTilde(_ path: String, home: String) -> String {
        path == "~" ? home : path.hasPrefix("~/") ? home + path.dropFirst() : path
    }
}
