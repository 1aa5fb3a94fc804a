import Core
import Platform
import TestSupport
import Testing

@testable import SSH

@Suite struct KnownHostsTests {
    static let ed25519 = HostKey(blob: SSHBytes.string(Array("ssh-ed25519".utf8)) + SSHBytes.string([1, 2, 3]))
    static let other = HostKey(blob: SSHBytes.string(Array("ssh-ed25519".utf8)) + SSHBytes.string([4, 5, 6]))
    static let ecdsa = HostKey(blob: SSHBytes.string(Array("ecdsa-sha2-nistp256".utf8)) + SSHBytes.string([7]))

    private func line(_ names: String, _ key: HostKey, marker: String = "") -> String {
        "\(marker)\(names) \(key.type) \(Base64.encode(key.blob)) a comment\n"
    }

    private func read(_ content: String, as name: String = "eu.example.com") -> KnownHosts {
        var known = KnownHosts(name: name)
        known.read(Array(content.utf8), file: "known_hosts")
        return known
    }

    @Test(arguments: [
        ("eu.example.com", KnownHosts.Verdict.match), ("EU.Example.COM", .match), ("other,eu.example.com", .match),
        ("*.example.com", .match), ("e?.example.com", .match), ("*", .match),
        ("*.example.com,!eu.example.com", .unknown),
        ("!eu.example.com,*", .unknown), ("!us.example.com,*", .match), ("example.com", .unknown),
        ("eu.example.com.evil", .unknown), ("*.example", .unknown), ("e*e*m", .match),
        ("[eu.example.com]:2222", .unknown), ("a,b,*.net,eu.example.com,c", .match), ("eu.example.???", .match),
        ("eu.example.????", .unknown), ("!*,eu.example.com", .unknown), ("eu.example.com,!eu.*", .unknown),
        ("**", .match), ("*.*.*", .match), ("*.*.*.*", .unknown), ("[*]:*", .unknown), (",,eu.example.com,", .match),
        ("!eu.example.com", .unknown), ("#eu.example.com", .unknown),
    ])
    func patterns(pattern: String, expected: KnownHosts.Verdict) {
        #expect(read(line(pattern, Self.ed25519)).verdict(Self.ed25519) == expected)
    }

    @Test func anotherKeyOfTheSameTypeIsAChange() {
        #expect(read(line("eu.example.com", Self.ed25519)).verdict(Self.other) == .changed)
    }

    @Test func aKeyOfAnotherTypeIsAChangeToo() {
        #expect(read(line("eu.example.com", Self.ed25519)).verdict(Self.ecdsa) == .changed)
    }

    @Test func oneOfSeveralKeysIsEnough() {
        let known = read(line("eu.example.com", Self.ecdsa) + line("*", Self.ed25519))
        #expect(known.verdict(Self.ed25519) == .match)
        #expect(known.types == ["ecdsa-sha2-nistp256", "ssh-ed25519"])
    }

    @Test func aRevokedKeyNeverMatchesWhereverItsLineStands() {
        let revoked = line("*", Self.ed25519, marker: "@revoked ")
        #expect(read(line("*", Self.ed25519) + revoked).verdict(Self.ed25519) == .revoked)
        #expect(read(revoked + line("*", Self.ed25519)).verdict(Self.ed25519) == .revoked)
        #expect(read(revoked).verdict(Self.other) == .unknown)
    }

    @Test(arguments: ["eu.example.com", "*.example.com,!us.example.com", "[eu.example.com]:2222", "?u.example.com"])
    func aRevokedKeyIsFoundUnderEveryKindOfName(names: String) {
        let revoked = line(names, Self.ed25519, marker: "@revoked ")
        let known = read(line("*", Self.ed25519) + line("[*]:*", Self.ed25519) + revoked, as: "[eu.example.com]:2222")
        #expect(known.verdict(Self.ed25519) == .revoked)
        #expect(known.verdict(Self.other) == .changed)
    }

