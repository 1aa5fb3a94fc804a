import Core

/// The algorithms that a server offers, read from the clear text with which every SSH connection begins. Pure.
struct KeyExchangeOffer: Hashable, Sendable {
    var banner = ""
    var exchanges: [String] = []
    var hostKeys: [String] = []
    /// From client to server; the other direction is the same wherever it was ever seen.
    var ciphers: [String] = []
    var macs: [String] = []

    /// nil when the bytes hold no whole offer: banner line(s), then the SSH_MSG_KEXINIT packet of RFC 4253 §7.1.
    init?(parsing opening: [UInt8]) {
        var rest = opening[...]
        while let end = rest.firstIndex(of: 10) {
            let line = rest[..<end]
            rest = rest[(end + 1)...]
            guard line.starts(with: "SSH-".utf8) else { continue }
            banner = Printable.text(line.filter { $0 != 13 }.prefix(255))
            var reader = SSHBytes(rest)
            guard let length = reader.uint32(), length < 35000, let packet = reader.bytes(length) else { return nil }
            guard parse(packet) else { return nil }
            return
        }
        return nil
    }

    private mutating func parse(_ packet: [UInt8]) -> Bool {
        var reader = SSHBytes(packet)
        guard reader.byte() != nil, reader.byte() == 20, reader.bytes(16) != nil, let exchanges = reader.names(),
            let hostKeys = reader.names(), let ciphers = reader.names(), reader.names() != nil,
            let macs = reader.names()
        else { return false }
        (self.exchanges, self.hostKeys, self.ciphers, self.macs) = (exchanges, hostKeys, ciphers, macs)
        return true
    }

    struct Mismatch: Equatable {
        var kind: String
        var ours: [String]
        var theirs: [String]

        /// What makes the server offer our first choice beside what its configuration lists, run on its machine. A server offers all
        /// of ours unless a line of its configuration says otherwise; a host key it lacks is made.
        var command: String {
            let change =
                switch kind {
                case "host key": "sudo ssh-keygen -A"
                case "key exchange": Self.widened("KexAlgorithms", ours[0])
                case "cipher": Self.widened("Ciphers", ours[0])
                default: Self.widened("MACs", ours[0])
                }
            return change + " && sudo pkill -HUP -o -x sshd"
        }

        private static func widened(_ key: String, _ name: String) -> String {
            "sudo sed -i -E 's/^(\(key) .*)/\\1,\(name)/I' /etc/ssh/sshd_config"
        }
    }

    /// The first kind of algorithm of which the two sides share none, with both lists.
    func mismatch(hostKeyTypes: [String]) -> Mismatch? {
        let pairs = [
            ("key exchange", Algorithms.exchanges, exchanges), ("host key", hostKeyTypes, hostKeys),
            ("cipher", Algorithms.ciphers, ciphers), ("MAC", Algorithms.macs, macs),
        ]
        return pairs.first { _, ours, theirs in ours.allSatisfy { !theirs.contains($0) } }
            .map { Mismatch(kind: $0.0, ours: $0.1, theirs: $0.2) }
    }
}

/// What we ask for, best first: what libssh2 1.10 has without SHA-1, CBC and group exchange.
enum Algorithms {
    static let exchanges = [
        "curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "ecdh-sha2-nistp384",
        "ecdh-sha2-nistp521",
    ]
    static let ciphers = ["aes128-ctr", "aes256-ctr", "aes192-ctr"]
    static let macs = ["hmac-sha2-256", "hmac-sha2-512"]
}
