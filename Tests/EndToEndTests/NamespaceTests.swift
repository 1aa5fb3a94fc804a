import Foundation
import TestSupport
import Testing

/// Peers that share nothing: each has its own mounts, network, processes, disk and user. So nothing can pass between the ends
/// but what goes over SSH.
@Suite("Each peer in namespaces and a user of its own", .slots, .timeLimit(.minutes(20)))
struct NamespaceTests {
    static let isPossible = NamespaceLab.whyNot == nil

    @Test(.enabled(if: isPossible, "needs root and namespaces"))
    func twoPeers_standInStep_ownedByTheirUsers() async throws {
        let lab = try NamespaceLab([.init(), .init()])
        try AwkwardTree.build(at: lab.seenOnHub(lab.source))
        try await lab.give(lab.source)

        let (outcome, report) = try await lab.run()

        #expect(outcome.exit == 0, "\(outcome.stderr)")
        #expect(report.edges.count == 2)
        for index in 0..<2 {
            #expect(try await lab.differences(index) == [])
            #expect(owner(lab.seen(index, lab.target(index) + "/a/b")) == lab.user(index))
            // What one machine holds the other does not see.
            #expect(!exists(lab.seen(1 - index, lab.target(index))) && !exists(lab.target(index)))
        }
        #expect(try await lab.run().report.edges.allSatisfy(\.movedNothing))
    }

    /// A cut that both ends notice at once, and, on a soak, one that only their silence limit tells.
    @Test(
        .enabled(if: isPossible, "needs root and namespaces"), arguments: Soak.isOn ? [true, false] : [true])
    func cutLink_isUnreachable_theOtherStandsInStep_andTheNextRunGoesOn(isNoticed: Bool) async throws {
        let (lab, run) = try await firstRunStoppedMidway()
        try await onHub(lab, ["ip", "link", "set", "veth1", "down"])
        if isNoticed {
            try await onHub(lab, ["ss", "--kill", "--no-header", "dst", "10.77.1.2"])
            for session in lab.sessions(1) { kill(session, SIGKILL) }
        }
        run.signal(SIGCONT)

        let outcome = await run.outcome()

        #expect(outcome.exit == 7, "\(outcome.stderr)")
        let report = try RunReport(outcome.stdout)
        #expect(try report.edge("lab-build-t0")["exit"] == 0)
        #expect(try report.edge("lab-build-t1")["exit"] == 7)
        #expect(try await lab.differences(0) == [])

        try await onHub(lab, ["ip", "link", "set", "veth1", "up"])
        let again = try await lab.run()
        #expect(again.outcome.exit == 0, "\(again.outcome.stderr)")
        #expect(try await lab.differences(1) == [])
    }

    /// A first run to two peers, stopped when the second one has begun and lacks more than can be under way to it.
    private func firstRunStoppedMidway() async throws -> (NamespaceLab, RunningProcess) {
        try await stoppedMidway([12_000, 36_000]) { count in
            let lab = try NamespaceLab([.init(disk: "1g"), .init(disk: "1g")])
            try makeTree(lab.seenOnHub(lab.source), files: count, bytes: 3000)
            try await lab.give(lab.source)
            return (lab, try lab.startRun())
        } hasBegun: { lab in
            exists(lab.seen(1, lab.target(1)) + "/.headwater/lab-build-t1/stage")
        } isMidway: { lab, count in
            try TreeListing(lab.seen(1, lab.target(1))).files < count / 2
        }
    }

