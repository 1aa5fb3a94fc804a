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
            let mayBeUnsupported = ["HW107", "HW108"].contains(section.id)
            let ids = Set(loaded.ids).subtracting(mayBeUnsupported ? ["HW900"] : [])
            #expect(ids == [section.id], "\(section.id):\n\(loaded.text)")
        }
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

    @Test func theExamplesOfTheRepository_areValid() throws {
        for name in ["star.yaml", "fan-out.yaml"] {
            let path = Self.repository.appending(path: "topologies/\(name)").path
            let (topology, diagnostics) = TopologyFile.load(path: path)
            #expect(topology != nil && diagnostics.isEmpty, "\(DiagnosticText.render(diagnostics, colour: false))")
        }
    }

    @Test func everyKey_isInTheFormat() throws {
        let text = try String(contentsOf: Self.repository.appending(path: "docs/format/topology.md"), encoding: .utf8)
        let refused = NotSupportedYet.topKeys.union(NotSupportedYet.peerKeys).union(NotSupportedYet.edgeKeys)
        let supported = [
            "headwater", "name", "defaults", "peers", "edges", "from", "to", "session", "mode", "max_delete", "host",
            "user", "port", "identity", "known_hosts", "host_key", "path", "mount",
        ]
        for key in refused.union(supported) {
            #expect(text.contains("`\(key)`"), "docs/format/topology.md says nothing about \(key)")
        }
    }
}
