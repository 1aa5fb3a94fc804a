import Core
import Platform
import TestSupport
import Testing

@testable import SSH

@Suite struct SettingsTests {
    private func home(_ config: String) throws -> TemporaryDirectory {
        let home = TemporaryDirectory()
        _ = try ChildProcess.run(["mkdir", "-m", "700", home(".ssh")])
        try SSHServer.write(config, home(".ssh/config"))
        return home
    }

    private func resolve(_ target: SSHTarget, _ home: TemporaryDirectory) throws -> SSHSettings {
        try SSHSettings.resolve(target, environment: ["HOME": home.path, "PATH": "/usr/bin:/bin"])
    }

    @Test func anAliasIsResolved() throws {
        let home = try home(
            """
            Host eu
                HostName eu.example.com
                User deploy
                Port 2222
                IdentityFile ~/.ssh/eu_key
                IdentitiesOnly yes
                IdentityAgent ~/.ssh/agent-%r
                HostKeyAlias eu-key
                UserKnownHostsFile ~/.ssh/known_eu
                GlobalKnownHostsFile none
                ConnectTimeout 3
            """)
        let settings = try resolve(SSHTarget(host: "eu"), home)
        #expect(settings.hostName == "eu.example.com" && settings.user == "deploy" && settings.port == 2222)
        #expect(settings.identityFiles == [home(".ssh/eu_key")])
        #expect(settings.identitiesOnly)
        #expect(settings.agentSocket == home(".ssh/agent-deploy"))
        #expect(settings.knownHostsName == "eu-key")
        #expect(settings.knownHostsFiles == [home(".ssh/known_eu")])
        #expect(settings.connectTimeoutSeconds == 3)
    }

    @Test func whatTheTopologyFileDeclaresWins() throws {
        let home = try home("Host eu\n  User deploy\n  Port 2222\n  IdentityFile ~/.ssh/eu_key\n")
        let target = SSHTarget(
            host: "eu", user: "me", port: 22, identity: "~/mine", knownHosts: "~/known", hostKey: "SHA256:x")
        let settings = try resolve(target, home)
        #expect(settings.user == "me" && settings.port == 22)
        #expect(settings.identityFiles == [home("mine")] && settings.isIdentityDeclared)
        #expect(settings.knownHostsFiles == [home("known")])
        #expect(settings.pinnedHostKey == "SHA256:x")
    }

    @Test func withoutAClientTheDefaultsHold() throws {
        let home = TemporaryDirectory()
        let environment = ["HOME": home.path, "SSH_AUTH_SOCK": "/run/agent", "USER": "me"]
        let settings = try SSHSettings.resolve(
            SSHTarget(host: "eu"), environment: environment, client: "/nonexistent/ssh")
        #expect(settings.hostName == "eu" && settings.port == 22)
        #expect(settings.agentSocket == "/run/agent")
        #expect(settings.identityFiles.first == home(".ssh/id_ed25519"))
        #expect(settings.knownHostsFiles.first == home(".ssh/known_hosts"))
        #expect(settings.knownHostsName == "eu")
    }

    @Test(arguments: [
        "ProxyCommand nc %h %p", "CertificateFile ~/.ssh/cert", "KnownHostsCommand /bin/true",
        "RevokedHostKeys /etc/ssh/revoked",
    ])
    func settingsThatWouldBeUnsafeToIgnoreAreRefusedByName(line: String) throws {
        let home = try home("Host eu\n  \(line)\n")
        let name = String(line.prefix { $0 != " " })
        do {
            _ = try resolve(SSHTarget(host: "eu"), home)
            Issue.record("not refused")
        } catch let error as HeadwaterError {
            #expect(error.code == "ssh.config-unsupported")
            #expect(error.message.contains(name) && error.message.contains("not supported yet"))
        }
    }

