import Core

/// Which edge may start when, or which of its turns. A value: no clock, no thread.
///
///     waiting ──► running ──► finished(exit)
///        └──► settled without having run: skipped (an edge above failed) or withheld (the run is ending)
///
/// An edge starts when all its feeders have settled well, in the order of the topology file. One edge never cancels another: what a
/// failure blocks is what lies below it, and nothing else.
package struct Schedule: Sendable {
    package enum Status: Equatable, Sendable {
        case waiting
        case running
        case finished(ExitCode)
        /// `blocker` is the edge that failed, `exit` its exit code.
        case skipped(blocker: Int, exit: ExitCode)
        case withheld
    }

    /// An edge that will not run, and the one that failed above it.
    package struct Skip: Equatable, Sendable {
        package var edge: Int
        package var blocker: Int
        package var exit: ExitCode

        package init(edge: Int, blocker: Int, exit: ExitCode) {
            self.edge = edge
            self.blocker = blocker
            self.exit = exit
        }
    }

    package private(set) var status: [Status]
    private let feeders: [[Int]]
    private let awaited: [[Int]]
    private let atOnceMax: Int

    /// - Parameters:
    ///   - feeders: for each edge the edges that write what it reads. Without cycles: the topology's rules see to that.
    ///   - awaited: for each edge those that must be over before it, however they went; empty: none for any.
    ///   - atOnceMax: edges that may run at the same time, at least 1.
    package init(feeders: [[Int]], awaited: [[Int]] = [], atOnceMax: Int) {
        precondition(atOnceMax > 0)
        self.feeders = feeders
        self.awaited = awaited.isEmpty ? feeders.map { _ in [] } : awaited
        self.atOnceMax = atOnceMax
        status = feeders.map { _ in .waiting }
        precondition(hasNoCycle, "edges that feed each other cannot be ordered")
    }

    /// Whether every edge has settled.
    package var isDone: Bool { status.allSatisfy { $0 != .waiting && $0 != .running } }

    /// The edges to start now; they count as running from here on.
    package mutating func start() -> [Int] {
        var room = atOnceMax - status.count { $0 == .running }
        var started: [Int] = []
        for edge in status.indices where room > 0 && isReady(edge) {
            status[edge] = .running
            started.append(edge)
            room -= 1
        }
        return started
    }

    /// Takes the end of a running edge; returns what is skipped because of it, from above to below.
    ///
    /// With several failures above, the most severe is named, then the first of the file: the answer does not hang on who was faster.
    package mutating func finish(_ edge: Int, _ exit: ExitCode) -> [Skip] {
        precondition(status[edge] == .running)
        status[edge] = .finished(exit)
        var skips: [Skip] = []
        while let next = nextSkip() {
            status[next.edge] = .skipped(blocker: next.blocker, exit: next.exit)
            skips.append(next)
        }
        return skips
    }

    /// Starts nothing more; returns the edges that were waiting.
    package mutating func withhold() -> [Int] {
        let waiting = status.indices.filter { status[$0] == .waiting }
        for edge in waiting { status[edge] = .withheld }
        return waiting
    }

    private func isReady(_ edge: Int) -> Bool {
        status[edge] == .waiting
            && feeders[edge].allSatisfy { feeder in
                if case .finished(let exit) = status[feeder] { !exit.blocksDownstream } else { false }
            }
            && awaited[edge].allSatisfy { status[$0] != .waiting && status[$0] != .running }
    }

    private func nextSkip() -> Skip? {
        for edge in status.indices { if let skip = skip(edge) { return skip } }
        return nil
    }

    /// Whether `edge` waits below a failure, decided once all above it has settled.
    private func skip(_ edge: Int) -> Skip? {
        guard status[edge] == .waiting else { return nil }
        var blockers: [(edge: Int, exit: ExitCode)] = []
        for feeder in feeders[edge] {
            switch status[feeder] {
            case .waiting, .running: return nil
            case .finished(let exit): if exit.blocksDownstream { blockers.append((feeder, exit)) }
            case .skipped(let blocker, let exit): blockers.append((blocker, exit))
            case .withheld: break
            }
        }
        let worst = ExitCode.worst(blockers.map(\.exit))
        guard let blocker = blockers.filter({ $0.exit == worst }).map(\.edge).min() else { return nil }
        return Skip(edge: edge, blocker: blocker, exit: worst)
    }

    /// Takes edges away that have no feeder left, until none remains.
    private var hasNoCycle: Bool {
        let before = zip(feeders, awaited).map { $0 + $1 }
        var open = before.map(\.count)
        var fed = [[Int]](repeating: [], count: before.count)
        for (edge, above) in before.enumerated() { for feeder in above { fed[feeder].append(edge) } }
        var free = open.indices.filter { open[$0] == 0 }
        var taken = 0
        while let edge = free.popLast() {
            taken += 1
            for below in fed[edge] {
                open[below] -= 1
                if open[below] == 0 { free.append(below) }
            }
        }
        return taken == before.count
    }
}
