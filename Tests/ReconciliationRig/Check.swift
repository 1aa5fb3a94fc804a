import Core

/// What stood before a cycle.
struct Before {
    let up: MemoryTree
    let down: MemoryTree
    let conflicts: [TreePath]
    let rows: [TreePath]

    init(_ pair: Pair) {
        (up, down) = (pair.up.tree, pair.down.tree)
        conflicts = pair.up.conflicts.map(\.path) + pair.down.conflicts.map(\.path)
        rows = pair.up.rows.filter { $0.state != .agreed }.map(\.path)
    }

    /// Whether one conflict lies below another.
    var hasNestedConflicts: Bool {
        conflicts.contains { above in conflicts.contains { $0 != above && above.contains($0) } }
    }
}

/// What must hold after a cycle, whatever was done before it.
final class Check {
    private let pair: Pair
    private let before: Before
    /// What stood on both sides after the cycle before.
    private let agreed: [TreePath: MemoryEntry]
    private let terms: Terms
    /// Where both sides may differ, at and around.
    private let exempt: [TreePath]
    /// Of those, where a problem is, or something that cannot be looked at.
    private let unseen: [TreePath]
    private var findings: [String] = []

    init(_ pair: Pair, _ before: Before, _ agreed: [TreePath: MemoryEntry], _ report: CycleReport, _ terms: Terms) {
        (self.pair, self.before, self.agreed, self.terms) = (pair, before, agreed, terms)
        let unknown = (before.up.entries + before.down.entries).filter(\.isUnknown).map(\.path)
        let kept = terms.isBidi ? [] : pair.down.rows.filter { $0.state == .kept }.map(\.path)
        unseen = report.problems.map(\.path) + unknown
        exempt = unseen + (pair.down.conflicts + pair.up.conflicts).map(\.path) + kept
    }

    func run() -> [String] {
        checkRows()
        checkContents()
        if terms.isBidi {
            checkAgreement()
            for path in paths { checkSpreading(path) }
        } else if terms.policy.drift == .repair {
            checkPush()
        }
        return findings
    }

    private var paths: Set<TreePath> {
        Set([before.up, before.down, pair.up.tree, pair.down.tree].flatMap { $0.entries.map(\.path) })
    }

    private func expect(_ holds: Bool, _ what: @autoclosure () -> String) {
        if !holds { findings.append(what()) }
    }

    private func isExempt(_ path: TreePath) -> Bool {
        exempt.contains { $0.contains(path) || path.contains($0) }
    }

    private func checkRows() {
        expect(pair.rowsAgree, "the rows of both ends differ")
        expect(pair.up.conflicts == pair.down.conflicts, "the conflicts of both ends differ")
        for end in [pair.up, pair.down] {
            let flagged = end.rows.filter { $0.state == .conflict }.map(\.path)
            expect(flagged == end.conflicts.map(\.path), "rows and conflicts differ")
        }
        // One below another that was settled just now is looked at by the next cycle. What a problem or another conflict around it holds
        // back is not looked at, nor what is not synced on one side.
        if before.hasNestedConflicts { return }
        let others = pair.down.conflicts.map(\.path)
        for conflict in pair.down.conflicts {
            let path = conflict.path
            if unseen.contains(where: { $0.contains(path) || path.contains($0) }) { continue }
            if others.contains(where: { $0 != path && ($0.contains(path) || path.contains($0)) }) { continue }
            if [pair.up, pair.down].contains(where: { $0.tree[path]?.kind == .untracked }) { continue }
            expect(
                isAsFlagged(pair.up, conflict.path, conflict.upstream)
                    && isAsFlagged(pair.down, conflict.path, conflict.downstream),
                "\(conflict.path) is flagged as it is not: \(conflict)")
        }
    }

    /// A conflict tells each side as it is by now.
    private func isAsFlagged(_ end: MemoryEnd, _ path: TreePath, _ flagged: AgreedEntry?) -> Bool {
        guard let found = end.tree[path] else { return flagged == nil }
        return found.attributes.isAsFlagged(flagged?.attributes)
    }

