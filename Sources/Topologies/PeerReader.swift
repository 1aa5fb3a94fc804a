import Core

/// Reads one peer: `/path`, `~/path`, `[user@]host:/path`, or a map of its keys.
struct PeerReader {
    static let keys = [
        "host", "user", "port", "identity", "known_hosts", "host_key", "path", "database", "mount", "bandwidth",
    ]

    private var peer: DraftPeer
    private var host: String?
    private var user: String?
    private var port: UInt16?
    private var identity: String?
    private var knownHosts: String?
    private var hostKey: String?
    /// The first key that says something about the SSH connection, to be refused where there is no host.
    private var connectionKey: (name: String, span: Span)?
    private var isHostBroken = false
    private var hasUnknownKey = false

    static func read(_ pair: YAMLPair, _ findings: inout Findings) -> DraftPeer {
        var reader = PeerReader(peer: DraftPeer(name: pair.key, nameSpan: pair.keySpan))
        _ = findings.checkName(pair.key, "the name of a peer", at: pair.keySpan)
        switch pair.value.content {
        case .scalar where !pair.value.isNull: reader.readShort(pair.value, &findings)
        case .mapping(let pairs): reader.readKeys(pairs, &findings)
        case .scalar, .sequence, .broken:
            let _: String? = findings.wrongType(
                pair.value, "the peer \(quoted(pair.key))", "a path or a map",
                remedy: "write /path, host:/path or {host: …, path: …}")
        }
        return reader.finish(pair, &findings)
    }

    private init(peer: DraftPeer) { self.peer = peer }

    private mutating func readShort(_ node: YAMLNode, _ findings: inout Findings) {
        guard let text = findings.text(node, "a peer") else { return }
        guard let short = ShortPeer(text) else {
            return peer.path = findings.path(node, text, "the path of a peer")
        }
        if let bracketed = ShortPeer.bracketed(text) {
            isHostBroken = true
            return findings.report(
                .badHost, at: node.span, "an address of IPv6 stands in brackets, unlike in \(quoted(text))",
                remedy: "write \(bracketed)")
        }
        if short.isURL {
            isHostBroken = true
            return findings.report(
                .badHost, at: node.span, "a peer cannot be the URL \(quoted(text))",
                remedy: "write [user@]host:/path, or {host: …, port: …, path: …}")
        }
        peer.path = findings.path(node, short.path, "the path of a peer", host: short.host)
        user = short.user
        host = short.host
        if !HostName.isValid(short.host) || !(short.user.map(HostName.isValidUser) ?? true) {
            isHostBroken = true
            findings.report(
                .badHost, at: node.span, "\(quoted(text)) names no host that SSH could reach",
                remedy: "write [user@]host:/path")
        }
    }

    private mutating func readKeys(_ pairs: [YAMLPair], _ findings: inout Findings) {
        for pair in pairs {
            readKey(pair, &findings)
            peer.given[pair.key] = pair.value.flowText
            if NotSupportedYet.peerKeys.contains(pair.key) {
                findings.reportNotSupportedYet("the key `\(pair.key)`", at: pair.keySpan)
            }
        }
        if !pairs.contains(where: { $0.key == "path" }) {
            findings.report(
                .missingKey, at: peer.nameSpan, "the peer \(quoted(peer.name)) has no `path`",
                remedy: "add `path: /…` or `path: ~/…`")
        }
    }

    private mutating func readKey(_ pair: YAMLPair, _ findings: inout Findings) {
        let what = "`\(pair.key)`"
        switch pair.key {
        case "host": readHost(pair.value, &findings)
        case "path": peer.path = findings.pathValue(pair.value, what)
        case "mount":
            peer.mount = findings.beneath(pair.value, what).map(PeerPath.text)
        case "database":
            peer.database = findings.pathValue(pair.value, what)
            peer.databaseSpan = pair.keySpan
        case "bandwidth": findings.checkRate(pair.value, what)
        case "user", "port", "identity", "known_hosts", "host_key":
            connectionKey = connectionKey ?? (pair.key, pair.keySpan)
            readConnectionKey(pair, what, &findings)
        default:
            findings.unknownKey(pair, in: "a peer", known: PeerReader.keys)
            hasUnknownKey = true
        }
    }

