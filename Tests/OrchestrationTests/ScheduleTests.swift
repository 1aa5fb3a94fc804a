import Core
import Orchestration
import Testing

@Suite struct ScheduleTests {
    /// Runs everything to its end; returns what each edge came to.
    private func outcome(_ feeders: [[Int]], _ exits: [Int: ExitCode]) -> [Schedule.Status] {
        var schedule = Schedule(feeders: feeders, atOnceMax: 64)
        var queue = schedule.start()
        while !queue.isEmpty {
            let edge = queue.removeFirst()
            _ = schedule.finish(edge, exits[edge] ?? .inStep)
            queue += schedule.start()
        }
        #expect(schedule.isDone)
        return schedule.status
    }

    @Test func independentEdges_startTogether_inTheOrderOfTheFile() {
        var schedule = Schedule(feeders: [[], [], []], atOnceMax: 64)
        #expect(schedule.start() == [0, 1, 2])
        #expect(schedule.start().isEmpty)
    }

    @Test func bound_isKept_andRoomIsUsedAsSoonAsItIsThere() {
        var schedule = Schedule(feeders: [[], [], []], atOnceMax: 2)
        #expect(schedule.start() == [0, 1])
        _ = schedule.finish(1, .edgeFailed)
        #expect(schedule.start() == [2])
        #expect(schedule.start().isEmpty)
    }

    @Test func lowerEdge_waitsForAllThatFeedIt() {
        var schedule = Schedule(feeders: [[], [], [0, 1]], atOnceMax: 64)
        #expect(schedule.start() == [0, 1])
        _ = schedule.finish(0, .inStep)
        #expect(schedule.start().isEmpty)
        _ = schedule.finish(1, .inStep)
        #expect(schedule.start() == [2])
    }

    @Test(arguments: [ExitCode.inStep, .conflicts, .problems])
    func goodEnough_doesNotBlock(_ exit: ExitCode) {
        #expect(outcome([[], [0]], [0: exit]) == [.finished(exit), .finished(.inStep)])
    }

    @Test(arguments: [
        ExitCode.edgeFailed, .usage, .databaseRefuses, .halted, .unreachable, .alreadyRunning, .interrupted,
        .terminated,
    ])
    func failure_blocksAllThatIsBelow_andNothingElse(_ exit: ExitCode) {
        // 0 → 1 → 2, and 3 → 4 beside it.
        let status = outcome([[], [0], [1], [], [3]], [0: exit])
        #expect(
            status == [
                .finished(exit), .skipped(blocker: 0, exit: exit), .skipped(blocker: 0, exit: exit), .finished(.inStep),
                .finished(.inStep),
            ])
    }

    @Test func skipped_namesTheEdgeThatFailed_notTheOneBetween() {
        var schedule = Schedule(feeders: [[], [0], [1]], atOnceMax: 1)
        _ = schedule.start()
        let skips = schedule.finish(0, .unreachable)
        #expect(
            skips == [.init(edge: 1, blocker: 0, exit: .unreachable), .init(edge: 2, blocker: 0, exit: .unreachable)])
    }

    @Test(arguments: [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
    func severalFailures_nameTheMostSevere_whateverEndsFirst(_ order: [Int]) {
        let exits: [ExitCode] = [.alreadyRunning, .halted, .unreachable]
        var schedule = Schedule(feeders: [[], [], [], [0, 1, 2]], atOnceMax: 64)
        _ = schedule.start()
        let skips = order.map { schedule.finish($0, exits[$0]) }
        #expect(skips.dropLast().allSatisfy { $0.isEmpty })
        #expect(skips.last == [.init(edge: 3, blocker: 1, exit: .halted)])
    }

    @Test func equalFailures_nameTheFirstOfTheFile() {
        #expect(outcome([[], [], [1, 0]], [0: .halted, 1: .halted])[2] == .skipped(blocker: 0, exit: .halted))
    }

    @Test func withhold_startsNothingMore_andLeavesRunningOnes() {
        var schedule = Schedule(feeders: [[], [0], []], atOnceMax: 1)
        #expect(schedule.start() == [0])
        #expect(schedule.withhold() == [1, 2])
        #expect(!schedule.isDone)
        #expect(schedule.finish(0, .inStep).isEmpty)
        #expect(schedule.start().isEmpty)
        #expect(schedule.isDone)
    }

    @Test func empty_isDone() { #expect(Schedule(feeders: [], atOnceMax: 1).isDone) }

    /// Random graphs: an edge runs exactly if nothing above it fails, after all above it, never more at once than allowed.
    @Test(arguments: 0..<200 as Range<UInt64>)
    func randomGraphs_agreeWithTheDefinition(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let count = Int.random(in: 1...12, using: &random)
        let feeders = (0..<count).map { edge in (0..<edge).filter { _ in Int.random(in: 0..<4, using: &random) == 0 } }
        let exits = (0..<count).map { _ in
            [.inStep, .problems, .halted, .unreachable].randomElement(using: &random)! as ExitCode
        }
        var schedule = Schedule(feeders: feeders, atOnceMax: 3)
        var running: [Int] = []
        var finished: [Int] = []
        while !schedule.isDone {
            running += schedule.start()
            #expect(running.count <= 3)
            try #require(!running.isEmpty, "nothing runs and not all is settled; seed \(seed)")
            let edge = running.remove(at: Int.random(in: 0..<running.count, using: &random))
            #expect(feeders[edge].allSatisfy { finished.contains($0) })
            _ = schedule.finish(edge, exits[edge])
            finished.append(edge)
        }
        var blocked = Set<Int>()
        for edge in 0..<count
        where feeders[edge].contains(where: { blocked.contains($0) || exits[$0].blocksDownstream }) {
            blocked.insert(edge)
        }
        #expect(Set(finished) == Set(0..<count).subtracting(blocked), "seed \(seed)")
    }
}

struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed &+ 0x9E37_79B9_7F4A_7C15 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