    @Test func jumpHostsAreResolvedWithTheirOwnSettings() throws {
        let home = try home(
            """
            Host eu
                ProxyJump one,me@two:2202
            Host one
                ProxyJump zero
                Port 2201
            Host two
                ProxyJump ignored
                HostName two.example.com
            Host zero
                User nobody
            """)
        let settings = try resolve(SSHTarget(host: "eu"), home)
        var chain: [SSHSettings] = []
        var next = settings.via.first
        while let hop = next {
            chain.append(hop)
            next = hop.via.first
        }
        #expect(chain.map(\.alias) == ["two", "one", "zero"])
        #expect(chain[0].hostName == "two.example.com" && chain[0].user == "me" && chain[0].port == 2202)
        #expect(chain[1].port == 2201 && chain[2].user == "nobody")
    }

    @Test func jumpsThatGoInCirclesAreRefused() throws {
        let home = try home("Host a\n  ProxyJump b\nHost b\n  ProxyJump a\nHost c\n  ProxyJump none\n")
        #expect(code { _ = try resolve(SSHTarget(host: "a"), home) } == "ssh.config")
        #expect(try resolve(SSHTarget(host: "c"), home).via.isEmpty)
    }

    @Test(
        arguments: [
            ("bastion", "bastion", nil, nil), ("me@bastion", "bastion", "me", nil),
            ("bastion:2222", "bastion", nil, 2222),
            ("a@b@[::1]:22", "::1", "a@b", 22), ("[fe80::1%eth0]", "fe80::1%eth0", nil, nil),
            ("ssh://me@bastion:7", "bastion", "me", 7),
        ] as [(String, String, String?, Int?)])
    func aJumpHostIsWrittenAsInSSHConfig(text: String, host: String, user: String?, port: Int?) {
        #expect(SSHTarget(jump: text) == SSHTarget(host: host, user: user, port: port))
    }

    @Test(arguments: ["", "@a", "a:", "a:0", "a:x", "[::1", "u@"])
    func whatNamesNoJumpHostIsRefused(text: String) { #expect(SSHTarget(jump: text) == nil) }

    @Test(
        arguments: [("accept-new", true, nil), ("no", false, "no"), ("off", false, "no"), ("ask", false, nil)]
            as [(String, Bool, String?)])
    func onlyAcceptNewLetsAKeyIn(value: String, accepts: Bool, ignored: String?) throws {
        let home = try home("Host eu\n  StrictHostKeyChecking \(value)\n  HashKnownHosts yes\n")
        let settings = try resolve(SSHTarget(host: "eu"), home)
        #expect(settings.acceptsNewHostKeys == accepts && settings.ignoredHostKeyPolicy == ignored)
        #expect(settings.hashesKnownHosts)
        #expect(settings.ownKnownHostsFile == home(".ssh/known_hosts"))
    }

    @Test func theSystemsKnownHostsAreNotTheUsersOwn() throws {
        let home = try home("Host eu\n  UserKnownHostsFile none\nHost us\n  UserKnownHostsFile ~/.ssh/a ~/.ssh/b\n")
        #expect(try resolve(SSHTarget(host: "eu"), home).ownKnownHostsFile == nil)
        #expect(try resolve(SSHTarget(host: "us"), home).ownKnownHostsFile == home(".ssh/a"))
        #expect(try resolve(SSHTarget(host: "eu", knownHosts: "~/c"), home).ownKnownHostsFile == home("c"))
    }

    @Test func aBrokenConfigurationIsReported() throws {
        let home = try home("Nonsense yes\n")
        #expect(code { _ = try resolve(SSHTarget(host: "eu"), home) } == "ssh.config")
    }

    @Test(arguments: ["-oProxyCommand=x", "", "a b", "a\nb"])
    func namesThatAreNoneNeverReachACommandLine(host: String) throws {
        let home = TemporaryDirectory()
        #expect(code { _ = try resolve(SSHTarget(host: host), home) } == "ssh.host")
    }
}
