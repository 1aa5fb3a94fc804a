import Core
import Foundation
import TestSupport
import Testing
import Topologies

/// The keys `filter`, `filter_file` and `exclude`: which rules an edge has in which order, and where bad ones are reported.
@Suite struct FilterKeysTests {
    private let directory = TemporaryDirectory("filters")

    private func write(_ text: String, _ name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: directory(name)))
    }

    /// A file in the test's own directory.
    private func load(defaults: String = "", edge: String) throws -> Loaded {
        let text =
            "headwater: 1\nname: net\n\(defaults.isEmpty ? "" : "defaults: {\(defaults)}\n")"
            + "peers: {a: /srv/a, b: h:/srv/b}\nedges:\n  - \(edge)\n"
        try write(text, "net.yaml")
        return Loaded(path: directory("net.yaml"))
    }

    private func rules(_ loaded: Loaded) -> [String] {
        loaded.topology?.edges[0].filter.rules.map(\.description) ?? [loaded.text]
    }

    @Test func rules_areTriedInTheOrderOfTheKeys_ownBeforeDefaults() throws {
        try write("# rules\n*.file\n\n+ kept\n", "own.rules")
        try write("*.default\n", "defaults.rules")
        let loaded = try load(
            defaults: "exclude: [z], filter_file: defaults.rules, filter: ['+ y']",
            edge: "{exclude: [c, d], filter_file: own.rules, filter: ['+ a', '- b'], from: a, to: b}")
        #expect(
            rules(loaded) == ["+ a", "- b", "- *.file", "+ kept", "- c", "- d", "+ y", "- *.default", "- z"])
    }

    @Test func shortEdge_hasTheRulesOfDefaults() throws {
        #expect(try rules(load(defaults: "exclude: [z]", edge: "a -> b")) == ["- z"])
        #expect(try rules(load(edge: "a -> b")) == [])
    }

    @Test func fileOfAnAbsoluteName_isRead() throws {
        try write("x\n", "else.rules")
        let loaded = try load(edge: "{from: a, to: b, filter_file: \(directory("else.rules"))}")
        #expect(rules(loaded) == ["- x"])
    }

    @Test(arguments: [
        ("filter: ['+ a', 'b']", "HW030 5:39"), ("filter: ['- a//b']", "HW030 5:36"),
        ("filter: [+ a//b]", "HW030 5:35"), ("filter: [\"- a\\\\/b\"]", "HW030 5:31"),
        ("exclude: [ü//x]", "HW030 5:34"), ("exclude: ['- a']", "HW030 5:33"), ("exclude: ['']", "HW030 5:33"),
        ("exclude: [[a]]", "HW020 5:32"), ("filter: '- a'", "HW020 5:30"), ("filter_file: [a]", "HW020 5:35"),
        ("filter_file: gone", "HW031 5:35"), ("filter_file: ~/gone", "HW026 5:35"), ("filter_file: /", "HW031 5:35"),
    ])
    func badRule_isReportedWhereItStands(_ keys: String, _ place: String) throws {
        let loaded = try load(edge: "{from: a, to: b, \(keys)}")
        #expect(loaded.places == [place], "\(loaded.text)")
    }

    @Test func caret_isUnderTheFault() throws {
        let lines = try load(edge: "{from: a, to: b, exclude: ['*.[ch']}").text.split(separator: "\n")
        #expect(lines[0].hasSuffix("net.yaml:5:35: error[HW030]: the rule `*.[ch` has a `[` without its `]`"))
        let caret = lines[2].count - 1
        #expect(Array(lines[1])[caret] == "[" && lines[2].last == "^")
        #expect(lines[3].hasSuffix("= remedy: close it, or write \\[ for a bracket in a name"))
    }

    @Test func badRulesOfAFile_areReportedThere_once() throws {
        try write("ok\n  indented\n+ [z-a]\n", "bad.rules")
        let loaded = try load(
            defaults: "filter_file: bad.rules", edge: "{from: a, to: b, filter_file: bad.rules}")
        #expect(loaded.topology == nil)
        #expect(loaded.places == ["HW030 2:1", "HW030 3:4"])
        #expect(loaded.diagnostics.allSatisfy { $0.file == directory("bad.rules") })
        #expect(loaded.text.contains("bad.rules:3:4: error[HW030]: the rule `+ [z-a]` has a range"), "\(loaded.text)")
    }

    @Test func fileThatIsNoText_isReadByteByByte() throws {
        try Data([0x2A, 0x2E, 0xFF, 0x0A, 0x5B, 0xFE, 0x0A]).write(to: URL(fileURLWithPath: directory("odd.rules")))
        let loaded = try load(edge: "{from: a, to: b, filter_file: odd.rules}")
        #expect(loaded.places == ["HW030 2:1"])
    }

    @Test func sizes_areBounded() throws {
        try write(String(repeating: "x\n", count: FilterRule.countMax), "most.rules")
        #expect(try load(edge: "{from: a, to: b, filter_file: most.rules}").topology != nil)
        #expect(try load(edge: "{from: a, to: b, filter_file: most.rules, exclude: [x]}").places == ["HW002 5:5"])
        #expect(try load(defaults: "filter_file: most.rules, exclude: [x]", edge: "a -> b").ids == ["HW002"])
        try write(String(repeating: "x\n", count: FilterRule.countMax + 1), "many.rules")
        #expect(try load(edge: "{from: a, to: b, filter_file: many.rules}").places == ["HW031 5:35"])
        try write("#" + String(repeating: "x", count: 1 << 20), "large.rules")
        #expect(try load(edge: "{from: a, to: b, filter_file: large.rules}").places == ["HW031 5:35"])
        let long = String(repeating: "x", count: FilterRule.patternBytesMax) + "\n"
        try write(String(repeating: long, count: 161), "heavy.rules")
        #expect(try load(edge: "{from: a, to: b, filter_file: heavy.rules}").places == ["HW002 5:5"])
    }

    @Test func fileThatIsAPipeOrADirectory_isRefusedWithoutWaiting() throws {
        #expect(mkfifo(directory("pipe"), 0o600) == 0)
        #expect(try load(edge: "{from: a, to: b, filter_file: pipe}").places == ["HW031 5:35"])
        #expect(try load(edge: "{from: a, to: b, filter_file: .}").places == ["HW031 5:35"])
    }

    @Test func diff_tellsRulesOfDefaultsToo() throws {
        let old = try #require(load(defaults: "exclude: [x]", edge: "{from: a, to: b, exclude: [own]}").topology)
        let new = try #require(load(defaults: "exclude: [y]", edge: "{from: a, to: b, exclude: [own]}").topology)
        let change = try #require(TopologyDiff.changes(from: old, to: new).first)
        #expect(change.fields.map(\.key) == ["exclude"])
        #expect(change.consequences.contains { $0.contains("stays where it is") })
    }
}
