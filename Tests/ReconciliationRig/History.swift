import Core
import Reconciliation

/// Random edits on both sides of a small tree, cycle after cycle, with what must hold after each. The same for the same seed.
package final class History {
    package static let cyclesMax = 4
    private static let slashed = ["a", "b", "d", "d/a", "d/b", "d/e", "d/e/f", "n", "n/a"]
    private static let paths = slashed.map(Words.path)
    /// The same tree with names in another order.
    private static let turned = slashed.map { name in
        Words.path(String(name.map { $0 == "/" ? $0 : Character(UnicodeScalar(UInt8(219) - $0.asciiValue!)) }))
    }

    package let seed: UInt64
    private let names: [TreePath]
    private var random: Seeded
    private var terms: Terms
    private var contents: UInt64 = 16
    private let pair = Pair()
    /// What was done, for who has to find out why.
    package private(set) var log: [String] = []
    private let isLogging: Bool
    private var agreed: [TreePath: MemoryEntry] = [:]
    private var findings: [String] = []

    /// - Parameters:
    ///   - isTurned: with names that sort the other way round, and digests that come at other times: the outcome must be the same.
    package init(seed: UInt64, isTurned: Bool = false, isLogging: Bool = false, fault: Fault? = nil) {
        self.seed = seed
        self.isLogging = isLogging
        names = isTurned ? History.turned : History.paths
        random = Seeded(seed)
        terms = Terms(isBidi: seed % 4 != 0)
        let choice = random.below(8)
        if terms.isBidi {
            terms.policy.overwrite = choice == 0 ? .always : choice == 1 ? .older : nil
        } else {
            terms.policy.mirror = choice == 0
            terms.policy.delete = choice == 1 ? .never : choice == 2 ? .before : .during
            terms.policy.drift = choice == 3 ? .keep : .repair
            terms.policy.overwrite = choice == 4 ? .older : choice == 5 ? .conflict : nil
        }
        terms.policy.attic = .session
        terms.fault = fault
        terms.lag = isTurned ? 0 : random.below(3)
        if isTurned { _ = random.below(3) }
    }

    /// Runs it; what did not hold, or nothing.
    package func run() throws(HeadwaterError) -> [String] {
        for (place, path) in names.enumerated() where random.below(2) == 0 && pair.up.tree.hasParent(path) {
            contents += 4
            pair.up.tree.put(path, place == 2 || place == 5 || place == 7 ? .directory : .file, contents)
        }
        log("begins with \(Words.read(pair.up.tree, like: ""))")
        try cycle(0)
        for number in 1...History.cyclesMax where findings.isEmpty {
            for _ in 0..<random.below(4) { edit(pair.up, pair.down, "up") }
            for _ in 0..<random.below(4) { edit(pair.down, pair.up, "down") }
            decide()
            try cycle(number)
        }
        return findings
    }

    /// What stands at both ends, by the place of each name, to be compared with the same history under other names.
    package var result: [String] {
        [pair.up.tree, pair.down.tree].flatMap { tree in
            tree.entries.map { entry in
                let place = names.firstIndex(of: entry.path).map(String.init) ?? besides(entry.path)
                return "\(place) \(entry.kind) \(entry.content) \(entry.mode)"
            }.sorted() + ["/"]
        }
    }

    private func besides(_ path: TreePath) -> String {
        let base = TreePath(trusted: Array(path.key.prefix { $0 != UInt8(ascii: "~") }))
        return "beside \(names.firstIndex(of: base) ?? -1)"
    }

    private func log(_ line: @autoclosure () -> String) { if isLogging { log.append(line()) } }

    // MARK: Edits

    private func edit(_ end: MemoryEnd, _ there: MemoryEnd, _ side: String) {
        let place = random.below(names.count)
        let (path, kind, other) = (names[place], random.below(16), names[random.below(names.count)])
        let choice = random.below(3)
        guard end.tree.hasParent(path) else { return }
        log("\(side): \(kind) \(path) \(other)")
        let found = end.tree[path]
        switch kind {
        case 0...2:
            contents += UInt64(4 + choice)
            if found?.kind == .file { end.tree.write(path, contents) }
            if found == nil { end.tree.put(path, .file, contents) }
        case 3...5: end.tree.remove(path)
        case 6, 7: if found?.kind != .directory { end.tree.put(path, .directory) }
        case 8:
            contents += 4
            end.tree.put(path, choice == 0 ? .file : .symlink, contents)
        case 9:
            if found?.kind == .file || found?.kind == .directory {
                end.tree.setMode(path, [0o700, 0o755, 0o640][choice])
            }
        case 10: end.tree.touch(path)
        case 11:
            if choice == 0 { end.tree.put(path, .untracked) }
            if choice == 1, let found, found.isDirectory { end.tree.setIncomplete(path, !found.isIncomplete) }
        case 12, 13:
            if found != nil, end.tree.hasParent(other), !path.contains(other), !other.contains(path) {
                end.tree.move(path, to: other)
            }
        case 14: put(agreed[path], at: end)
        default: put(there.tree[path], at: end)
        }
    }

    /// As it was when both sides last agreed, or as it is on the other side.
    private func put(_ entry: MemoryEntry?, at end: MemoryEnd) {
        guard let entry, entry.kind.isSynced, !entry.isDirectory, end.tree[entry.path]?.kind != .directory else {
            return
        }
        end.tree.put(entry.path, entry.kind, entry.content)
    }

    private var residueCount: Int { pair.up.rows.count { $0.state == .residue } }

    /// The rows of an end that say more than that a path is agreed on.
    private func rows(_ end: MemoryEnd) -> [String] { end.rows.map { "\($0.path) \($0.state)" } }

    private func decide() {
        terms.decided = [:]
        for conflict in pair.down.conflicts.sorted(by: { place($0.path) < place($1.path) }) where random.below(4) == 0 {
            let keep = Keep.allCases[random.below(4)]
            terms.decided[conflict.path] = keep
            log("decided: \(conflict.path) \(keep)")
        }
    }

    private func place(_ path: TreePath) -> Int { names.firstIndex(of: path) ?? names.count }

    // MARK: Checks

    private func cycle(_ number: Int) throws(HeadwaterError) {
        let before = Before(pair)
        let report = try pair.cycle(terms)
        log("cycle \(number): up \(Words.read(pair.up.tree, like: "")), down \(Words.read(pair.down.tree, like: ""))")
        log("  conflicts \(pair.down.conflicts.map { "\($0.path)" }), problems \(report.problems)")
        log("  rows up \(rows(pair.up)), down \(rows(pair.down))")
        if report.isHalted { return }
        let check = Check(pair, before, agreed, report, terms)
        findings += check.run().map { "cycle \(number): \($0)" }
        let mayTakeOneMore = before.hasNestedConflicts || Before(pair).hasNestedConflicts || !terms.decided.isEmpty
        terms.decided = [:]
        let (up, down, residues) = (pair.up.tree, pair.down.tree, residueCount)
        var again = try pair.cycle(terms)
        // That a directory went which was kept for what was in it is told by the cycle after; what is below a conflict waits for it, and for
        // a decision.
        if again.steps == 0 && residueCount < residues || mayTakeOneMore { again = try pair.cycle(terms) }
        let isStill = mayTakeOneMore || (pair.up.tree == up && pair.down.tree == down)
        if again.steps != 0 || again.recorded != 0 || !isStill {
            findings.append("cycle \(number): a further cycle does something: \(again)")
            log("then: \(Words.difference(up, pair.up.tree)) up, \(Words.difference(down, pair.down.tree)) down")
            log("  rows up \(rows(pair.up)), down \(rows(pair.down))")
        }
        let old = agreed
        agreed = [:]
        for row in pair.up.rows where row.state == .agreed {
            guard let entry = pair.up.tree[row.path], entry.agreed.hasContent(of: row.agreed) else {
                agreed[row.path] = old[row.path]
                continue
            }
            agreed[row.path] = entry
        }
    }
}
