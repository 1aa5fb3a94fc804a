import Core

/// What must stand after a cycle.
struct Demand {
    /// In words; nil: not looked at.
    var up: String?
    var down: String
    var conflicts: [String]
    /// Codes, sorted.
    var problems: [String]
    var attic: [String]?
    var halts = false
    /// Nothing is done any more.
    var isStill = false

    func findings(_ pair: Pair, _ report: CycleReport) -> [String] {
        var findings: [String] = []
        let expect = { (holds: Bool, what: String) in if !holds { findings.append(what) } }
        if let up {
            let found = Words.read(pair.up.tree, like: up)
            expect(found == Words.normal(up), "upstream \(found) instead of \(Words.normal(up))")
        }
        let found = Words.read(pair.down.tree, like: down)
        expect(found == Words.normal(down), "downstream \(found) instead of \(Words.normal(down))")
        expect(pair.down.conflicts.map(\.path.description) == conflicts, "conflicts \(pair.down.conflicts.map(\.path))")
        expect(pair.up.conflicts == pair.down.conflicts && pair.rowsAgree, "both ends have other rows")
        expect(report.problems.map(\.code).sorted() == problems, "problems \(report.problems)")
        expect(report.isHalted == halts, halts ? "no halt" : "a halt")
        if let attic {
            let kept = pair.up.tree.attic + pair.down.tree.attic
            expect(kept == attic.map(Words.content), "in the attic \(kept)")
        }
        expect(!isStill || report.steps == 0 && report.recorded == 0, "a further cycle does something: \(report)")
        return findings
    }
}
