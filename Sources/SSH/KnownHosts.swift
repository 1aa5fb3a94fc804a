import Content
import Core

/// What known_hosts files say about one host. Pure: reads bytes, line by line, so that a bad line never hides the ones after it.
///
/// The format is that of sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT": `[marker] patterns type key [comment]`, patterns with `*`, `?`, `!`,
/// `[host]:port`, or one hashed name `|1|salt|hash`. Names are compared without regard to case.
struct KnownHosts: Sendable {
    enum Verdict: Hashable, Sendable {
        case match
        /// Something is known for the host, and it is not this key (perhaps one of another type).
        case changed
        case unknown
        case revoked
    }

    /// Keys that may identify the host, of every type.
    private(set) var accepted: [HostKey] = []
    /// Keys of the host under its plain name, when it is asked for with a port: they count only where `accepted` is empty.
    private(set) var portless: [HostKey] = []
    private(set) var revoked: [HostKey] = []
    /// Lines that could not be used, for `-v`: `file:line: reason`.
    private(set) var notes: [String] = []
    /// Where lines stand that would make the host known by a certificate: `file:line`.
    private(set) var authorities: [String] = []
    private static let certificates = "host certificates are not supported; the line is not used"
    private let name: [UInt8]
    private let plainName: [UInt8]?

    /// - Parameter name: as `SSHSettings.knownHostsName`: `name` or `[name]:port`. As with ssh, a line for the plain name may accept the
    ///   key of another port, where no line for that port exists.
    init(name: String) {
        self.name = KnownHosts.lowercased(Array(name.utf8))
        let plain = self.name.first == UInt8(ascii: "[") ? self.name.dropFirst().prefix { $0 != UInt8(ascii: "]") } : []
        plainName = plain.isEmpty ? nil : Array(plain)
    }

    /// Adds what one file says. More files may follow.
    mutating func read(_ content: [UInt8], file: String) {
        for (index, line) in content.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
            guard let reason = read(line) else { continue }
            notes.append("\(file):\(index + 1): \(reason)")
            if reason == KnownHosts.certificates { authorities.append("\(file):\(index + 1)") }
        }
    }

    /// The types known for the host, in the order in which they should be asked for.
    var types: [String] {
        (accepted.isEmpty ? portless : accepted).map(\.type).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    func verdict(_ key: HostKey) -> Verdict {
        if revoked.contains(key) { return .revoked }
        if accepted.isEmpty { return portless.contains(key) ? .match : .unknown }
        return accepted.contains(key) ? .match : .changed
    }

    /// Returns why the line cannot be used; nil when it was used, is for another host, or says nothing.
    private mutating func read(_ line: ArraySlice<UInt8>) -> String? {
        var fields = line.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
        guard let first = fields.first, first.first != UInt8(ascii: "#") else { return nil }
        var marker = ""
        if first.first == UInt8(ascii: "@") {
            marker = String(decoding: first, as: UTF8.self)
            fields.removeFirst()
        }
        guard fields.count >= 3 else { return "fewer than three fields" }
        if fields[0].first == UInt8(ascii: "|"), KnownHosts.hashed(fields[0]) == nil {
            return "the hashed name cannot be read"
        }
        let isExact = KnownHosts.matches(fields[0], name)
        guard isExact || plainName.map({ KnownHosts.matches(fields[0], $0) }) == true else { return nil }
        guard let blob = Base64.decode(fields[2]) else { return "the key is no Base64" }
        let key = HostKey(blob: blob)
        guard key.type == String(decoding: fields[1], as: UTF8.self), !key.type.isEmpty else {
            return "the key is not of the type that the line says"
        }
        switch marker {
        case "" where isExact: accepted.append(key)
        case "": portless.append(key)
        case "@revoked": revoked.append(key)
        case "@cert-authority": return KnownHosts.certificates
        default: return "the marker \(Printable.text(marker)) is unknown"
        }
        return nil
    }
}

extension KnownHosts {
    private static func matches(_ patterns: ArraySlice<UInt8>, _ name: [UInt8]) -> Bool {
        if patterns.first == UInt8(ascii: "|") { return matchesHashed(patterns, name) }
        var isMatch = false
        for pattern in patterns.split(separator: UInt8(ascii: ",")) {
            if pattern.first == UInt8(ascii: "!") {
                if glob(lowercased(Array(pattern.dropFirst())), name) { return false }
            } else if glob(lowercased(Array(pattern)), name) {
                isMatch = true
            }
        }
        return isMatch
    }

    private static func matchesHashed(_ field: ArraySlice<UInt8>, _ name: [UInt8]) -> Bool {
        guard let (salt, hash) = hashed(field) else { return false }
        return SHA256.hmacSHA1(key: salt, name) == hash
    }

    private static func hashed(_ field: ArraySlice<UInt8>) -> (salt: [UInt8], hash: [UInt8])? {
        let parts = field.split(separator: UInt8(ascii: "|"))
        guard parts.count == 3, parts[0].elementsEqual([UInt8(ascii: "1")]), let salt = Base64.decode(parts[1]),
            let hash = Base64.decode(parts[2]), hash.count == 20, salt.count == 20
        else { return nil }
        return (salt, hash)
    }

    /// The line that makes this key known: what `ssh` would add.
    ///
    /// - Parameter salt: 20 random bytes where the name is to be hashed.
    static func line(name: String, _ key: HostKey, salt: [UInt8]?) -> String {
        var name = String(decoding: lowercased(Array(name.utf8)), as: UTF8.self)
        if let salt {
            let hash = SHA256.hmacSHA1(key: salt, Array(name.utf8))
            name = "|1|\(Base64.encodePadded(salt))|\(Base64.encodePadded(hash))"
        }
        return "\(name) \(key.type) \(Base64.encodePadded(key.blob))\n"
    }

    /// `*` any run, `?` any one byte; linear in time but for one remembered star.
    private static func glob(_ pattern: [UInt8], _ name: [UInt8]) -> Bool {
        var (p, n) = (0, 0)
        var star: (p: Int, n: Int)?
        while n < name.count {
            if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
                star = (p, n)
                p += 1
            } else if p < pattern.count, pattern[p] == UInt8(ascii: "?") || pattern[p] == name[n] {
                (p, n) = (p + 1, n + 1)
            } else if let last = star {
                star = (last.p, last.n + 1)
                (p, n) = (last.p + 1, last.n + 1)
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == UInt8(ascii: "*") }
    }

    private static func lowercased(_ bytes: [UInt8]) -> [UInt8] {
        bytes.map { $0 >= 0x41 && $0 <= 0x5A ? $0 + 32 : $0 }
    }
}
