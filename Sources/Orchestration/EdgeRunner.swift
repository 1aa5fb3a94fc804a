import Core

/// Brings one edge in step: the seam between the order of a run and what an edge does.
package protocol EdgeRunner: AnyObject, Sendable {
    /// Blocks until the edge's cycle is over, on a thread that the caller owns; several edges at the same time.
    ///
    /// What goes wrong is part of the summary. After an interruption it returns soon, having recorded what was achieved.
    func run(edgeIndex: Int) -> EdgeSummary
}
