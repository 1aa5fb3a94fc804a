import Core

/// What becomes of a conflict that stands, in words: see `Words`.
package struct SettlingRow: Sendable {
    package var name: String
    var agreed = "x=old"
    /// What made the conflict.
    var up: String
    var down: String
    /// What was done then.
    var thenUp = ""
    var thenDown = ""
    var keep: [String: Keep] = [:]
    var both: String
    var onlyDown: String?
    var conflicts: [String] = []
    var problems: [String] = []
    var attic: [String] = []

    package static let cases: [SettlingRow] = [
        SettlingRow(name: "both made equal", up: "x=1", down: "x=2", thenUp: "x=2 x@7", both: "x=2 x@7"),
        SettlingRow(name: "one deleted: the survivor spreads", up: "x=1", down: "x=2", thenUp: "-x", both: "x=2"),
        SettlingRow(name: "both deleted", up: "x=1", down: "x=2", thenUp: "-x", thenDown: "-x", both: ""),
        SettlingRow(name: "one renamed: both names", up: "x=1", down: "x=2", thenUp: "x→z", both: "x=2 z=1"),
        SettlingRow(name: "one set back: the other spreads", up: "x=1", down: "x=2", thenDown: "x=old", both: "x=1"),
        SettlingRow(
            name: "changed again: stands", up: "x=1", down: "x=2", thenUp: "x=3", both: "x=3", onlyDown: "x=2",
            conflicts: ["x"]),
        SettlingRow(
            name: "changed / deleted stands", up: "x=1", down: "-x", both: "x=1", onlyDown: "", conflicts: ["x"]),
        SettlingRow(name: "changed / deleted: the survivor goes", up: "x=1", down: "-x", thenUp: "-x", both: ""),
        SettlingRow(name: "changed / deleted: made equal", up: "x=1", down: "-x", thenDown: "x=1", both: "x=1"),
        SettlingRow(
            name: "changed / deleted: the survivor is renamed", up: "x=1", down: "-x", thenUp: "x→z", both: "z=1"),
        SettlingRow(name: "keep upstream", up: "x=1", down: "x=2", keep: ["x": .upstream], both: "x=1", attic: ["2"]),
        SettlingRow(
            name: "keep downstream", up: "x=1", down: "x=2", keep: ["x": .downstream], both: "x=2", attic: ["1"]),
        SettlingRow(name: "keep newer", up: "x=1 x@9", down: "x=2 x@7", keep: ["x": .newer], both: "x=1", attic: ["2"]),
        SettlingRow(name: "keep both", up: "x=1", down: "x=2", keep: ["x": .both], both: "x=1 x~there=2"),
        SettlingRow(name: "keep newer of changed / deleted", up: "-x", down: "x=2", keep: ["x": .newer], both: "x=2"),
        SettlingRow(name: "keep the deletion", up: "-x", down: "x=2", keep: ["x": .upstream], both: "", attic: ["2"]),
        SettlingRow(
            name: "parents kept only for a conflict go with it", agreed: "d/ d/x=old", up: "-d", down: "d/x=2",
            thenDown: "-d/x", both: ""),
        SettlingRow(
            name: "the deletion of all that a kept directory holds takes it along", agreed: "d/ d/x=old", up: "-d",
            down: "d/x=2", keep: ["d/x": .upstream], both: "", attic: ["2"]),
        SettlingRow(
            name: "the same at the other end", agreed: "d/ d/x=old", up: "d/x=1", down: "-d",
            keep: ["d/x": .downstream], both: "", attic: ["1"]),
        SettlingRow(
            name: "a survivor in a deleted directory brings it back", agreed: "d/ d/x=old", up: "d/x=1 d%700",
            down: "-d", keep: ["d/x": .newer], both: "d/ d/x=1 d%700"),
        SettlingRow(
            name: "a survivor that became a directory brings back what leads to it", agreed: "d/ d/x=old", up: "d/x=1",
            down: "-d", thenUp: "-d/x d/x/", keep: ["d/x": .newer], both: "d/ d/x/"),
        SettlingRow(
            name: "the deletion of a directory wins where something in it was changed", agreed: "d/ d/x=1 d/y=2",
            up: "d/y=new", down: "-d d>t", thenUp: "", thenDown: "-d", keep: ["d": .downstream],
            both: "d/ d/y=new", onlyDown: "", conflicts: ["d/y"]),
        SettlingRow(
            name: "a directory's time alone", agreed: "d/ d/x=old", up: "d/n=1", down: "-d d=2", thenUp: "d@7",
            both: "d/ d/n=1 d/x=old", onlyDown: "d=2", conflicts: ["d"]),
        SettlingRow(
            name: "a directory does not lose to a file", agreed: "", up: "x=1", down: "x/ x/y=2",
            keep: ["x": .upstream], both: "x=1", onlyDown: "x/ x/y=2", conflicts: ["x"],
            problems: ["path.directory-loses"]),
        SettlingRow(
            name: "a directory is deleted around a conflict", agreed: "d/ d/x=old d/y=old", up: "-d/x", down: "d/x=2",
            thenUp: "-d", both: "", onlyDown: "d/ d/x=2", conflicts: ["d/x"]),
        SettlingRow(
            name: "a directory does not lose to nothing", up: "-x", down: "-x x/ x/y=2", keep: ["x": .upstream],
            both: "", onlyDown: "x/ x/y=2", conflicts: ["x"], problems: ["path.directory-loses"]),
        SettlingRow(
            name: "a directory that wins goes up with all that was agreed on in it",
            agreed: "d/ d/x=1 d/y=2 d/e/ d/e/z=3",
            up: "-d d=file", down: "d/x=new", keep: ["d": .downstream], both: "d/ d/e/ d/e/z=3 d/x=new d/y=2",
            attic: ["file"]),
        SettlingRow(
            name: "a directory that wins comes down with all that was agreed on in it",
            agreed: "d/ d/x=1 d/y=2 d/e/ d/e/z=3", up: "d/x=new", down: "-d d=file", keep: ["d": .upstream],
            both: "d/ d/e/ d/e/z=3 d/x=new d/y=2", attic: ["file"]),
        SettlingRow(
            name: "what stands in the way of a decision is not synced", agreed: "d/ d/x=old", up: "d/x=1",
            down: "d/x=2", thenDown: "-d d|", keep: ["d/x": .upstream], both: "d/ d/x=1", onlyDown: "d|",
            conflicts: ["d/x"], problems: ["path.blocked"]),
    ]

    /// What did not come out as it must.
    package func run() throws(HeadwaterError) -> [String] {
        let pair = Pair()
        var terms = Terms(isBidi: true)
        Words.apply(agreed, to: &pair.up.tree)
        _ = try pair.cycle(terms)
        Words.apply(up, to: &pair.up.tree)
        Words.apply(down, to: &pair.down.tree)
        _ = try pair.cycle(terms)
        var findings = pair.down.conflicts.isEmpty ? ["no conflict"] : []
        Words.apply(thenUp, to: &pair.up.tree)
        Words.apply(thenDown, to: &pair.down.tree)
        terms.decided = Dictionary(uniqueKeysWithValues: keep.map { (Words.path($0.key), $0.value) })
        var report = try pair.cycle(terms)
        terms.decided = [:]
        var expected = Demand(
            up: both, down: onlyDown ?? both, conflicts: conflicts, problems: problems, attic: attic)
        for _ in 1...2 {
            findings += expected.findings(pair, report)
            report = try pair.cycle(terms)
            expected.problems = problems.filter { $0 != "path.directory-loses" }
        }
        return report.steps == 0 ? findings : findings + ["a further cycle does something"]
    }
}
