import Core

/// What is known of every edge of a run, folded from its events. A value: no clock, no output.
package struct RunState: Sendable {
    package enum Status: Sendable {
        case waiting
        case running(Progress)
        case finished(EdgeSummary)
    }

    package struct Edge: Sendable {
        package let identity: EdgeIdentity
        package fileprivate(set) var status: Status = .waiting
        package fileprivate(set) var meter = RateMeter()
    }

    /// In the order of the topology file.
    package private(set) var edges: [Edge]
    private var indices: [String: Int] = [:]

    package init(_ identities: [EdgeIdentity]) {
        edges = identities.map { Edge(identity: $0) }
        for (index, identity) in identities.enumerated() { indices[identity.session] = index }
    }

    /// - Parameter now: nanoseconds of a clock that never goes back.
    package mutating func apply(_ event: Event, now: UInt64) {
        switch event {
        case .started(let edge): update(edge) { $0.status = .running(Progress(phase: .connecting)) }
        case .progress(let edge, let progress):
            update(edge) {
                if case .finished = $0.status { return }
                $0.status = .running(progress)
                $0.meter.add(bytes: progress.bytesDone, fraction: progress.fraction, at: now)
            }
        case .finished(let summary): update(summary.edge) { $0.status = .finished(summary) }
        case .problem, .warning, .detail: break
        }
    }

    /// Whether `edge` has come to its end.
    func hasFinished(_ edge: EdgeIdentity) -> Bool {
        if let index = indices[edge.session], case .finished = edges[index].status { true } else { false }
    }

    private mutating func update(_ edge: EdgeIdentity, _ body: (inout Edge) -> Void) {
        if let index = indices[edge.session] { body(&edges[index]) }
    }
}

extension Progress {
    /// 0 to 1; 0 while the whole is not known. Entries and bytes weigh the same: many small files are work, too.
    package var fraction: Double {
        let entries = entriesTotal > 0 ? Double(entriesDone) / Double(entriesTotal) : nil
        let bytes = bytesTotal > 0 ? Double(bytesDone) / Double(bytesTotal) : nil
        let known = [entries, bytes].compactMap { $0 }
        return known.isEmpty ? 0 : min(1, known.reduce(0, +) / Double(known.count))
    }
}
