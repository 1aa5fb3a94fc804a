import Core

/// Many histories, or all small trees of a shape, with what did not hold.
package enum Runs {
    /// Every this many histories are run once more under other names.
    private static let turnedEvery: UInt64 = 8

    /// What did not hold in the history of one seed.
    package static func history(_ seed: UInt64, fault: Fault? = nil) -> [String] {
        do throws(HeadwaterError) {
            let history = History(seed: seed, fault: fault)
            var findings = try history.run()
            if seed % turnedEvery == 0 {
                let turned = History(seed: seed, isTurned: true)
                findings += try turned.run().map { "under other names, \($0)" }
                if findings.isEmpty && turned.result != history.result {
                    findings.append("the outcome depends on names: \(history.result) and \(turned.result)")
                }
            }
            return findings
        } catch { return ["\(error)"] }
    }

    /// Runs histories until some did not hold; says which.
    package static func histories(from seed: UInt64, count: UInt64, failuresMax: Int = 3, fault: Fault? = nil)
        -> [String]
    {
        var failures: [String] = []
        for seed in seed..<(seed + count) {
            let findings = history(seed, fault: fault)
            if findings.isEmpty { continue }
            failures.append("seed \(seed): \(findings.joined(separator: "; "))")
            if failures.count >= failuresMax { break }
        }
        return failures
    }

    /// What was done in the history of one seed, line by line.
    package static func log(_ seed: UInt64) -> [String] {
        let history = History(seed: seed, isLogging: true)
        let findings = (try? history.run()) ?? ["refused"]
        return history.log + findings
    }

    /// Runs every row of the tables of outcomes; says which did not come out so.
    package static func tables() -> [String] {
        var failures: [String] = []
        do throws(HeadwaterError) {
            for row in BidiRow.all {
                for lag in [0, 2] { failures += try row.run(lag: lag).map { "bidi, \(row.name): \($0)" } }
            }
            for row in SettlingRow.cases { failures += try row.run().map { "conflict, \(row.name): \($0)" } }
            for row in PushRow.cases { failures += try row.run().map { "push, \(row.name): \($0)" } }
        } catch { failures.append("\(error)") }
        return failures
    }

    // MARK: Small trees

    /// Runs one cycle for all agreed, upstream and downstream trees of a shape, and compares it with what the tables demand.
    ///
    /// - Parameter step: only every so many of the cases; 1: all.
    package static func smallTrees(
        _ trees: SmallTrees, isBidi: Bool, every step: Int = 1, failuresMax: Int = 3
    ) -> (count: Int, failures: [String]) {
        var (count, failures): (Int, [String]) = (0, [])
        var number = 0
        for agreed in trees.all {
            let start = Pair()
            trees.build(agreed, in: &start.up.tree)
            _ = try? start.cycle(Terms(isBidi: isBidi))
            for up in trees.all {
                for down in trees.all {
                    number += 1
                    if number % step != 0 { continue }
                    count += 1
                    let case3 = SmallCase(trees: trees, agreed: agreed, up: up, down: down, isBidi: isBidi)
                    if let finding = case3.run(start) { failures.append(finding) }
                    if failures.count >= failuresMax { return (count, failures) }
                }
            }
        }
        return (count, failures)
    }
}

/// Three small trees.
struct SmallCase {
    let trees: SmallTrees
    let agreed: Node
    let up: Node
    let down: Node
    let isBidi: Bool

    /// What did not come out as the tables demand; nil where all did.
    func run(_ start: Pair) -> String? {
        let pair = Pair(start)
        trees.edit(&pair.up.tree, from: agreed, to: up)
        trees.edit(&pair.down.tree, from: agreed, to: down)
        do throws(HeadwaterError) {
            let report = try pair.cycle(Terms(isBidi: isBidi))
            if let wrong = isBidi ? judgeBidi(pair, report) : judgePush(pair, report) { return "\(self): \(wrong)" }
            let before = (pair.up.tree, pair.down.tree)
            let again = try pair.cycle(Terms(isBidi: isBidi))
            let isStill = again.steps == 0 && again.recorded == 0 && before == (pair.up.tree, pair.down.tree)
            return isStill && pair.rowsAgree ? nil : "\(self): a further cycle does something"
        } catch { return "\(self): \(error)" }
    }

    private func judgeBidi(_ pair: Pair, _ report: CycleReport) -> String? {
        let wanted = Spec.bidi(agreed, up, down)
        let found = Spec.Outcome(
            up: trees.read(pair.up.tree), down: trees.read(pair.down.tree), conflicts: pair.down.conflicts.count)
        return found == wanted && report.problems.isEmpty ? nil : "\(found) instead of \(wanted), \(report.problems)"
    }

    private func judgePush(_ pair: Pair, _ report: CycleReport) -> String? {
        let wanted = Spec.push(agreed, up, down)
        let found = trees.read(pair.down.tree)
        let isRight = found == wanted.target && wanted.hasProblem != report.problems.isEmpty
        return isRight && trees.read(pair.up.tree) == up ? nil : "\(found) instead of \(wanted), \(report.problems)"
    }
}

extension SmallCase: CustomStringConvertible {
    var description: String { "\(isBidi ? "bidi" : "push") of agreed \(agreed), up \(up), down \(down)" }
}

extension Node: CustomStringConvertible {
    package var description: String {
        switch self {
        case .absent: "-"
        case .file(let content): "\(content)"
        case .link(let content): ">\(content)"
        case .directory(let children):
            "{" + children.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: " ") + "}"
        }
    }
}
