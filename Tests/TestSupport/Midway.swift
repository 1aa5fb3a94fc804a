import Foundation

/// A run that is to be caught midway was done before anybody saw it begin, with the largest tree too.
package struct TooFast: Error {}

/// A run that was stopped (SIGSTOP) midway; with a larger tree where a machine is done before anybody sees that.
///
/// - Parameters:
///   - counts: Files of the tree, tried in turn.
///   - start: A new world with a tree of so many files, and a run in it.
///   - hasBegun: Looked at until it holds or the run ends.
///   - isMidway: Whether the stopped run is where it should be. Time may pass between a look and the stop: all may be done by then.
package func stoppedMidway<Place: Sendable>(
    _ counts: [Int], start: (Int) async throws -> (Place, RunningProcess),
    hasBegun: @escaping @Sendable (Place) -> Bool,
    isMidway: (Place, Int) async throws -> Bool
) async throws -> (Place, RunningProcess) {
    for count in counts {
        let (place, run) = try await start(count)
        let begun = await until { hasBegun(place) || !run.isRunning }
        run.signal(SIGSTOP)
        if begun, run.isRunning, try await isMidway(place, count) { return (place, run) }
        run.signal(SIGCONT)
        _ = await run.outcome()
    }
    throw TooFast()
}
