/// Where an SSH connection leads, as a topology file declares it. What is nil comes from the user's SSH configuration.
package struct SSHTarget: Hashable, Sendable {
    /// A name, an address, or a `Host` alias of `~/.ssh/config`.
    package var host: String
    package var user: String?
    /// 1…65535.
    package var port: Int?
    /// A private key file; `~/` is the home directory.
    package var identity: String?
    /// Used instead of the user's and the system's known_hosts; `~/` is the home directory.
    package var knownHosts: String?
    /// `SHA256:…` of the only key that counts; no known_hosts is read then.
    package var hostKey: String?

    package init(
        host: String, user: String? = nil, port: Int? = nil, identity: String? = nil, knownHosts: String? = nil,
        hostKey: String? = nil
    ) {
        self.host = host
        self.user = user
        self.port = port
        self.identity = identity
        self.knownHosts = knownHosts
        self.hostKey = hostKey
    }
}

extension SSHTarget {
    /// `[user@]host[:port]` or `ssh://…`, an IPv6 address in brackets, as ProxyJump names a host; nil for anything else.
    init?(jump text: String) {
        var rest = text[...]
        if rest.hasPrefix("ssh://") { rest = rest.dropFirst(6) }
        var user: String?
        if let at = rest.lastIndex(of: "@") {
            user = String(rest[..<at])
            rest = rest[rest.index(after: at)...]
        }
        var host = rest
        var port: Int?
        let afterAddress = rest.hasPrefix("[") ? rest.firstIndex(of: "]") : rest.startIndex
        guard let afterAddress else { return nil }
        if let colon = rest[afterAddress...].firstIndex(of: ":") {
            port = Int(rest[rest.index(after: colon)...])
            guard let port, (1...65535).contains(port) else { return nil }
            host = rest[..<colon]
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        if host.isEmpty || user?.isEmpty == true { return nil }
        self.init(host: String(host), user: user, port: port)
    }
}
