import Core
import Testing
import Topologies

/// What the values of a file become, and where bad ones are reported.
@Suite struct ValuesTests {
    /// A file with this as peer `b`.
    static func peer(_ value: String) -> Loaded {
        Loaded("headwater: 1\npeers:\n  a: /srv/a\n  b: \(value)\nedges: [a -> b]\n")
    }

    /// A file with these keys at its edge.
    static func edge(_ keys: String) -> Loaded {
        Loaded("headwater: 1\npeers: {a: /srv/a, b: h:/srv/b}\nedges:\n  - {from: a, to: b, \(keys)}\n")
    }

    @Test func wholePeer_isRead() throws {
        let key = "SHA256:" + String(repeating: "A", count: 43)
        let loaded = Self.peer(
            "{host: m.example.com, user: deploy, port: 2222, identity: ~/.ssh/id, known_hosts: /etc/kh, host_key: \"\(key)\","
                + " path: ~/x//y/./z/, mount: .mounted}")
        let peer = try #require(loaded.topology?.peers[1], "\(loaded.text)")
        #expect(
            peer.host
                == HostReference(
                    host: "m.example.com", user: "deploy", port: 2222, identity: "~/.ssh/id", knownHosts: "/etc/kh",
                    hostKey: key))
        #expect(peer.path == "~/x/y/z" && peer.mount == ".mounted" && peer.line == 4 && peer.name == "b")
    }

    @Test(
        arguments: [
            ("/srv/b", nil, nil, "/srv/b"), ("~/b", nil, nil, "~/b"), ("h:/b/", nil, "h", "/b"),
            ("u@h:~/b", "u", "h", "~/b"),
            ("\"[::1]:/b\"", nil, "::1", "/b"), ("u@[fe80::1%eth0]:/b", "u", "fe80::1%eth0", "/b"),
            ("/x:y/b", nil, nil, "/x:y/b"),
            ("u@realm@h:/b", "u@realm", "h", "/b"), ("/a/b/../../../c", nil, nil, "/c"),
            ("\"/srv/ü b\"", nil, nil, "/srv/ü b"),
        ] as [(String, String?, String?, String)])
    func shortPeer_isRead(_ text: String, _ user: String?, _ host: String?, _ path: String) throws {
        let peer = try #require(Self.peer(text).topology?.peers[1], "\(Self.peer(text).text)")
        #expect(peer.host?.host == host && peer.host?.user == user && peer.path == path)
    }

    @Test(arguments: [
        ("srv/b", "HW026 4:6"), ("h:srv", "HW026 4:6"), ("/", "HW026 4:6"), ("\"~\"", "HW026 4:6"), ("~/", "HW026 4:6"),
        ("~/../x", "HW026 4:6"),
        ("~root/x", "HW026 4:6"), ("$HOME/x", "HW026 4:6"), ("\"\"", "HW026 4:6"), ("\"h:\"", "HW026 4:6"),
        ("/x/.headwater/y", "HW026 4:6"),
        ("/x/../..", "HW026 4:6"), ("h:/", "HW026 4:6"), ("\"-oProxyCommand=x:/b\"", "HW028 4:6"),
        ("\":/b\"", "HW028 4:6"),
        ("\"u v@h:/b\"", "HW028 4:6"), ("\"-u@h:/b\"", "HW028 4:6"), ("~", "HW020 4:6"), ("", "HW020 4:5"),
        ("22", "HW026 4:6"),
        ("[/a]", "HW020 4:6"), ("{path: /b, port: 22}", "HW029 4:17"), ("{host: h}", "HW022 4:3"),
        ("{path: b}", "HW026 4:13"),
        ("{host: h, path: /b, port: 0}", "HW023 4:32"), ("{host: h, path: /b, port: 70000}", "HW023 4:32"),
        ("{host: h, path: /b, port: \"22\"}", "HW020 4:32"), ("{host: h, path: /b, port: 2.5}", "HW020 4:32"),
        ("{host: h, path: /b, port: 99999999999999999999}", "HW023 4:32"),
        ("{host: h, path: /b, port: ~}", "HW020 4:32"),
        ("{host: h, path: /b, port: -1}", "HW023 4:32"), ("{host: h, path: /b, user: ~}", "HW020 4:32"),
        ("{host: h, path: /b, user: -x}", "HW028 4:32"), ("{host: \"h x\", path: /b}", "HW028 4:13"),
        ("{host: u@h, path: /b}", "HW028 4:13"), ("{host: h, path: /b, host_key: \"MD5:1\"}", "HW023 4:36"),
        ("{host: h, path: /b, identity: id}", "HW026 4:36"), ("{path: /b, mount: /x}", "HW026 4:24"),
        ("{path: /b, mount: ../x}", "HW026 4:24"), ("{path: /b, mount: .}", "HW026 4:24"),
        ("{path: /b, hots: x}", "HW021 4:17"),
        ("{path: /b, bandwidth: 5MB/s}", "HW900 4:17"),
    ])
    func badPeer_isReportedWhereItStands(_ value: String, _ place: String) {
        #expect(Self.peer(value).places == [place], "\(Self.peer(value).text)")
    }

    @Test(arguments: [
        ("max_delete: 10%", MaxDelete.percent(10)), ("max_delete: \"0%\"", .percent(0)),
        ("max_delete: 200", .count(200)),
        ("max_delete: \"200\"", .count(200)), ("mode: push", .percent(50)),
    ])
    func maxDelete_isRead(_ keys: String, _ limit: MaxDelete) throws {
        #expect(try #require(Self.edge(keys).topology).edges[0].maxDelete == limit)
    }

    @Test(arguments: [
        ("max_delete: 101%", "HW023 4:34"), ("max_delete: -1", "HW023 4:34"), ("max_delete: half", "HW023 4:34"),
        ("max_delete: 99999999999999999999", "HW023 4:34"), ("max_delete: [1]", "HW020 4:34"),
        ("max_delete: ~", "HW020 4:34"),
        ("mode: pul", "HW023 4:28"), ("mode: true", "HW023 4:28"), ("session: a/b", "HW025 4:31"),
        ("session: ..", "HW025 4:31"),
        ("sesion: x", "HW021 4:22"), ("route: direct", "HW029 4:22"),
    ])
    func badEdgeKey_isReportedWhereItStands(_ keys: String, _ place: String) {
        #expect(Self.edge(keys).places.filter { !$0.hasPrefix("HW900") } == [place], "\(Self.edge(keys).text)")
    }

    @Test(
        arguments: [
            ("delete: before", SessionPolicy(delete: .before)), ("delete: never", SessionPolicy(delete: .never)),
            ("keep_deleted: true", SessionPolicy(attic: .session)), ("keep_deleted: false", SessionPolicy()),
            ("keep_deleted: \"true\"", SessionPolicy(attic: .path(TreePath(trusted: Array("true".utf8))))),
            ("keep_deleted: a/./b/", SessionPolicy(attic: .path(TreePath(trusted: Array("a\0b".utf8))))),
            ("drift: keep", SessionPolicy(drift: .keep)), ("drift: halt", SessionPolicy(drift: .halt)),
            ("mirror: true", SessionPolicy(mirror: true)), ("mirror: false", SessionPolicy()),
            ("overwrite: older", SessionPolicy(overwrite: .older)),
            ("mode: pull, overwrite: conflict", SessionPolicy(overwrite: .conflict)),
            ("symlinks: skip", SessionPolicy(symlinks: .skip)), ("symlinks: follow", SessionPolicy(symlinks: .follow)),
            ("mode: bidi, symlinks: skip", SessionPolicy(symlinks: .skip)),
        ] as [(String, SessionPolicy)])
    func policy_isRead(_ keys: String, _ policy: SessionPolicy) {
        let loaded = Self.edge(keys)
        #expect(loaded.topology?.edges[0].policy == policy, "\(loaded.text)")
    }

    /// Of a bidi edge both would have to hold in two directions.
    @Test(arguments: [("before", 1), ("never", 1), ("during", 0), ("after", 0)])
    func deleteOfABidiEdge_isRefusedWhereItIsMoreThanAnOrder(_ delete: String, _ count: Int) {
        let refused = Self.edge("mode: bidi, delete: \(delete)").diagnostics.filter {
            $0.message.contains("of a bidi edge")
        }
        #expect(refused.count == count && refused.allSatisfy { $0.rule == .notSupportedYet })
    }

    @Test func linksOfABidiEdge_areNotFollowed() {
        #expect(Self.edge("mode: bidi, symlinks: follow").ids == ["HW029"])
    }

    @Test func policyOfAnEdge_overrulesTheDefaults() {
        let loaded = Loaded(
            "headwater: 1\ndefaults: {keep_deleted: true, mirror: true, delete: before, drift: halt}\n"
                + "peers: {a: /srv/a, b: h:/srv/b, c: i:/srv/c}\n"
                + "edges: [a -> b, {from: a, to: c, keep_deleted: false, mirror: false, delete: after, drift: keep}]\n")
        #expect(
            loaded.topology?.edges.map(\.policy) == [
                SessionPolicy(delete: .before, attic: .session, drift: .halt, mirror: true),
                SessionPolicy(delete: .after, drift: .keep),
            ], "\(loaded.text)")
    }

    @Test(
        arguments: [
            ("delete", "maybe"), ("keep_deleted", "/x"), ("keep_deleted", "../x"), ("keep_deleted", "a/.headwater"),
            ("keep_deleted", "[x]"), ("drift", "loose"), ("mirror", "\"true\""),
            ("symlinks", "2"), ("overwrite", "newer"),
        ])
    func badPolicy_isReported(_ key: String, _ bad: String) {
        let ids = Self.edge("\(key): \(bad)").ids
        #expect(ids.count == 1 && ["HW020", "HW023", "HW026"].contains(ids[0]), "\(ids)")
    }

    @Test func preserve_isRead_andItsItemsToComeAreRefusedByName() {
        func preserved(_ key: String) -> Preservation? { Self.edge(key).topology?.edges[0].policy.preserve }
        #expect(preserved("drift: repair") == [.mode, .times])
        #expect(preserved("preserve: [owner, mode, group, owner]") == [.mode, .owner, .group])
        #expect(preserved("preserve: []") == [])
        #expect(Self.edge("preserve: mode").ids == ["HW020"] && Self.edge("preserve: [mood]").ids == ["HW023"])
        #expect(preserved("preserve: [mode, xattrs, acls]") == [.mode, .xattrs, .acls])
        #expect(preserved("preserve: [hardlinks]") == [.hardlinks])
        #expect(Self.edge("preserve: [hardlinks], mode: bidi").ids == ["HW029"])
        #expect(Self.edge("preserve: [hardlinks], symlinks: follow").ids == ["HW029"])
    }

    /// Each key that is not supported yet: a good value is HW900 alone, a bad one has its own finding beside it.
    @Test(
        arguments: [
            ("digest", "sha256", "md5"), ("compression", "zstd", "gzip"),
            ("bandwidth", "50MB/s", "50"), ("connections", "4", "0"), ("settle", "2s", "2"),
            ("continuous", "true", "yes"),
            ("schedule", "\"0 3 * * *\"", "[]"), ("scan_interval", "1h", "often"), ("durability", "strict", "some"),
        ] as [(String, String?, String)])
    func notSupportedYet_isCheckedAndRefused(_ key: String, _ good: String?, _ bad: String) {
        if let good { #expect(Self.edge("\(key): \(good)").ids == ["HW900"], "\(Self.edge("\(key): \(good)").text)") }
        let wrong = Self.edge("\(key): \(bad)").ids.filter { $0 != "HW900" && $0 != "HW029" }
        #expect(wrong.count == 1 && wrong.allSatisfy { ["HW020", "HW023", "HW026"].contains($0) }, "\(wrong)")
    }

    @Test func everyRefusedKey_isTestedAbove() {
        for key in NotSupportedYet.edgeKeys { #expect(Self.edge("\(key): x").ids.contains("HW900"), "\(key)") }
    }

    @Test(arguments: [
        ("a - b", "HW027 3:9"), ("a", "HW027 3:9"), ("a -> b -> c", "HW027 3:9"), ("-> b", "HW027 3:9"),
        ("a ->", "HW027 3:9"),
        ("b <- a", "HW027 3:9"), ("[a, b]", "HW020 3:9"), ("22", "HW027 3:9"), ("{from: a}", "HW022 3:9"),
        ("a -> c", "HW104 3:14"), ("x -> b", "HW104 3:9"), ("\"x -> b\"", "HW104 3:10"),
        ("{from: a, to: c}", "HW104 3:23"),
        ("{from: a, to: b, mode: both}", "HW023 3:32"), ("a -> a", "HW103 3:9"),
    ])
    func badEdge_isReportedWhereItStands(_ edge: String, _ place: String) {
        let loaded = Loaded("headwater: 1\npeers: {a: /srv/a, b: h:/srv/b}\nedges: [\(edge)]\n")
        #expect(loaded.places.filter { !$0.hasPrefix("HW105") } == [place], "\(loaded.text)")
    }

    @Test(arguments: ["a->b", "  a   ->   b  ", "'a -> b'", "{to: b, from: a}", "a- -> b"])
    func edgesMayBeWrittenInManyWays(_ edge: String) throws {
        let loaded = Loaded("headwater: 1\npeers: {a: /x, a-: /y, b: h:/z}\nedges: [\(edge)]\n")
        let topology = try #require(loaded.topology, "\(loaded.text)")
        #expect(topology.peers[topology.edges[0].downstream].name == "b")
        #expect(topology.edges[0].line == 3 && topology.edges[0].mode == .push)
    }

    @Test func sessions_haveNamesOfTheirParts() throws {
        let loaded = Loaded(peers: "a /x, b h:/x, c i:/x", edges: ["a -> b", "{from: a, to: c, session: nightly}"])
        let topology = try #require(loaded.topology)
        #expect(topology.edges.map(\.session) == ["net-a-b", "nightly"])
        #expect(
            topology.edge(named: "nightly") == 1 && topology.edge(named: "a:b") == 0
                && topology.edge(named: "b:a") == nil)
    }

    @Test func defaults_holdForEveryEdge_andEdgesOverrideThem() throws {
        let loaded = Loaded(
            peers: "a /x, b h:/x, c i:/x", edges: ["a -> b", "{from: a, to: c, max_delete: 7}"],
            defaults: "{max_delete: 20%}")
        #expect(try #require(loaded.topology).edges.map(\.maxDelete) == [.percent(20), .count(7)])
    }

    @Test func defaults_haveNoEndsAndNoSession() {
        let loaded = Loaded(peers: "a /x, b h:/x", edges: ["a -> b"], defaults: "{session: s, from: a, too: b}")
        #expect(loaded.places == ["HW021 3:12", "HW021 3:24", "HW021 3:33"], "\(loaded.text)")
    }

    @Test func modeOfDefaults_isThatOfPlainEdges() {
        let pull = Loaded(peers: "a /x, b /y", edges: ["a -> b", "b -> a"], defaults: "{mode: bidi}")
        // An arrow is one way whatever the defaults say: against each other they are a loop.
        #expect(pull.broken == ["HW101"])
        let bidi = Loaded(peers: "a /x, b /y", edges: ["{from: a, to: b}"], defaults: "{mode: bidi}")
        #expect(bidi.broken == [])
    }

    @Test func unknownKeys_suggestTheNearest() {
        func remedy(_ text: String) -> String? { Loaded(text).diagnostics.first { $0.rule == .unknownKey }?.remedy }
        #expect(remedy("headwater: 1\npeer: {}\npeers: {}\nedges: []\n") == "did you mean `peers`?")
        #expect(remedy("headwater: 1\nPEERS: {}\npeers: {}\nedges: []\n") == "did you mean `peers`?")
        #expect(
            remedy("headwater: 1\nsomething: {}\npeers: {}\nedges: []\n")?.hasPrefix("use one of: defaults, edges")
                == true)
        #expect(Self.edge("max_dleete: 1").diagnostics.first?.remedy == "did you mean `max_delete`?")
    }

    @Test func everythingIsReportedAtOnce_inTheOrderOfTheFile() {
        let loaded = Loaded(
            "name: a/b\npeers:\n  a: srv\n  b: {host: h, prot: 22}\nedgs: []\nedges:\n  - a -> c\n  - 7\n")
        #expect(
            loaded.places
                == [
                    "HW022 1:1", "HW025 1:7", "HW026 3:6", "HW022 4:3", "HW021 4:16", "HW021 5:1", "HW104 7:10",
                    "HW027 8:5",
                ], "\(loaded.text)")
    }

    /// Every key there is, in one file: nothing in it is unknown or of the wrong type.
    @Test func wholeFormat_isRecognised() {
        let loaded = Loaded(
            """
            headwater: 1
            name: artifacts
            defaults:
              exclude: ["*.tmp", "/cache/"]
            peers:
              build: /srv/artifacts
              eu: deploy@eu.example.com:/srv/artifacts
              mirror:
                host: mirror.example.com
                user: deploy
                port: 22
                identity: ~/.ssh/id_ed25519
                known_hosts: ~/.ssh/known_hosts
                host_key: SHA256:\(String(repeating: "x", count: 43))
                path: /srv/artifacts
                database: /var/lib/headwater
                mount: .mounted
              laptop: {host: laptop, path: ~/artifacts}
            edges:
              - build -> eu
              - laptop <-> build
              - {from: eu, to: mirror, route: direct, bandwidth: 50MB/s, exclude: ["/nightly/"]}

            """)
        #expect(
            loaded.places == [
                "HW900 22:35", "HW900 22:43",
            ], "\(loaded.text)")
    }

    @Test func versions() {
        #expect(Loaded("headwater: 2\npeers: {}\nedges: []\n").places == ["HW024 1:12"])
        #expect(Loaded("headwater: \"1\"\npeers: {}\nedges: []\n").places == ["HW020 1:12"])
        #expect(Loaded("headwater: one\npeers: {}\nedges: []\n").places == ["HW020 1:12"])
        #expect(Loaded("peers: {}\nedges: []\n").places == ["HW022 1:1"])
    }

    @Test func wordsThatOtherYAMLTakesForBooleans_areNames() throws {
        let loaded = Loaded(peers: "no /x, yes h:/x, on i:/x, 22 j:/x", edges: ["no -> yes", "no -> on", "no -> 22"])
        #expect(loaded.topology?.peers.map(\.name) == ["no", "yes", "on", "22"], "\(loaded.text)")
    }

    @Test(arguments: ["a b", "", "ä", "a/b", "..", String(repeating: "x", count: 65)])
    func namesOutsideTheAlphabet_areRefused(_ name: String) {
        #expect(Loaded("headwater: 1\npeers: {\"\(name)\": /x}\nedges: []\n").ids.contains("HW025"))
        #expect(Loaded("headwater: 1\nname: \"\(name)\"\npeers: {}\nedges: []\n").places == ["HW025 2:7"])
    }

    @Test func noEdges_isValid_withAWarningForEachPeer() {
        let loaded = Loaded("headwater: 1\npeers: {a: /x}\nedges: []\n")
        #expect(loaded.topology != nil && loaded.places == ["HW105 2:9"])
        #expect(Loaded("headwater: 1\npeers: {}\nedges: []\n").topology != nil)
    }

    @Test func limits_areCheckedAndRefused() {
        let rest = "\npeers: {}\nedges: []\n"
        #expect(
            Loaded("headwater: 1\nlimits: {bandwidth: 5MB/s, starts: 2, connections: 9}" + rest).places == ["HW900 2:1"]
        )
        #expect(Loaded("headwater: 1\nlimits: {start: 2}" + rest).places == ["HW900 2:1", "HW021 2:10"])
    }
}
