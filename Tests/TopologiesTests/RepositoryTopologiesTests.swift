import Foundation
import Testing
import Topologies

/// The files in `topologies/`: what people start from.
@Suite struct RepositoryTopologiesTests {
    static let names = [
        "collection.yaml", "disaster-recovery.yaml", "fan-out.yaml", "hub-and-spokes.yaml", "media-pipeline.yaml",
        "mixed.yaml", "office-pair.yaml", "star.yaml", "tiers.yaml",
    ]

    @Test func allAreKnown() throws {
        #expect(try RepositoryTopologies.paths().map(\.lastPathComponent) == Self.names)
    }

    @Test(arguments: names)
    func each_isValid(_ name: String) throws {
        let path = DocumentationTests.repository.appending(path: "topologies/\(name)").path
        let (topology, diagnostics) = TopologyFile.load(path: path)
        #expect(topology != nil && diagnostics.isEmpty, "\(DiagnosticText.render(diagnostics, colour: false))")
    }

    @Test(arguments: names)
    func each_isExplainedAtItsHead(_ name: String) throws {
        let path = DocumentationTests.repository.appending(path: "topologies/\(name)")
        let head = try String(contentsOf: path, encoding: .utf8).components(separatedBy: "\nheadwater:")[0]
        #expect(head.split(separator: "\n").allSatisfy { $0.hasPrefix("#") } && head.count > 60, "\(name)")
    }
}
