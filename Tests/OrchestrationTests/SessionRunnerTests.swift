import Core
import Foundation
import Orchestration
import Platform
import TestSupport
import Testing
import Topologies

/// Whole runs within this machine: real trees, real databases, both halves of each session in this process.
@Suite struct SessionRunnerTests {
    private let directory = TemporaryDirectory("runner")

    /// As the program does: a half that has left is an error of `write`, not the end of the process.
    init() { signal(SIGPIPE, SIG_IGN) }

    private func topology(_ edges: String, peers: String = "") throws -> Topology {
        let text = """
            headwater: 1
            name: t
            peers: {a: \(directory("a")), b: \(directory("b")), c: \(directory("c"))\(peers)}
            edges: [\(edges)]
            """
        return try #require(TopologyFile.load(bytes: Array(text.utf8), name: "t.yaml").topology)
    }

    private func run(_ topology: Topology, edges names: [String] = [], _ interruption: Interruption = Interruption())
        throws
        -> [EdgeSummary]
    {
        let edges = try EdgeSelection.indices(names, in: topology)
        let runner = SessionRunner(
            topology, edges: edges, isReset: false, halts: HaltStore(directory: directory("halts")),
            agent: directory("no-agent"), interruption: interruption, observe: { _ in })
        defer { runner.close() }
        return Orchestrator(
            edges: edges.map(topology.identity), order: RunOrder(topology, edges: edges), runner: runner,
            interruption: interruption, observe: { _ in }
        ).run()
    }

    private func write(_ text: String, _ path: String) throws {
        let file = URL(fileURLWithPath: directory(path))
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }

    private func content(_ path: String) -> String? { try? String(contentsOfFile: directory(path), encoding: .utf8) }

    @Test func chain_isInStepAfterOneRun_whateverItsOrderInTheFile() throws {
        try write("one", "a/x/1")
        let chain = try topology("b -> c, a -> b")
        #expect(try run(chain).map(\.exit) == [.inStep, .inStep])
        #expect(content("c/x/1") == "one")
        let again = try run(chain)
        #expect(again.map(\.counts) == [CycleCounts(), CycleCounts()])
    }

    @Test func missingRoot_halts_skipsWhatIsBelow_andClearsByItself() throws {
        let chain = try topology("a -> b, b -> c")
        let halted = try run(chain)
        #expect(halted.map(\.exit) == [.halted, .halted])
        #expect(halted[1].skippedBecauseOf == chain.identity(of: 0))
        try write("one", "a/1")
        #expect(try run(chain).map(\.exit) == [.inStep, .inStep])
        #expect(content("c/1") == "one")
    }

    @Test func emptiedRoot_staysHalted_untilReleased_andTheRemedyCanBeTyped() throws {
        for name in ["1", "2", "3"] { try write(name, "a/\(name)") }
        let push = try topology("a -> b")
        _ = try run(push)
        for name in ["1", "2", "3"] { try FileManager.default.removeItem(atPath: directory("a/\(name)")) }
        for _ in 0..<2 {
            let halted = try run(push)[0]
            #expect(halted.exit == .halted)
            #expect(halted.error?.remedy.contains("headwater release t.yaml --edge t-a-b") == true)
            #expect(content("b/1") == "1")
        }
        _ = try HaltStore(directory: directory("halts")).release("t-a-b")
        #expect(try run(push)[0].counts.deleted == 3)
        #expect(content("b/1") == nil)
    }

    @Test func missingAgent_failsRemoteEdgesOnly() throws {
        try write("one", "a/1")
        let mixed = try topology("a -> b, a -> far", peers: ", far: 'u@127.0.0.1:/nowhere'")
        let summaries = try run(mixed)
        #expect(summaries.map(\.exit) == [.inStep, .edgeFailed])
        #expect(summaries[1].error?.code == "agent.missing")
    }

    @Test func interruptedBeforeItBegan_touchesNothing() throws {
        try write("one", "a/1")
        let interruption = Interruption()
        interruption.request(.interrupted)
        #expect(try run(topology("a -> b"), interruption).map(\.exit) == [.interrupted])
        #expect(!FileManager.default.fileExists(atPath: directory("b")))
    }
}

@Suite struct EdgeSelectionTests {
    private func topology() throws -> Topology {
        let text = """
            headwater: 1
            name: t
            peers: {a: /a, b: /b, c: /c}
            edges: [a -> b, {from: b, to: c, session: named}]
            """
        return try #require(TopologyFile.load(bytes: Array(text.utf8), name: "t.yaml").topology)
    }

    @Test(
        arguments: [
            ([], [0, 1]), (["named"], [1]), (["b:c", "t-a-b"], [0, 1]), (["a:b", "a:b"], [0]),
        ] as [([String], [Int])])
    func names_chooseInTheOrderOfTheFile(_ names: [String], _ expected: [Int]) throws {
        #expect(try EdgeSelection.indices(names, in: topology()) == expected)
    }

    @Test func unknownName_listsWhatThereIs() throws {
        let topology = try topology()
        let error = #expect(throws: HeadwaterError.self) { try EdgeSelection.indices(["a:c"], in: topology) }
        #expect(error?.exit == .usage)
        #expect(error?.remedy == "choose from a:b (t-a-b), b:c (named)")
    }

    @Test func feeders_countOnlyWhatIsChosen() throws {
        let topology = try topology()
        #expect(topology.feeders(among: [0, 1]) == [[], [0]])
        #expect(topology.feeders(among: [1]) == [[]])
    }
}
