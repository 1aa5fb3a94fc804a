import Core
import Foundation
import Testing

@testable import Topologies

/// The schema and the readers agree, in both directions.
@Suite struct SchemaTests {
    let checker = SchemaChecker(root: TopologySchema.document)

    /// What the schema can know nothing of: names, loops, and what is not supported yet.
    static let ofTheWhole: Set<String> = [
        "HW030", "HW031", "HW101", "HW102", "HW103", "HW104", "HW105", "HW106", "HW107", "HW108", "HW109", "HW110",
        "HW900", "HW901",
    ]

    func refusals(_ yaml: String) throws -> [String] {
        try checker.faults(try #require(JSONValue(yaml: yaml), "\(yaml)"))
    }

    @Test func fileInTheRepository_isWhatTheProgramPrints() throws {
        let path = DocumentationTests.repository.appending(path: "docs/schema/headwater.schema.json")
        let text = try String(contentsOf: path, encoding: .utf8)
        #expect(text == TopologySchema.text, "run: make schema")
        #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(text.utf8)) }
    }

    @Test func everyKeyOfTheReaders_isInIt_andNoOther() throws {
        func keys(_ value: JSONValue?) -> Set<String> { Set(value?["properties"]?.members.map(\.0) ?? []) }
        let document = TopologySchema.document
        #expect(keys(document) == Set(TopologyReader.keys))
        #expect(keys(document["properties"]?["limits"]) == Set(Words.limitKeys))
        #expect(keys(document["properties"]?["defaults"]) == Set(EdgeReader.sharedKeys))
        let definitions = document["definitions"]
        #expect(keys(definitions?["peer"]?["anyOf"]?.elements?[1]) == Set(PeerReader.keys))
        #expect(
            keys(definitions?["edge"]?["anyOf"]?.elements?[1]) == Set(EdgeReader.sharedKeys + EdgeReader.ownKeys))
        #expect(Set(KeyMeaning.ofEdge.keys) == Set(EdgeReader.sharedKeys + EdgeReader.ownKeys))
        #expect(Set(KeyMeaning.ofPeer.keys) == Set(PeerReader.keys))
    }

    @Test func defaults_areValuesThatTheReadersTake() {
        for (key, meaning) in KeyMeaning.ofEdge {
            guard let standard = meaning.standard else { continue }
            let ids = ValuesTests.edge("\(key): \(standard)").ids.filter {
                !Self.ofTheWhole.contains($0) && $0 != "HW029"
            }
            #expect(ids == [], "\(key): \(standard)")
        }
    }

    /// Values of every kind, right for some keys and wrong for others.
    static let values =
        [
            "x", "22", "-1", "0", "2.5", "70000", "true", "false", "~", "\"\"", "\"22\"", "\"true\"", "[]", "[a]",
            "[1]", "[[a]]",
            "{}", "{a: 1}", "10%", "101%", "007%", "\"0\"", "50MB/s", "50MB", "1.5KiB/s", "10s", "5m", ".5h", "auto",
            "/abs/x",
            "~/h", "rel/x", "../x", "SHA256:\(String(repeating: "a", count: 43))", "[mode]", "[mode, mood]", "a -> b",
            String(repeating: "n", count: 65), "'[a b'",
        ] + Words.ofEdgeKeys.values.flatMap { $0 }

    /// Rules whose breach in a single value the schema sees as well, whatever the key.
    static let ofTypes: Set<String> = ["HW020", "HW021", "HW022", "HW025", "HW027"]
    /// Keys of which the schema knows less than the reader: which words are a path, a host, a login.
    static let looser: Set<String> = [
        "host", "user", "path", "mount", "identity", "known_hosts", "subpath", "keep_deleted", "database",
    ]