    @Test func aRevokedKeyUnderAHashedNameIsFound() {
        let name = KnownHosts.line(name: "EU.example.com", Self.ed25519, salt: [UInt8](repeating: 7, count: 20))
        #expect(name.hasPrefix("|1|"))
        #expect(read(line("*", Self.ed25519) + "@revoked " + name).verdict(Self.ed25519) == .revoked)
        #expect(read(name).verdict(Self.ed25519) == .match)
        #expect(read(name, as: "us.example.com").verdict(Self.ed25519) == .unknown)
    }

    @Test(arguments: ["::1", "[::1]:2222", "fe80::1%eth0", "[2001:db8::2]:22022"])
    func addressesOfIPv6AreNames(name: String) {
        #expect(read(line(name, Self.ed25519), as: name).verdict(Self.ed25519) == .match)
        #expect(read(line("::2", Self.ed25519), as: name).verdict(Self.ed25519) == .unknown)
        #expect(read(KnownHosts.line(name: name, Self.ed25519, salt: nil), as: name).verdict(Self.ed25519) == .match)
    }

    @Test func aPlainAddressOfIPv6CountsForItsPorts() {
        #expect(read(line("::1", Self.ed25519), as: "[::1]:2222").verdict(Self.ed25519) == .match)
    }

    @Test func certificateAuthoritiesAreNamedAndNotUsed() {
        let known = read(line("*", Self.ed25519, marker: "@cert-authority "))
        #expect(known.verdict(Self.ed25519) == .unknown)
        #expect(known.notes == ["known_hosts:1: host certificates are not supported; the line is not used"])
    }

    @Test func badLinesHideNothing() {
        let bad =
            "# comment\n\n   \nnonsense\neu.example.com ssh-ed25519 %%%\neu.example.com ssh-rsa AAAA\n@odd * ssh-ed25519 AAAA\n|1|x|y "
            + "ssh-ed25519 AAAA\n\u{0}\u{1}\n"
        let known = read(bad + line("eu.example.com", Self.ed25519))
        #expect(known.verdict(Self.ed25519) == .match)
        #expect(known.notes.count == 6)
        #expect(known.notes[1].hasPrefix("known_hosts:5: "))
    }

    @Test func aPortHasItsOwnLineAndFallsBackToThePlainName() {
        let name = "[eu.example.com]:2222"
        #expect(read(line("[eu.example.com]:2222", Self.ed25519), as: name).verdict(Self.ed25519) == .match)
        #expect(read(line("eu.example.com", Self.ed25519), as: name).verdict(Self.ed25519) == .match)
        #expect(read(line("eu.example.com", Self.ed25519), as: name).verdict(Self.other) == .unknown)
        let both = line("[eu.example.com]:2222", Self.ed25519) + line("eu.example.com", Self.other)
        #expect(read(both, as: name).verdict(Self.other) == .changed)
    }

    @Test func hashedNamesAreThoseOfOpenSSH() throws {
        let directory = TemporaryDirectory()
        let path = directory("known_hosts")
        try SSHServer.generateKey("ed25519", directory("key"))
        let fields = try readFile(directory("key.pub"), bytesMax: 4096).split(separator: 0x20)
        let key = HostKey(blob: try #require(Base64.decode(fields[1])))
        try SSHServer.write(line("eu.example.com", key), path)
        #expect(try ChildProcess.run(["ssh-keygen", "-H", "-f", path]).exit == 0)
        let hashed = String(decoding: try readFile(path, bytesMax: 4096), as: UTF8.self)
        #expect(hashed.hasPrefix("|1|"))
        #expect(read(hashed).verdict(key) == .match)
        #expect(read(hashed, as: "us.example.com").verdict(key) == .unknown)
    }

    @Test func fingerprintsAreThoseOfSSHKeygen() throws {
        let server = try SSHServer()
        let blob = try #require(Base64.decode(server.hostKey().split(separator: " ")[1].utf8))
        #expect(HostKey(blob: blob).fingerprint == server.hostKeyFingerprint)
    }

    @Test func base64IsReversible() {
        for count in 0..<70 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 89 &+ 7) }
            #expect(Base64.decode(Base64.encode(bytes).utf8) == bytes)
        }
        #expect(Base64.decode("AA=A".utf8) == nil)
        #expect(Base64.decode("A A".utf8) == nil)
    }
}