    /// build → t0 → t1 → t2, each its own host: what lies below a cut link is skipped with its cause, and follows when it is back.
    @Test(.enabled(if: isPossible, "needs root and namespaces"))
    func tiers_overThreeHosts_andACutBetweenThem() async throws {
        let lab = try NamespaceLab(
            [.init(), .init(), .init()], edges: "  - build -> t0\n  - t0 -> t1\n  - t1 -> t2\n")
        try makeTree(lab.seenOnHub(lab.source), files: 60)
        try await lab.give(lab.source)
        let (outcome, _) = try await lab.run()
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        for index in 0..<3 { #expect(try await lab.differences(index) == []) }

        try write("changed", lab.seenOnHub(lab.source) + "/d0/file0")
        try await lab.give(lab.source)
        try await onHub(lab, ["ip", "link", "set", "veth1", "down"])
        let (cut, report) = try await lab.run()
        #expect(cut.exit == 7, "\(cut.stderr)")
        #expect(try report.edge("lab-build-t0")["exit"] == 0)
        #expect(try report.edge("lab-t0-t1")["exit"] == 7)
        #expect(try report.edge("lab-t1-t2")["exit"] == 7)
        #expect(cut.stderr.contains("skipped"), "\(cut.stderr)")
        #expect(try await lab.differences(0) == [])

        try await onHub(lab, ["ip", "link", "set", "veth1", "up"])
        let (again, _) = try await lab.run()
        #expect(again.exit == 0, "\(again.stderr)")
        for index in 0..<3 { #expect(try await lab.differences(index) == []) }
    }

    /// Two-way spokes that can reach nobody but the hub are in step after one run.
    @Test(.enabled(if: isPossible, "needs root and namespaces"))
    func hubAndSpokes_onHostsOfTheirOwn() async throws {
        let lab = try NamespaceLab([.init(), .init()], edges: "  - build <-> t0\n  - build <-> t1\n")
        try makeTree(lab.seenOnHub(lab.source), files: 30)
        try await lab.give(lab.source)
        #expect(try await lab.run().outcome.exit == 0)
        for index in 0..<2 {
            let word = ["sh", "-c", "echo from\(index) > \(lab.target(index))/from\(index)"]
            #expect(try await lab.run(on: index, word).exit == 0)
        }
        let (outcome, _) = try await lab.run()
        #expect(outcome.exit == 0, "\(outcome.stderr)")
        for index in 0..<2 {
            #expect(try await lab.differences(index) == [])
            #expect(exists(lab.seenOnHub(lab.source) + "/from\(index)"))
        }
        #expect(try await lab.run().report.edges.allSatisfy(\.movedNothing))
    }

    @Test(.enabled(if: isPossible, "needs root and namespaces"))
    func fullDisk_failsItsEdgeOnly_losesNothing_andGoesOnWhenThereIsRoom() async throws {
        let lab = try NamespaceLab([.init(), .init(disk: "4m")])
        let source = lab.seenOnHub(lab.source)
        try makeTree(source, files: 40, bytes: 20_000)
        try await lab.give(lab.source)
        #expect(try await lab.run().outcome.exit == 0)
        let before = try TreeListing(lab.seen(1, lab.target(1)))
        for index in 0..<40 { try noise(300_000, source + "/d\(index % 4)/file\(index)") }
        try await lab.give(lab.source)

        let (outcome, report) = try await lab.run()

        #expect(outcome.exit == 1, "\(outcome.stderr)")
        #expect((outcome.stdout + outcome.stderr).contains("stage.no-space"), "\(outcome.stderr)")
        #expect(try report.edge("lab-build-t0")["exit"] == 0)
        #expect(try report.edge("lab-build-t1")["exit"] == 1)
        #expect(try await lab.differences(0) == [])
        // Each path holds its old content or its new content, whole.
        let (wanted, after) = (try TreeListing(source), try TreeListing(lab.seen(1, lab.target(1))))
        #expect(after.files == before.files)
        for (path, node) in after.nodes where node.kind == "f" {
            let isWhole = [wanted.nodes[path]?.content, before.nodes[path]?.content].contains(node.content)
            #expect(isWhole, "\(String(decoding: path, as: UTF8.self))")
        }

        let room = try await lab.run(on: 1, ["mount", "-o", "remount,size=64m", lab.directory("machine1")])
        #expect(room.exit == 0, "\(room.stderr)")
        #expect(try await lab.run().outcome.exit == 0)
        #expect(try await lab.differences(1) == [])
    }

    @Test(.enabled(if: isPossible, "needs root and namespaces"))
    func homeThatCannotHoldTheAgent_failsItsEdgeWithTheReason() async throws {
        let lab = try NamespaceLab([.init(home: "noexec"), .init(home: "ro")])
        try makeTree(lab.seenOnHub(lab.source), files: 5)
        try await lab.give(lab.source)

        let (outcome, report) = try await lab.run()

        #expect(outcome.exit == 1, "\(outcome.stderr)")
        #expect(report.edges.allSatisfy { $0["exit"] == 1 })
        let text = outcome.stdout + outcome.stderr
        #expect(text.contains("agent.noexec") && text.contains("agent.read-only"), "\(text)")
        for index in 0..<2 { #expect(!exists(lab.seen(index, lab.target(index)))) }
    }

    @Test(.enabled(if: isPossible, "needs root and namespaces"))
    func unreadableDirectory_isAProblem_andNothingBelowIsDeletedAnywhere() async throws {
        let lab = try NamespaceLab([.init()])
        let source = lab.seenOnHub(lab.source)
        try makeTree(source, files: 30)
        try await lab.give(lab.source)
        #expect(try await lab.run().outcome.exit == 0)
        #expect(chmod(source + "/d1", 0) == 0)
        try remove(source + "/d2/file2")

        let (outcome, report) = try await lab.run()

        #expect(outcome.exit == 4, "\(outcome.stderr)")
        #expect(report.edges[0]["problems"] >= 1 && report.edges[0]["deleted"] == 1)
        #expect(exists(lab.seen(0, lab.target(0) + "/d1/file1")) && !exists(lab.seen(0, lab.target(0) + "/d2/file2")))
    }

    private func onHub(_ lab: NamespaceLab, _ arguments: [String]) async throws {
        let outcome = try await lab.startOnHub(arguments).outcome()
        #expect(outcome.exit == 0, "\(arguments): \(outcome.stderr)")
    }

    private func owner(_ path: String) -> UInt32 {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_uid : .max
    }

    private func noise(_ bytes: Int, _ path: String) throws {
        try Data(TreeBuilder.noise(bytes, seed: UInt64(path.utf8.count))).write(to: URL(fileURLWithPath: path))
    }
}
