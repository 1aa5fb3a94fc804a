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