    static func places() -> [(key: String, text: @Sendable (String) -> String)] {
        let rest = "name: net\npeers: {a: /a, b: h:/b}\nedges: [a -> b]\n"
        let edge = "headwater: 1\nname: net\npeers: {a: /a, b: h:/b}\nedges:\n  - "
        let peer = "headwater: 1\nname: net\nedges: [a -> b]\npeers:\n  a: /a\n  b: "
        var places: [(String, @Sendable (String) -> String)] = [
            ("headwater", { "headwater: \($0)\n" + rest }),
            ("name", { "headwater: 1\npeers: {a: /a, b: h:/b}\nedges: [a -> b]\nname: \($0)\n" }),
            ("defaults", { "headwater: 1\ndefaults: \($0)\n" + rest }),
            ("edges", { "headwater: 1\nname: net\npeers: {a: /a, b: h:/b}\nedges: \($0)\n" }),
            ("an edge", { edge + $0 + "\n" }), ("peers", { "headwater: 1\nname: net\nedges: []\npeers: \($0)\n" }),
            ("path", { peer + $0 + "\n" }), ("path", { peer + "{path: \($0)}\n" }),
            ("from", { edge + "{from: \($0), to: b}\n" }), ("limits", { "headwater: 1\nlimits: \($0)\n" + rest }),
        ]
        for key in EdgeReader.sharedKeys + ["session"] {
            places.append((key, { edge + "{from: a, to: b, \(key): \($0)}\n" }))
        }
        for key in EdgeReader.sharedKeys {
            places.append((key, { "headwater: 1\ndefaults: {\(key): \($0)}\n" + rest }))
        }
        for key in PeerReader.keys where key != "path" {
            let host = key == "host" ? "" : "host: h, "
            places.append((key, { peer + "{path: /b, \(host)\(key): \($0)}\n" }))
        }
        for key in Words.limitKeys { places.append((key, { "headwater: 1\nlimits: {\(key): \($0)}\n" + rest })) }
        return places
    }

    @Test func everyValueAtEveryKey_isJudgedAlike() throws {
        var (accepted, refused) = (0, 0)
        var wrong: [String] = []
        for place in Self.places() {
            for value in Self.values {
                let text = place.text(value)
                guard let document = JSONValue(yaml: text) else { continue }
                let faults = try checker.faults(document)
                let ids = Set(Loaded(text).ids)
                if ids.contains("HW104") { continue }
                let broken = ids.subtracting(Self.ofTheWhole).subtracting(["HW029"])
                if broken.isEmpty {
                    accepted += 1
                    if !faults.isEmpty { wrong.append("the readers accept \(place.key): \(value)") }
                } else if !Self.looser.contains(place.key) || !broken.isDisjoint(with: ["HW020"]) {
                    refused += 1
                    if faults.isEmpty {
                        wrong.append("the readers refuse \(place.key): \(value) by \(broken.sorted())")
                    }
                }
            }
        }
        #expect(wrong == [])
        #expect(accepted > 300 && refused > 2000, "\(accepted) \(refused)")
    }

    @Test func unknownAndMissingKeys_areRefused_atEveryLevel() throws {
        for text in [
            "headwater: 1\npeers: {}\nedges: []\nedgse: []\n", "headwater: 1\npeers: {}\n", "peers: {}\nedges: []\n",
            "headwater: 1\npeers: {a: {path: /a, prot: 1}}\nedges: []\n",
            "headwater: 1\npeers: {a: {host: h}}\nedges: []\n",
            "headwater: 1\npeers: {a b: /a}\nedges: []\n", "headwater: 1\npeers: {}\nedges: [{from: a}]\n",
            "headwater: 1\npeers: {}\nedges: [{from: a, to: b, colour: red}]\n",
            "headwater: 1\npeers: {}\nedges: [a]\n",
            "headwater: 1\npeers: {}\nedges: []\ndefaults: {session: s}\n", "headwater: 2\npeers: {}\nedges: []\n",
            "headwater: 1\npeers: {a: {path: /a, user: u}}\nedges: []\n",
        ] {
            #expect(try !refusals(text).isEmpty, "\(text)")
            #expect(Loaded(text).topology == nil)
        }
    }

    @Test func examplesOfTheRules_areJudgedAlike() throws {
        for rule in Rule.allCases {
            guard let example = RuleManual.of(rule).example, let document = JSONValue(yaml: example) else { continue }
            let isOfTheWhole = Self.ofTheWhole.contains(rule.id) || rule == .badHost
            #expect(try checker.faults(document).isEmpty == isOfTheWhole, "\(rule.id)")
        }
    }

    @Test func everyTopologyOfTheRepository_isAccepted() throws {
        for path in try RepositoryTopologies.paths() {
            let text = try String(contentsOf: path, encoding: .utf8)
            #expect(try refusals(text) == [], "\(path.lastPathComponent)")
        }
    }

    @Test func whatIsNotSupportedYet_saysSo() throws {
        let properties = TopologySchema.document["properties"]?["defaults"]?["properties"]
        for key in EdgeReader.sharedKeys where !["mode", "route"].contains(key) {
            let text = try #require(properties?[key]?["description"]?.string)
            #expect(text.hasSuffix("Not supported yet by this version.") == NotSupportedYet.edgeKeys.contains(key))
        }
    }
}

/// The files in `topologies/`.
enum RepositoryTopologies {
    static func paths() throws -> [URL] {
        let directory = DocumentationTests.repository.appending(path: "topologies")
        let files = try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
        return files.filter { $0.pathExtension == "yaml" }.sorted { $0.path < $1.path }
    }
}
