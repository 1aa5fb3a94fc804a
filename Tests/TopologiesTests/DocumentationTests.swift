import Foundation
import Testing
import Topologies

/// `docs/topology.md` and the rules in the code say the same.
@Suite struct DocumentationTests {
    struct Section {
        var id: String
        var title: String
        var example: String?
        var remedy: String?
    }

    static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func sections() throws -> [Section] {
        let text = try String(contentsOf: repository.appending(path: "docs/topology.md"), encoding: .utf8)
        return text.components(separatedBy: "\n### ").dropFirst().map { part in
            let heading = part.split(separator: "\n")[0].split(separator: " ", maxSplits: 1)
            let example = part.components(separatedBy: "```yaml\n").dropFirst().first?
                .components(separatedBy: "```").first
            let remedy = part.split(separator: "\n").first { $0.hasPrefix("Remedy: ") }?.dropFirst(8)
            return Section(
                id: String(heading[0]), title: String(heading[1]), example: example, remedy: remedy.map(String.init))
        }
    }

    @Test func everyRuleIsDocumented_andNoOther() throws {
        let sections = try Self.sections()
        #expect(sections.map(\.id) == Rule.allCases.map(\.id))
        #expect(sections.map(\.title) == Rule.allCases.map(\.title))
        #expect(sections.filter { $0.remedy == nil }.map(\.id) == [])
        // What cannot stand in a text file has its tests in HostileFileTests.
        #expect(sections.filter { $0.example == nil }.map(\.id) == ["HW001", "HW003"])
    }

    @Test func everyExample_breaksExactlyItsRule() throws {
        for section in try Self.sections() {
            guard let example = section.example else { continue }
            let loaded = Loaded(example)
            #expect(Set(loaded.ids) == [section.id], "\(section.id):\n\(loaded.text)")
        }
    }

    /// Line and column of each rule's finding in its example.
    static let places = [
        "HW002 1:17", "HW004 4:5", "HW005 4:1", "HW006 3:6", "HW007 3:6", "HW008 5:3", "HW009 4:42", "HW010 3:6",
        "HW011 1:1", "HW012 3:1", "HW020 4:34", "HW021 6:22", "HW022 4:3", "HW023 4:34", "HW024 1:12", "HW025 4:3",
        "HW026 3:6", "HW027 4:5", "HW028 4:13", "HW029 3:21", "HW030 4:39", "HW031 4:35",
        "HW101 4:5", "HW102 5:5", "HW103 3:9", "HW104 3:31",
        "HW105 2:36", "HW106 5:31", "HW107 4:21", "HW108 3:21", "HW109 4:9", "HW110 2:21", "HW900 4:22",
    ]

    @Test func everyExample_isFoundAtItsPlace() throws {
        let found = try Self.sections().compactMap { section in
            section.example.flatMap { Loaded($0).places.first { $0.hasPrefix(section.id) } }
        }
        #expect(found == Self.places)
    }

    @Test func everyRemedy_isThatOfTheExample() throws {
        for section in try Self.sections() {
            guard let example = section.example, let remedy = section.remedy, section.id != "HW002" else { continue }
            let given = Loaded(example).diagnostics.first { $0.rule.id == section.id }?.remedy ?? ""
            let start = remedy.split(separator: " ").prefix(3).joined(separator: " ").lowercased()
            #expect(
                given.lowercased().hasPrefix(start.trimmingCharacters(in: .punctuationCharacters)),
                "\(section.id): \(given)")
        }
    }

    @Test func everyKey_isInTheFormat() throws {
        let text = try String(contentsOf: Self.repository.appending(path: "docs/format/topology.md"), encoding: .utf8)
        let refused = NotSupportedYet.topKeys.union(NotSupportedYet.peerKeys).union(NotSupportedYet.edgeKeys)
        let supported = [
            "headwater", "name", "defaults", "peers", "edges", "from", "to", "session", "mode", "max_delete", "host",
            "user", "port", "identity", "known_hosts", "host_key", "path", "mount",
            "filter", "filter_file", "exclude",
        ]
        for key in refused.union(supported) {
            #expect(text.contains("`\(key)`"), "docs/format/topology.md says nothing about \(key)")
        }
    }
}
