/// What a run tells whoever watches: the console, a log, a JSON stream.
package enum Event: Sendable {
    case started(edge: EdgeIdentity)
    case progress(edge: EdgeIdentity, Progress)
    /// One path was not brought in step; the cycle went on.
    case problem(edge: EdgeIdentity, HeadwaterError)
    case warning(edge: EdgeIdentity?, HeadwaterError)
    case finished(EdgeSummary)
    /// For `-v`: what a person who looks for a cause wants to read.
    case detail(edge: EdgeIdentity?, String)
}

package struct EdgeIdentity: Hashable, Sendable {
    /// The two peers as declared.
    package var upstream: String
    package var downstream: String
    package var session: String
    package var mode: Mode

    package init(upstream: String, downstream: String, session: String, mode: Mode) {
        self.upstream = upstream
        self.downstream = downstream
        self.session = session
        self.mode = mode
    }

    /// As the edge is written: `build -> eu`.
    package var label: String { "\(upstream) \(mode == .bidi ? "<->" : "->") \(downstream)" }
}

package enum Mode: String, Sendable, CaseIterable {
    case push, pull, bidi
}

/// How far a cycle is. Counts are of this cycle.
package struct Progress: Sendable {
    package enum Phase: String, Sendable { case connecting, scanning, transferring, recording }
    package var phase: Phase
    package var entriesDone: Int
    /// Known once the upstream tree is compared; 0 before.
    package var entriesTotal: Int
    package var bytesDone: UInt64
    package var bytesTotal: UInt64

    package init(
        phase: Phase, entriesDone: Int = 0, entriesTotal: Int = 0, bytesDone: UInt64 = 0, bytesTotal: UInt64 = 0
    ) {
        self.phase = phase
        self.entriesDone = entriesDone
        self.entriesTotal = entriesTotal
        self.bytesDone = bytesDone
        self.bytesTotal = bytesTotal
    }
}

/// What one edge did in one run; all counts zero when nothing changed. The fields of `--json`'s summary.
package struct EdgeSummary: Sendable {
    package var edge: EdgeIdentity
    package var exit: ExitCode = .inStep
    package var error: HeadwaterError?
    /// The edge whose failure made this one be skipped.
    package var skippedBecauseOf: EdgeIdentity?
    package var counts = CycleCounts()
    package var bytesSent: UInt64 = 0
    package var bytesReceived: UInt64 = 0
    package var seconds: Double = 0

    package init(edge: EdgeIdentity) { self.edge = edge }
}

/// What a cycle did, path by path.
package struct CycleCounts: Hashable, Sendable {
    package var files: UInt64 = 0
    package var directories: UInt64 = 0
    package var symlinks: UInt64 = 0
    package var deleted: UInt64 = 0
    package var renamed: UInt64 = 0
    /// What stands, not what this cycle found.
    package var conflicts: UInt64 = 0
    package var problems: UInt64 = 0
    /// Content of files that was published, before compression.
    package var bytesPayload: UInt64 = 0
    /// Entries of kinds that are not synced (sockets, devices, fifos) in the upstream tree.
    package var untracked: UInt64 = 0

    package init() {}

    /// The most that a count of another end may be; far beyond every disk, and sums of a few stay whole numbers.
    package static let entriesMax: UInt64 = 1 << 50
    package static let bytesMax: UInt64 = 1 << 60

    /// Adds what another cycle moved. What stands (conflicts, problems, kinds that are not synced) is not a sum.
    package mutating func add(moved other: CycleCounts) {
        files = CycleCounts.sum(files, other.files)
        directories = CycleCounts.sum(directories, other.directories)
        symlinks = CycleCounts.sum(symlinks, other.symlinks)
        deleted = CycleCounts.sum(deleted, other.deleted)
        renamed = CycleCounts.sum(renamed, other.renamed)
        bytesPayload = CycleCounts.sum(bytesPayload, other.bytesPayload)
    }

    /// Stops at the largest number rather than trapping: counts come from other machines.
    package static func sum(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let (sum, overflow) = a.addingReportingOverflow(b)
        return overflow ? .max : sum
    }

    /// Whether the cycle changed anything at the downstream end.
    package var hasMoved: Bool { files > 0 || directories > 0 || symlinks > 0 || deleted > 0 || renamed > 0 }
}
