/// What a run would do on one edge, as far as a plan can tell.
package struct EdgePlan: Sendable {
    /// How a run of the edge would end, with what it would move; the error is what would end it.
    package var summary: EdgeSummary
    package var counts: PlanCounts
    /// In the order in which they were foreseen; only the first of each kind where not all were asked for.
    package var steps: [ForeseenStep]
    /// The first problems of single paths; `summary.counts.problems` counts all.
    package var problems: [HeadwaterError]
    /// What a halt would have deleted, or made again; the first of it.
    package var heldBack: [TreePath]

    /// Where its databases stood; nil where there were none.
    package var position: SessionPosition?

    package init(
        summary: EdgeSummary, counts: PlanCounts = PlanCounts(), steps: [ForeseenStep] = [],
        problems: [HeadwaterError] = [], heldBack: [TreePath] = []
    ) {
        (self.summary, self.counts, self.steps) = (summary, counts, steps)
        (self.problems, self.heldBack) = (problems, heldBack)
    }

    package var edge: EdgeIdentity { summary.edge }
}
