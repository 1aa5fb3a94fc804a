import Core

/// One row of the table of outcomes of push and pull, in words: see `Words`. The source is never changed.
package struct PushRow: Sendable {
    package var name: String
    var agreed = ""
    var source = ""
    var target = ""
    var policy = SessionPolicy.standard
    /// What stands at the target afterwards.
    var expected: String
    var problems: [String] = []
    var attic: [String] = []
    var halts = false

    private static let kept = SessionPolicy(attic: .session)
    private static let keeps = SessionPolicy(drift: .keep)
    private static let halts = SessionPolicy(drift: .halt)
    private static let mirror = SessionPolicy(mirror: true)

    package static let cases: [PushRow] = [
        PushRow(name: "created / –", source: "x=new d/ d/y>t", expected: "x=new d/ d/y>t"),
        PushRow(name: "changed / –", agreed: "x=old", source: "x=newer x%600", expected: "x=newer x%600"),
        PushRow(name: "deleted / –", agreed: "x=old d/ d/y=old z=old", source: "-x -d", expected: "z=old"),
        PushRow(name: "repair: – / changed", agreed: "x=old", target: "x=newer", expected: "x=old"),
        PushRow(name: "repair: – / deleted", agreed: "d/ d/x=old", target: "-d", expected: "d/ d/x=old"),
        PushRow(
            name: "repair: – / directory replaced", agreed: "d/ d/x=old", target: "-d d=new", expected: "d/ d/x=old"),
        PushRow(
            name: "repair keeps what it replaces", agreed: "x=old", target: "x=newer", policy: kept, expected: "x=old",
            attic: ["newer"]),
        PushRow(name: "keep: – / changed", agreed: "x=old", target: "x=newer", policy: keeps, expected: "x=newer"),
        PushRow(name: "keep: – / deleted", agreed: "x=old y=old", target: "-x", policy: keeps, expected: "y=old"),
        PushRow(
            name: "keep: deleted / changed", agreed: "x=old y=old", source: "-x", target: "x=newer", policy: keeps,
            expected: "x=newer y=old", problems: ["path.kept-changed"]),
        PushRow(
            name: "keep: changed / changed", agreed: "x=old", source: "x=newer", target: "x=mine", policy: keeps,
            expected: "x=newer"),
        PushRow(
            name: "keep: created below a directory that is gone here", agreed: "d/ d/x=old", source: "d/n=new",
            target: "-d", policy: keeps, expected: "d/ d/n=new"),
        PushRow(
            name: "keep: the same where the source's directory has its time again", agreed: "d/ d/x=old d@7",
            source: "d/n=new d@7", target: "-d", policy: keeps, expected: "d/ d/n=new"),
        PushRow(
            name: "halt: – / a symlink leads elsewhere", agreed: "x>t", target: "-x x>u", policy: halts,
            expected: "x>u", halts: true),
        PushRow(
            name: "halt: – / changed", agreed: "x=old", source: "y=new", target: "x=newer", policy: halts,
            expected: "x=newer", halts: true),
        PushRow(
            name: "halt: changed / changed", agreed: "x=old", source: "x=newer", target: "x=mine", policy: halts,
            expected: "x=newer"),
        PushRow(
            name: "– / created beside it", agreed: "x=old", target: "y=mine d/ d/z=mine",
            expected: "d/ d/z=mine x=old y=mine"),
        PushRow(
            name: "mirror: – / created beside it", agreed: "x=old", target: "y=mine d/ d/z=mine", policy: mirror,
            expected: "x=old"),
        PushRow(
            name: "mirror: not synced keeps what it lies in", agreed: "x=old", target: "d/ d/p|", policy: mirror,
            expected: "d/ d/p| x=old"),
        PushRow(
            name: "mirror: an empty source halts", agreed: "x=old", source: "-x", target: "y=mine", policy: mirror,
            expected: "x=old y=mine", halts: true),
        PushRow(
            name: "changed / changed the same", agreed: "x=old", source: "x=neu x@7", target: "x=neu",
            expected: "x=neu x@7"),
        PushRow(name: "created / created the same", source: "x=new", target: "x=new", policy: kept, expected: "x=new"),
        PushRow(
            name: "created / created differently", source: "x=new", target: "x=own", policy: kept, expected: "x=new",
            attic: ["own"]),
        PushRow(
            name: "changed / changed differently", agreed: "x=old", source: "x=newer", target: "x=mine", policy: kept,
            expected: "x=newer", attic: ["mine"]),
        PushRow(name: "changed / deleted", agreed: "x=old", source: "x=newer", target: "-x", expected: "x=newer"),
        PushRow(
            name: "deleted / changed", agreed: "x=old y=old", source: "-x", target: "x=newer", policy: kept,
            expected: "y=old", attic: ["newer"]),
        PushRow(name: "deleted / deleted", agreed: "x=old y=old", source: "-x", target: "-x", expected: "y=old"),
        PushRow(
            name: "directory deleted / holds more than was agreed", agreed: "d/ d/x=old y=old", source: "-d",
            target: "d/n=mine", expected: "d/ d/n=mine y=old"),
        PushRow(
            name: "directory → file / entries of its own", agreed: "d/ d/x=old", source: "-d d=new", target: "d/n=mine",
            expected: "d/ d/n=mine", problems: ["path.not-empty"]),
        PushRow(name: "directory → file / –", agreed: "d/ d/x=old", source: "-d d=new", expected: "d=new"),
        PushRow(name: "file → directory / –", agreed: "x=old", source: "-x x/ x/y=new", expected: "x/ x/y=new"),
        PushRow(
            name: "before: directory → file / –", agreed: "d/ d/x=old", source: "-d d=new",
            policy: SessionPolicy(delete: .before), expected: "d=new"),
        PushRow(
            name: "never: deleted / –", agreed: "x=old y=old", source: "-x", policy: SessionPolicy(delete: .never),
            expected: "x=old y=old"),
        PushRow(
            name: "created / not synced", source: "x=new", target: "x|", expected: "x|", problems: ["path.blocked"]),
        PushRow(
            name: "not synced / –", agreed: "x=old", source: "-x x|", expected: "x=old",
            problems: ["path.replaced-by-unsynced"]),
        PushRow(
            name: "unreadable at the source / –", agreed: "d/ d/x=old", source: "d! -d/x", expected: "d/ d/x=old",
            problems: ["path.unreadable"]),
        PushRow(name: "renamed, swapped", agreed: "x=1 y=2", source: "x→z y→x z→y", expected: "x=2 y=1"),
        PushRow(name: "directory renamed", agreed: "d/ d/x=1", source: "d→e", expected: "e/ e/x=1"),
        PushRow(
            name: "mode and times", agreed: "x=old d/", source: "x%600 d%700 d@7", expected: "x=old x%600 d/ d%700 d@7"),
    ]

    /// What did not come out as the table says.
    package func run() throws(HeadwaterError) -> [String] {
        let pair = Pair()
        Words.apply(agreed, to: &pair.up.tree)
        _ = try pair.cycle(Terms())
        Words.apply(source, to: &pair.up.tree)
        Words.apply(target, to: &pair.down.tree)
        let source = pair.up.tree
        var expected = Demand(up: nil, down: self.expected, conflicts: [], problems: problems, attic: attic)
        expected.halts = halts
        let first = try pair.cycle(Terms(policy: policy))
        var findings = expected.findings(pair, first)
        let before = pair.down.tree
        expected.isStill = true
        let second = try pair.cycle(Terms(policy: policy))
        findings += expected.findings(pair, second)
        if pair.up.tree != source { findings.append("the source was changed") }
        if pair.down.tree != before { findings.append("a second cycle changes something") }
        return findings
    }
}
