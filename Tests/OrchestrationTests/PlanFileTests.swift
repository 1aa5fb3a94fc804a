import Core
import TestSupport
import Testing

@testable import Orchestration

/// What is kept of a plan, and what is believed of a file.
@Suite struct PlanFileTests {
    private static let file: PlanFile = {
        let time = Timestamp(seconds: -5, nanoseconds: 7)
        let attributes = Attributes(kind: .file, mode: 0o644, size: 12, mtime: time)
        let directory = Attributes(kind: .directory, mode: 0o1755, size: 0, mtime: time)
        let digest = Digest(high: 1, low: .max)
        func path(_ text: String) -> TreePath { try! TreePath(slashed: text) }
        let odd = TreePath(trusted: Array("a b".utf8) + [0, 0xFF, 0x0A, 0x5C])
        let steps = [
            ForeseenStep(.create, path("d"), isUpward: false, before: nil, after: .init(directory)),
            ForeseenStep(
                .change, odd, isUpward: true, before: .init(attributes, changedAt: time),
                after: .init(attributes, digest: digest), bytes: 12),
            ForeseenStep(.delete, path("old"), isUpward: false, before: .init(attributes), after: nil),
            ForeseenStep(
                .rename, path("to here"), isUpward: false, before: .init(attributes), after: .init(attributes),
                from: path("from there")),
            ForeseenStep(.conflict, path("both"), isUpward: true, before: .init(attributes), after: nil),
        ]
        let asked = String(repeating: "0a", count: 32)
        return PlanFile(edges: [
            PlanFile.Edge(
                session: "t-a-b", asked: asked, position: SessionPosition(id: digest, upstream: 3, downstream: 4),
                ending: "halt.max-delete", steps: steps),
            PlanFile.Edge(session: "t-b-c", asked: asked, position: nil, ending: nil, steps: []),
        ])
    }()

    @Test func everythingOfAPlan_isReadAsItWasWritten() throws {
        let read = try PlanFile(decoding: Self.file.encoded)
        #expect(read.edges.map(\.steps) == Self.file.edges.map(\.steps))
        #expect(read.edges.map(\.position) == Self.file.edges.map(\.position))
        #expect(read.edges.map(\.ending) == ["halt.max-delete", nil])
        #expect(read.encoded == Self.file.encoded)
    }

    /// One byte, whichever, and one that is missing: nothing of the file counts.
    @Test func changedOrCutFile_isRefused() {
        let whole = Self.file.encoded
        for index in whole.indices {
            var changed = whole
            changed[index] ^= 1
            #expect(throws: PlanFile.Fault.self, "byte \(index)") { try PlanFile(decoding: changed) }
            #expect(throws: PlanFile.Fault.self, "the first \(index)") {
                try PlanFile(decoding: Array(whole[..<index]))
            }
        }
    }

    @Test func firstDifference_isNamed_withEdgeAndPath() {
        #expect(PlanCheck.movedOn(Self.file, Self.file) == nil)
        var now = Self.file
        now.edges[0].steps[1].after?.attributes.size = 13
        #expect(PlanCheck.movedOn(Self.file, now)?.path?.description == #"a b/\xff\x0a\\"#)
        now = Self.file
        now.edges[0].steps[1].after?.digest = nil
        now.edges[0].steps[0].after?.attributes.mtime = .zero
        #expect(PlanCheck.movedOn(Self.file, now) == nil)
        now.edges[0].position?.upstream = 4
        #expect(PlanCheck.movedOn(Self.file, now)?.edge == "t-a-b")
        now = Self.file
        now.edges[1].ending = "ssh.connect"
        #expect(PlanCheck.movedOn(Self.file, now)?.edge == "t-b-c")
        now.edges.removeLast()
        #expect(PlanCheck.movedOn(Self.file, now)?.code == "plan.moved-on")
    }
}
