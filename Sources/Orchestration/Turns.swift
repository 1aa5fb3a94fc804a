import Core

/// What the turns of each edge came to, and whether a second one is worth while.
struct Turns {
    private let order: RunOrder
    private var settled: [EdgeSummary?]
    /// Of edges whose second turn is still to come.
    private var first: [Int: EdgeSummary] = [:]
    /// Turns that began or ended so far: tells what came after what.
    private var clock = 0
    private var begunAt: [Int: Int] = [:]
    /// When a turn of the edge last ended that moved something.
    private var arrivedAt: [Int: Int] = [:]

    init(_ order: RunOrder, _ edges: [EdgeIdentity]) {
        self.order = order
        settled = edges.map { _ in nil }
    }

    /// In the order of the edges; complete when all turns are over.
    var summaries: [EdgeSummary] { settled.compactMap { $0 } }

    /// Notes that a turn begins; false when it is not worth while, or its edge is settled already.
    mutating func begin(_ turn: Int) -> Bool {
        let edge = order.edges[turn]
        clock += 1
        guard let others = order.worthAfter[turn] else {
            begunAt[edge] = clock
            return true
        }
        guard first[edge] != nil else { return false }
        return others.contains { arrivedAt[$0] ?? 0 > begunAt[edge]! }
    }

    /// A turn that is not worth while: the edge's summary, unless that stands already, and what the turn counts as.
    mutating func omit(_ turn: Int) -> (EdgeSummary?, ExitCode) {
        let edge = order.edges[turn]
        guard let summary = first.removeValue(forKey: edge) else { return (nil, settled[edge]?.exit ?? .inStep) }
        settled[edge] = summary
        return (summary, summary.exit)
    }

    /// Takes the end of a turn; the edge's summary when it was the last one.
    mutating func finish(_ turn: Int, _ summary: EdgeSummary) -> EdgeSummary? {
        let edge = order.edges[turn]
        clock += 1
        if summary.counts.hasMoved { arrivedAt[edge] = clock }
        let isFirst = order.worthAfter[turn] == nil
        if isFirst, order.secondTurn[edge] != nil, !summary.exit.blocksDownstream {
            first[edge] = summary
            return nil
        }
        settled[edge] = first.removeValue(forKey: edge).map { $0.followed(by: summary) } ?? summary
        return settled[edge]
    }

    /// A turn that a failure above keeps from being taken.
    mutating func skip(_ turn: Int, _ summary: EdgeSummary) -> EdgeSummary? {
        let edge = order.edges[turn]
        if settled[edge] != nil { return nil }
        settled[edge] = first.removeValue(forKey: edge).map { $0.followed(by: summary) } ?? summary
        return settled[edge]
    }

    /// A turn that is not begun because the run ends.
    mutating func withhold(_ turn: Int, _ summary: EdgeSummary) -> EdgeSummary? { skip(turn, summary) }
}

extension EdgeSummary {
    /// One edge's summary of two cycles: what both moved, and how the later one ended.
    fileprivate func followed(by second: EdgeSummary) -> EdgeSummary {
        var both = second
        both.counts.add(moved: counts)
        both.bytesSent = CycleCounts.sum(bytesSent, second.bytesSent)
        both.bytesReceived = CycleCounts.sum(bytesReceived, second.bytesReceived)
        both.seconds = seconds + second.seconds
        return both
    }
}
