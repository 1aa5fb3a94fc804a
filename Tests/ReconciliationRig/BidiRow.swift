import Core

/// One row of the table of outcomes of bidi, in words: see `Words`.
package struct BidiRow: Sendable {
    package var name: String
    var agreed = ""
    var up = ""
    var down = ""
    /// What stands afterwards; nil downstream: the same as upstream.
    var both: String
    var onlyDown: String?
    var conflicts: [String] = []
    var problems: [String] = []
    var overwrite: SessionPolicy.Overwrite?

    static let files: [BidiRow] = [
        BidiRow(name: "created / –", up: "x=new", both: "x=new"),
        BidiRow(name: "– / created", down: "x=new", both: "x=new"),
        BidiRow(
            name: "created same content / same: other times: A's", up: "x=new x@7", down: "x=new x@9", both: "x=new x@7"
        ),
        BidiRow(name: "created the same / other mode: A's", up: "x=new x%600", down: "x=new", both: "x=new x%600"),
        BidiRow(
            name: "created / created, different", up: "x=new1", down: "x=new2", both: "x=new1", onlyDown: "x=new2",
            conflicts: ["x"]),
        BidiRow(name: "changed / –", agreed: "x=old", up: "x=newer", both: "x=newer"),
        BidiRow(name: "– / changed", agreed: "x=old", down: "x=newer", both: "x=newer"),
        BidiRow(
            name: "changed / changed to the same", agreed: "x=old", up: "x=neu x@7", down: "x=neu x%600",
            both: "x=neu x%644 x@7"),
        BidiRow(
            name: "changed / changed differently, equal size and time", agreed: "x=old", up: "x=ne1 x@7",
            down: "x=ne2 x@7", both: "x=ne1", onlyDown: "x=ne2", conflicts: ["x"]),
        BidiRow(name: "deleted / –", agreed: "x=old y=old", up: "-x", both: "y=old"),
        BidiRow(name: "– / deleted", agreed: "x=old y=old", down: "-x", both: "y=old"),
        BidiRow(name: "deleted / deleted", agreed: "x=old y=old", up: "-x", down: "-x", both: "y=old"),
        BidiRow(
            name: "changed / deleted", agreed: "x=old", up: "x=newer", down: "-x", both: "x=newer", onlyDown: "",
            conflicts: ["x"]),
        BidiRow(
            name: "deleted / changed", agreed: "x=old", up: "-x", down: "x=newer", both: "", onlyDown: "x=newer",
            conflicts: ["x"]),
        BidiRow(
            name: "mode only / content", agreed: "x=old", up: "x%600", down: "x=newer x@7", both: "x=newer x%600 x@7"),
        BidiRow(
            name: "content / mode only", agreed: "x=old", up: "x=newer x@7", down: "x%600", both: "x=newer x%600 x@7"),
        BidiRow(name: "mode / other mode: A's", agreed: "x=old", up: "x%600", down: "x%640", both: "x=old x%600"),
        BidiRow(name: "times / other times: A's", agreed: "x=old", up: "x@7", down: "x@9", both: "x=old x@7"),
        BidiRow(
            name: "mode or times only / deleted", agreed: "x=old y=old", up: "x%600 x@7", down: "-x", both: "y=old"),
        BidiRow(
            name: "deleted / mode or times only", agreed: "x=old y=old", up: "-x", down: "x%600 x@7", both: "y=old"),
        BidiRow(name: "renamed / –", agreed: "x=old", up: "x→z", both: "z=old"),
        BidiRow(
            name: "renamed x→z / changed x", agreed: "x=old", up: "x→z", down: "x=newer", both: "z=old",
            onlyDown: "x=newer z=old", conflicts: ["x"]),
        BidiRow(name: "renamed x→z / deleted x", agreed: "x=old", up: "x→z", down: "-x", both: "z=old"),
        BidiRow(
            name: "renamed x→z / z created, different", agreed: "x=old", up: "x→z", down: "z=other", both: "z=old",
            onlyDown: "z=other", conflicts: ["z"]),
        BidiRow(name: "renamed x→y / renamed x→z", agreed: "x=old", up: "x→y", down: "x→z", both: "y=old z=old"),
        BidiRow(
            name: "renamed x→z / renamed y→z, different", agreed: "x=1 y=2", up: "x→z", down: "y→z", both: "z=1",
            onlyDown: "z=2", conflicts: ["z"]),
        BidiRow(
            name: "always: deleted / changed", agreed: "x=old", up: "-x", down: "x=newer", both: "", overwrite: .always),
        BidiRow(
            name: "always: changed / deleted", agreed: "x=old", up: "x=newer", down: "-x", both: "x=newer",
            overwrite: .always),
        BidiRow(name: "older: the newer wins", up: "x=1 x@7", down: "x=2 x@9", both: "x=2", overwrite: .older),
        BidiRow(
            name: "older: changed / deleted stays", agreed: "x=old", up: "x=newer", down: "-x", both: "x=newer",
            onlyDown: "", conflicts: ["x"], overwrite: .older),
    ]

    static let directories: [BidiRow] = [
        BidiRow(name: "deleted / new path inside", agreed: "d/ d/x=old", up: "-d", down: "d/n=new", both: "d/ d/n=new"),
        BidiRow(
            name: "new path inside / deleted", agreed: "d/ d/e/ d/e/x=old", up: "d/e/n=new", down: "-d",
            both: "d/ d/e/ d/e/n=new"),
        BidiRow(
            name: "new path inside, and another mode / deleted", agreed: "d/ d/x=old", up: "d/n=new d%700", down: "-d",
            both: "d/ d/n=new d%700"),
        BidiRow(
            name: "deleted / a child changed", agreed: "d/ d/x=old d/y=old", up: "-d", down: "d/x=newer", both: "",
            onlyDown: "d/ d/x=newer", conflicts: ["d/x"]),
        BidiRow(
            name: "a child changed / deleted", agreed: "d/ d/x=old d/y=old", up: "d/x=newer", down: "-d",
            both: "d/ d/x=newer", onlyDown: "", conflicts: ["d/x"]),
        BidiRow(
            name: "deleted / another child deleted", agreed: "d/ d/x=old d/y=old", up: "-d", down: "-d/x", both: ""),
        BidiRow(
            name: "deleted / holds only what is not synced", agreed: "d/ d/x=old", up: "-d", down: "d/p|", both: "",
            onlyDown: "d/ d/p|"),
        BidiRow(
            name: "holds only what is not synced / deleted", agreed: "d/ d/x=old", up: "d/p|", down: "-d",
            both: "d/ d/p|", onlyDown: ""),
        BidiRow(name: "file → directory / –", agreed: "x=old", up: "-x x/ x/y=new", both: "x/ x/y=new"),
        BidiRow(name: "– / directory → file", agreed: "d/ d/x=old", down: "-d d=new", both: "d=new"),
        BidiRow(name: "directory → link / –", agreed: "d/ d/x=old", up: "-d d>t", both: "d>t"),
        BidiRow(
            name: "directory → file / changed below", agreed: "d/ d/x=old", up: "-d d=new", down: "d/x=newer",
            both: "d=new", onlyDown: "d/ d/x=newer", conflicts: ["d"]),
        BidiRow(
            name: "created below / directory → file", agreed: "d/ d/x=old", up: "d/n=new", down: "-d d=new",
            both: "d/ d/n=new d/x=old", onlyDown: "d=new", conflicts: ["d"]),
        BidiRow(
            name: "directory → file / deleted", agreed: "d/ d/x=old", up: "-d d=new", down: "-d", both: "d=new",
            onlyDown: "", conflicts: ["d"]),
        BidiRow(
            name: "directory → file / only deleted below", agreed: "d/ d/x=old d/y=old", up: "-d d=new", down: "-d/x",
            both: "d=new"),
        BidiRow(
            name: "only deleted below / directory → file", agreed: "d/ d/x=old d/y=old", up: "-d/x", down: "-d d=new",
            both: "d=new"),
        BidiRow(
            name: "file → directory on both", agreed: "x=old", up: "-x x/ x/a=new", down: "-x x/ x/b=new",
            both: "x/ x/a=new x/b=new"),
        BidiRow(
            name: "directory → file / holds what is not synced", agreed: "d/ d/x=old", up: "-d d=new", down: "d/p|",
            both: "d=new", onlyDown: "d/ d/p| d/x=old", problems: ["path.blocked"]),
        BidiRow(
            name: "file / directory created under one name", up: "x=new", down: "x/ x/y=new", both: "x=new",
            onlyDown: "x/ x/y=new", conflicts: ["x"]),
        BidiRow(name: "directory / directory created", up: "d/ d/a=1", down: "d/ d/b=2", both: "d/ d/a=1 d/b=2"),
        BidiRow(
            name: "renamed / changed below", agreed: "d/ d/x=1 d/y=2", up: "d→e", down: "d/y=new d/n=new",
            both: "d/ d/n=new e/ e/x=1 e/y=2", onlyDown: "d/ d/n=new d/y=new e/ e/x=1 e/y=2", conflicts: ["d/y"]),
        BidiRow(name: "times only", agreed: "d/ d/x=1", down: "d@7", both: "d/ d/x=1", onlyDown: "d/ d/x=1 d@7"),
        BidiRow(name: "mode only", agreed: "d/ d/x=1", down: "d%700", both: "d/ d/x=1 d%700"),
        BidiRow(name: "mode / mode: A's", agreed: "d/", up: "d%700", down: "d%750", both: "d/ d%700"),
    ]

    static let unsynced: [BidiRow] = [
        BidiRow(
            name: "created / not synced", up: "x=new", down: "x|", both: "x=new", onlyDown: "x|",
            problems: ["path.blocked"]),
        BidiRow(
            name: "not synced / created", up: "x|", down: "x=new", both: "x|", onlyDown: "x=new",
            problems: ["path.blocked"]),
        BidiRow(
            name: "agreed path replaced by what is not synced / –", agreed: "x=old", up: "-x x|", both: "x|",
            onlyDown: "x=old", problems: ["path.replaced-by-unsynced"]),
        BidiRow(
            name: "directory replaced by what is not synced / created below", agreed: "d/", up: "d/n=new",
            down: "-d d|", both: "d/ d/n=new", onlyDown: "d|", problems: ["path.blocked"]),
        BidiRow(
            name: "unreadable / changed and deleted below", agreed: "d/ d/x=1 d/y=2", up: "d/x=new -d/y", down: "d!",
            both: "d/ d/x=new", onlyDown: "d! d/x=1 d/y=2", problems: ["path.unreadable", "path.unreadable"]),
    ]

    package static var all: [BidiRow] { files + directories + unsynced }

    /// What did not come out as the table says.
    ///
    /// - Parameter lag: digests come when this many more changes were decided.
    package func run(lag: Int) throws(HeadwaterError) -> [String] {
        let pair = Pair()
        var terms = Terms(isBidi: true, policy: SessionPolicy(overwrite: overwrite))
        terms.lag = lag
        Words.apply(agreed, to: &pair.up.tree)
        _ = try pair.cycle(terms)
        Words.apply(up, to: &pair.up.tree)
        Words.apply(down, to: &pair.down.tree)
        let first = try pair.cycle(terms)
        var expected = Demand(up: both, down: onlyDown ?? both, conflicts: conflicts, problems: problems)
        var findings = expected.findings(pair, first)
        expected.isStill = true
        let before = (pair.up.tree, pair.down.tree)
        let second = try pair.cycle(terms)
        findings += expected.findings(pair, second)
        if before != (pair.up.tree, pair.down.tree) { findings.append("a second cycle changes something") }
        return findings
    }
}
