import Foundation
import Testing
import Topologies

/// The files in `topologies/`: what people start from.
@Suite struct RepositoryTopologiesTests {
    /// What each file asks for and this version does not do yet. To be shortened with the version that does it.
    static let notSupportedYet: [String: Set<String>] = [
        "disaster-recovery.yaml": [
            "the key `continuous`", "the key `schedule`",
        ],
        "media-pipeline.yaml": [
            "the key `settle`", "the key `bandwidth`", "the key `compression`", "the key `digest`",
            "the key `durability`",
        ],
        "mixed.yaml": ["`route: direct`"],
        "office-pair.yaml": ["the key `settle`"],
    ]

    static let names = [
        "collection.yaml", "disaster-recovery.yaml", "fan-out.yaml", "hub-and-spokes.yaml", "media-pipeline.yaml",
        "mixed.yaml", "office-pair.yaml", "star.yaml", "tiers.yaml",
    ]

    @Test func allAreKnown() throws {
        #expect(try RepositoryTopologies.paths().map(\.lastPathComponent) == Self.names)
        #expect(Set(Self.notSupportedYet.keys).isSubset(of: Self.names))
    }

    @Test(arguments: names)
    func each_isValid_butForWhatIsNotSupportedYet(_ name: String) throws {
        let path = DocumentationTests.repository.appending(path: "topologies/\(name)").path
        let (topology, diagnostics) = TopologyFile.load(path: path)
        let text = DiagnosticText.render(diagnostics, colour: false)
        #expect(diagnostics.allSatisfy { $0.rule == .notSupportedYet }, "\(text)")
        let refused = diagnostics.compactMap { $0.message.components(separatedBy: " is part of the format").first }
        #expect(Set(refused) == Self.notSupportedYet[name] ?? [], "update the list: \(name)")
        #expect((topology != nil) == refused.isEmpty)
    }

    @Test(arguments: names)
    func each_isExplainedAtItsHead(_ name: String) throws {
        let path = DocumentationTests.repository.appending(path: "topologies/\(name)")
        let head = try String(contentsOf: path, encoding: .utf8).components(separatedBy: "\nheadwater:")[0]
        #expect(head.split(separator: "\n").allSatisfy { $0.hasPrefix("#") } && head.count > 60, "\(name)")
    }
}
