import Foundation
import ReconciliationRig
import TestSupport
import Testing

/// Random histories and all small trees, through production's deciding. `histories log SEED` says what was done in one.
///
/// A program does the many of them: it is optimised all through, and does not hold up the other tests.
@Suite(.timeLimit(.minutes(20))) struct HistoriesTests {
    private static let isSoak = ProcessInfo.processInfo.environment["HEADWATER_SOAK"] != nil
    /// To run others than CI does.
    private static let firstSeed = ProcessInfo.processInfo.environment["HEADWATER_SEED"].flatMap(UInt64.init) ?? 1

    @Test func someHistories_holdWhatTheyMust() {
        let failures = Runs.histories(from: Self.firstSeed, count: 400)
        #expect(failures.isEmpty, "\(failures)")
    }

    @Test(arguments: [UInt64(0), 1])
    func manyHistories_holdWhatTheyMust(half: UInt64) async throws {
        let count: UInt64 = Self.isSoak ? 1_000_000 : 50_000
        try await run(["\(Self.firstSeed + half * count)", "\(count)"])
    }

    @Test func smallTrees_comeOutAsTheTablesDemand() async throws {
        try await run(["trees", Self.isSoak ? "1" : "97"])
    }

    /// Those with one name below the other, of which there are few, in this process.
    @Test(arguments: [true, false])
    func nestedTrees_comeOutAsTheTablesDemand(isBidi: Bool) {
        let ran = Runs.smallTrees(SmallTrees([nil, 0, 1]), isBidi: isBidi, every: 3)
        #expect(ran.count > 700 && ran.failures.isEmpty, "\(ran.failures)")
    }

    /// A rig that finds nothing wrong with deciding that is wrong is of no use.
    @Test(arguments: Fault.allCases)
    func faultInDeciding_isFound(fault: Fault) {
        let failures = Runs.histories(from: 1, count: 400, failuresMax: 1, fault: fault)
        #expect(!failures.isEmpty)
    }

    private func run(_ arguments: [String]) async throws {
        let command = [builtBeside("histories")] + arguments
        let outcome = try await RunningProcess(command, environment: [:], limitSeconds: 3600).outcome()
        #expect(outcome.exit == 0, "\(outcome.stdout.prefix(4000))")
    }
}