    /// No content goes that only one side had, but into an attic.
    private func checkContents() {
        let had = contents(before.up).union(contents(before.down))
        var has = contents(pair.up.tree).union(contents(pair.down.tree))
        has.formUnion(pair.up.tree.attic + pair.down.tree.attic)
        let known = Set(agreed.values.filter { $0.kind == .file }.map(\.content))
        let lost = had.subtracting(has).subtracting(known)
        expect(lost.isEmpty, "lost \(lost)")
    }

    private func contents(_ tree: MemoryTree) -> Set<UInt64> {
        Set(tree.entries.filter { $0.kind == .file }.map(\.content))
    }

    private func checkAgreement() {
        for path in paths where !isExempt(path) {
            let (up, down) = (pair.up.tree[path], pair.down.tree[path])
            if isAlike(up, down) || isResidue(path) { continue }
            // What is not synced is each side's own.
            if [up, down].allSatisfy({ $0 == nil || $0!.kind == .untracked }) { continue }
            expect(false, "\(path) differs: \(text(up)) \(text(down))")
        }
    }

    private func isAlike(_ a: MemoryEntry?, _ b: MemoryEntry?) -> Bool {
        a?.kind == b?.kind && a?.content == b?.content && a?.mode == b?.mode
            && (a?.kind == .directory || a?.mtime == b?.mtime)
    }

    private func isResidue(_ path: TreePath) -> Bool {
        [pair.up, pair.down].contains { $0.row(at: path)?.state == .residue }
    }

    private func text(_ entry: MemoryEntry?) -> String {
        entry.map { "\($0.kind) \($0.content) \(String($0.mode, radix: 8)) \($0.mtime)" } ?? "nothing"
    }

    // MARK: What one side did is on both

    private func checkSpreading(_ path: TreePath) {
        let old = agreed[path]
        let (up, down) = (before.up[path], before.down[path])
        let changes = (up: isChanged(up, old), down: isChanged(down, old))
        guard changes.up != changes.down, !isDisturbed(path) else { return }
        let (news, rest) = changes.up ? (up, before.down) : (down, before.up)
        if let old, old.isDirectory, news?.kind != .directory, hasNews(rest, below: path) { return }
        for (side, tree) in [("up", pair.up.tree), ("down", pair.down.tree)] {
            let found = tree[path]
            let isRight = found?.kind == news?.kind && found?.content == news?.content
            expect(isRight, "\(path) should be \(text(news)) \(side), is \(text(found))")
        }
    }

    private func isChanged(_ entry: MemoryEntry?, _ old: MemoryEntry?) -> Bool {
        entry?.kind != old?.kind || entry?.content != old?.content
    }

    /// Where conflicts, decisions, problems and what is not synced may make it otherwise.
    private func isDisturbed(_ path: TreePath) -> Bool {
        if isExempt(path)
            || (before.conflicts + before.rows).contains(where: { $0.contains(path) || path.contains($0) })
        {
            return true
        }
        for tree in [before.up, before.down] {
            if tree.entries.contains(where: {
                $0.kind == .untracked && ($0.path.contains(path) || path.contains($0.path))
            }) {
                return true
            }
            // Another kind above: a conflict there, or gone with it.
            var above = path.parent
            while !above.isRoot {
                if let entry = tree[above], entry.kind != .directory { return true }
                above = above.parent
            }
        }
        return false
    }

    private func hasNews(_ tree: MemoryTree, below path: TreePath) -> Bool {
        tree.entries.contains { $0.path != path && path.contains($0.path) && isChanged($0, agreed[$0.path]) }
    }

    // MARK: Push

    /// The target has all that the source has; what the source never had stays, but under `mirror`.
    private func checkPush() {
        expect(pair.up.tree == before.up, "the source was changed")
        for path in paths where !isExempt(path) {
            let (source, target) = (before.up[path], pair.down.tree[path])
            if let source {
                if source.kind == .untracked { continue }
                expect(isAlike(source, target), "\(path) is not the source's: \(text(target))")
            } else if terms.policy.mirror && !pair.down.tree.holdsSomething(below: path) {
                expect(target == nil || target!.kind == .untracked, "\(path) is surplus")
            }
        }
    }
}
