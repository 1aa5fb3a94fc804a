import Core
import Testing
import Topologies

/// The file that `sync` makes of its options.
@Suite struct PairTopologyTests {
    static func pair(_ remote: String, mode: String = "push", directory: String = "/a") -> PairTopology {
        PairTopology(session: "s", directory: directory, remote: remote, mode: mode)
    }

    @Test(arguments: ["push", "pull"])
    func everyOption_isAKey(mode: String) throws {
        var pair = Self.pair("u@h:/b", mode: mode)
        pair.database = "/db/a"
        pair.remoteDatabase = "/db/b"
        pair.identity = "~/.ssh/id"
        pair.port = 22
        pair.knownHosts = "/kh"
        (pair.overwrite, pair.symlinks, pair.drift) = ("older", "follow", "keep")
        pair.preserve = ["mode", "owner"]
        let loaded = Loaded(pair.text)
        let topology = try #require(loaded.topology, "\(loaded.text)")
        let (local, remote) = (topology.peers[0], topology.peers[1])
        #expect(local.name == "local" && local.path == "/a" && local.database == "/db/a" && local.host == nil)
        #expect(remote.path == "/b" && remote.database == "/db/b")
        #expect(
            remote.host == HostReference(host: "h", user: "u", port: 22, identity: "~/.ssh/id", knownHosts: "/kh"))
        let edge = topology.edges[0]
        #expect(
            edge.policy
                == SessionPolicy(drift: .keep, overwrite: .older, symlinks: .follow, preserve: [.mode, .owner]))
        #expect(topology.edges.count == 1 && edge.session == "s" && edge.mode.rawValue == mode)
        #expect(topology.peers[edge.upstream].name == (mode == "pull" ? "remote" : "local"))
    }

    @Test(arguments: ["/a b", "/ü \"x\\", "/a: #b", "/'~", "/{x}, [y]"])
    func paths_areKeptWhateverTheyHold(_ path: String) throws {
        let loaded = Loaded(Self.pair("[::1]:\(path)", directory: path).text)
        let topology = try #require(loaded.topology, "\(loaded.text)")
        #expect(topology.peers.map(\.path) == [path, path] && topology.peers[1].host?.host == "::1")
    }

    @Test(arguments: ["\n", "\u{1B}", "\u{85}", "\u{202E}", "\u{FFFE}", "\0"])
    func controlCharacters_areRefused_whereTheyCameFrom(_ character: String) {
        let pair = Self.pair("h:/b", directory: "/a\(character)b\n    mode: pull")
        let loaded = Loaded(pair.text)
        #expect(loaded.topology == nil)
        #expect(loaded.diagnostics.map { "\($0.rule.id) \(pair.option(of: $0))" } == ["HW010 -d"], "\(loaded.text)")
    }

    @Test func findings_areAboutOptions() {
        func options(_ pair: PairTopology) -> [String] {
            Loaded(pair.text).diagnostics.map { "\($0.rule.id) \(pair.option(of: $0))" }
        }
        #expect(options(Self.pair("ssh://h/b")) == ["HW028 -r"])
        var wrong = Self.pair("h y:rel")
        wrong.session = "a/b"
        wrong.port = 0
        wrong.identity = "id"
        wrong.preserve = ["mood"]
        #expect(
            Set(options(wrong)) == ["HW025 -N", "HW023 -P", "HW026 -i", "HW028 -r", "HW026 -r", "HW023 --preserve"])
        #expect(options(Self.pair("/a/b")) == ["HW101 -d and -r"])
    }
}