    private mutating func readHost(_ node: YAMLNode, _ findings: inout Findings) {
        guard var text = findings.text(node, "`host`") else { return isHostBroken = true }
        // An address of IPv6 may stand in brackets here, too.
        if text.hasPrefix("["), text.hasSuffix("]"), text.contains(":") { text = String(text.dropFirst().dropLast()) }
        host = text
        if HostName.isValid(text) { return }
        isHostBroken = true
        findings.report(
            .badHost, at: node.span, "`host` cannot be \(quoted(text))",
            remedy: text.contains("@")
                ? "write the login as `user:`" : "write a name, an address or a Host alias of the SSH configuration")
    }

    private mutating func readConnectionKey(_ pair: YAMLPair, _ what: String, _ findings: inout Findings) {
        switch pair.key {
        case "port": port = findings.integer(pair.value, what, in: Words.portRange).map { UInt16($0) }
        case "identity": identity = findings.pathValue(pair.value, what)?.text
        case "known_hosts": knownHosts = findings.pathValue(pair.value, what)?.text
        case "user":
            guard let text = findings.text(pair.value, what) else { return }
            user = text
            if !HostName.isValidUser(text) {
                findings.report(
                    .badHost, at: pair.value.span, "`user` cannot be \(quoted(text))", remedy: "write a login name")
            }
        default:
            guard let text = findings.text(pair.value, what) else { return }
            hostKey = text
            if !HostName.isFingerprint(text) {
                let _: String? = findings.badValue(
                    pair.value, what, text,
                    remedy: "write SHA256: and the 43 characters that `ssh-keygen -lf` prints for the host's key")
            }
        }
    }

    private mutating func finish(_ pair: YAMLPair, _ findings: inout Findings) -> DraftPeer {
        if let host {
            peer.host = HostReference(
                host: host, user: user, port: port, identity: identity, knownHosts: knownHosts, hostKey: hostKey)
        } else if let connectionKey, !isHostBroken {
            findings.report(
                .contradiction, at: connectionKey.span, "`\(connectionKey.name)` is given, but no `host`",
                remedy: "add `host:`, or remove `\(connectionKey.name)`")
        }
        // An unknown key may have been meant to be the host: then it is not known where the path lies.
        if isHostBroken || host == nil && hasUnknownKey { peer.path = nil }
        return peer
    }
}

/// `[user@]host:path`; nil for what is a path here.
struct ShortPeer {
    var user: String?
    var host: String
    var path: String

    init?(_ text: String) {
        guard let colon = ShortPeer.colon(in: text) else { return nil }
        let login = text[..<colon]
        path = String(text[text.index(after: colon)...])
        if let at = login.lastIndex(of: "@") {
            user = String(login[..<at])
            host = String(login[login.index(after: at)...])
        } else {
            host = String(login)
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    }

    /// The same with brackets around what can only be an address of IPv6; nil for anything else.
    static func bracketed(_ text: String) -> String? {
        let login = text.prefix { $0 != "/" && $0 != "~" }
        guard login.last == ":", !login.contains("[") else { return nil }
        let address = login.dropLast().split(separator: "@", omittingEmptySubsequences: false).last ?? ""
        let isAddress = address.allSatisfy { $0.isHexDigit || $0 == ":" } && address.count { $0 == ":" } > 1
        if !isAddress { return nil }
        let user = login.dropLast(address.count + 1)
        return "\(user)[\(address)]:\(text.dropFirst(login.count))"
    }

    /// `ssh://host/path`, which would else be a directory of the host `ssh`.
    var isURL: Bool { user == nil && path.hasPrefix("//") }

    /// The colon that ends the host: before any slash, and behind the brackets of an IPv6 address.
    private static func colon(in text: String) -> String.Index? {
        let slash = text.firstIndex(of: "/") ?? text.endIndex
        let start = text[..<slash].firstIndex(of: "]") ?? text.startIndex
        return text[start..<slash].firstIndex(of: ":")
    }
}

/// What may stand for a host or a login without being taken for something else by `ssh`.
enum HostName {
    static func isValid(_ text: String) -> Bool { isPlain(text, ".-_:%", 255) }

    static func isValidUser(_ text: String) -> Bool { isPlain(text, ".-_+@\\", 64) }

    static func isFingerprint(_ text: String) -> Bool {
        guard text.hasPrefix("SHA256:") else { return false }
        let digest = text.dropFirst(7)
        return digest.utf8.count == 43 && isPlain("x" + digest, "+/", 44)
    }

    private static func isPlain(_ text: String, _ others: String, _ countMax: Int) -> Bool {
        guard !text.isEmpty, text.utf8.count <= countMax, !text.hasPrefix("-") else { return false }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: others.utf8.contains(byte)
            }
        }
    }
}
