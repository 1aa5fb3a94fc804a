import Core

/// What `plan` says to people: each edge with its paths, `+` to create, `~` to change, `-` to delete, `!` in conflict.
package enum PlanText {
    private static let pathsMax = 40
    private static let problemsMax = 10
    private static let heldBackMax = 10

    /// - Parameter isWhole: every path, rather than the first of each kind.
    package static func lines(_ plans: [EdgePlan], isWhole: Bool) -> [StyledLine] {
        plans.flatMap { block($0, isWhole) } + errors(plans) + [total(plans)]
    }

    /// Errors alone, for who wants to hear nothing else.
    package static func errors(_ plans: [EdgePlan]) -> [StyledLine] {
        plans.flatMap { SummaryText.errorBlock($0.summary) }
    }

    private static func block(_ plan: EdgePlan, _ isWhole: Bool) -> [StyledLine] {
        var head = StyledLine(plan.edge.label, .bold)
        head.add(" (\(plan.edge.session)): ")
        let (words, colour) = verdict(plan)
        head.add(words, colour)
        return [head] + paths(plan, isWhole) + problems(plan, isWhole) + heldBack(plan, isWhole)
    }

    private static func verdict(_ plan: EdgePlan) -> (String, Colour) {
        if let blocker = plan.summary.skippedBecauseOf { return ("skipped because of \(blocker.label)", .yellow) }
        let amounts = amounts(plan.counts)
        let stands = standing(plan)
        if let error = plan.summary.error {
            return (
                ((amounts.isEmpty ? ["would end"] : amounts + ["then end"]) + ["[\(error.code)]"]).joined(
                    separator: ", "), .red
            )
        }
        let words = amounts.isEmpty ? "in step, nothing to do" : amounts.joined(separator: ", ")
        let colour: Colour = plan.summary.exit != .inStep ? .yellow : amounts.isEmpty ? .green : .cyan
        return (([words] + stands).joined(separator: "; "), colour)
    }

    private static func standing(_ plan: EdgePlan) -> [String] {
        var out: [String] = []
        let counts = plan.summary.counts
        let old = counts.conflicts > plan.counts.conflicts ? counts.conflicts - plan.counts.conflicts : 0
        if old > 0 { out.append(Amounts.count(old, "conflict stands", "conflicts stand")) }
        if counts.problems > 0 { out.append(Amounts.count(counts.problems, "problem", "problems")) }
        if plan.counts.recorded > 0 {
            out.append(Amounts.count(plan.counts.recorded, "path is right already", "paths are right already"))
        }
        return out
    }

    /// `3 to create, 1 to delete, 4.2 MB`; empty where there is nothing.
    private static func amounts(_ counts: PlanCounts) -> [String] {
        var out = [
            (counts.created, "to create"), (counts.changed, "to change"), (counts.deleted, "to delete"),
            (counts.renamed, "to rename"), (counts.conflicts, "in conflict"),
        ].filter { $0.0 > 0 }.map { "\(Amounts.count($0.0)) \($0.1)" }
        if counts.times > 0 { out.append(Amounts.count(counts.times, "directory time", "directory times") + " to set") }
        if counts.bytes > 0 { out.append(Amounts.bytes(counts.bytes)) }
        return out
    }

    // MARK: Paths

    private static func paths(_ plan: EdgePlan, _ isWhole: Bool) -> [StyledLine] {
        let steps = isWhole ? plan.steps : first(plan.steps)
        var lines = steps.sorted { $0.path < $1.path }.map { line($0, plan.edge) }
        guard !isWhole else { return lines }
        for action in ForeseenStep.Action.allCases {
            let shown = UInt64(steps.count { $0.action == action })
            let all = count(of: action, plan.counts)
            if all > shown {
                lines.append(StyledLine("  … and \(Amounts.count(all - shown)) more \(words(action))", .dim))
            }
        }
        if plan.counts.created + plan.counts.changed + plan.counts.deleted > UInt64(steps.count) {
            lines.append(StyledLine("  --all lists every path", .dim))
        }
        return lines
    }

    private static func first(_ steps: [ForeseenStep]) -> [ForeseenStep] {
        var shown: [ForeseenStep.Action: Int] = [:]
        return steps.filter { step in
            if step.isTimeOfDirectory { return false }
            shown[step.action, default: 0] += 1
            return shown[step.action]! <= pathsMax
        }
    }

    private static func count(of action: ForeseenStep.Action, _ counts: PlanCounts) -> UInt64 {
        switch action {
        case .create: counts.created
        case .change: counts.changed
        case .delete: counts.deleted
        case .rename: counts.renamed
        case .conflict: counts.conflicts
        }
    }

    private static func words(_ action: ForeseenStep.Action) -> String {
        switch action {
        case .create: "to create"
        case .change: "to change"
        case .delete: "to delete"
        case .rename: "to rename"
        case .conflict: "in conflict"
        }
    }

    private static func line(_ step: ForeseenStep, _ edge: EdgeIdentity) -> StyledLine {
        let (sign, colour): (String, Colour) =
            switch step.action {
            case .create: ("+", .green)
            case .change: ("~", .yellow)
            case .delete: ("-", .red)
            case .rename: (">", .cyan)
            case .conflict: ("!", .yellow)
            }
        let isDirectory = (step.after ?? step.before)?.attributes.kind == .directory
        let from = step.from.map { "\($0) → " } ?? ""
        var line = StyledLine("  \(sign) \(from)\(step.path)\(isDirectory ? "/" : "")", colour)
        let details = details(step) + (edge.mode == .bidi ? place(step, edge) : [])
        if !details.isEmpty { line.add("  " + details.joined(separator: ", "), .dim) }
        return line
    }

    private static func place(_ step: ForeseenStep, _ edge: EdgeIdentity) -> [String] {
        if step.action == .conflict { return [] }
        return ["at \(step.isUpward ? edge.upstream : edge.downstream)"]
    }

    private static func details(_ step: ForeseenStep) -> [String] {
        switch (step.action, step.before?.attributes, step.after?.attributes) {
        case (.create, _, let after?): return [size(after)].compactMap { $0 }
        case (.delete, let before?, _): return [size(before)].compactMap { $0 }
        case (.change, let before?, let after?): return changes(before, after, step)
        case (.conflict, let down, let up):
            return ["upstream \(words(up)), downstream \(words(down))"]
        default: return []
        }
    }

    private static func words(_ side: Attributes?) -> String {
        guard let side else { return "deleted" }
        return side.kind.name + (size(side).map { " of \($0)" } ?? "")
    }

    private static func size(_ attributes: Attributes) -> String? {
        switch attributes.kind {
        case .file: Amounts.bytes(attributes.size)
        case .symlink: "symlink"
        default: nil
        }
    }

    private static func changes(_ before: Attributes, _ after: Attributes, _ step: ForeseenStep) -> [String] {
        if before.kind != after.kind { return ["\(before.kind.name) → \(words(after))"] }
        var out: [String] = []
        if before.size != after.size {
            out.append("\(Amounts.bytes(before.size)) → \(Amounts.bytes(after.size))")
        } else if step.bytes > 0 {
            out.append(Amounts.bytes(after.size) + ", other content")
        }
        if before.mode != after.mode { out.append("mode \(octal(before.mode)) → \(octal(after.mode))") }
        if out.isEmpty { out.append(before.mtime != after.mtime ? "time" : "owner, group or other metadata") }
        return out
    }

    private static func octal(_ mode: UInt16) -> String {
        let digits = String(mode, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    // MARK: Problems

    private static func problems(_ plan: EdgePlan, _ isWhole: Bool) -> [StyledLine] {
        let shown = isWhole ? plan.problems : Array(plan.problems.prefix(problemsMax))
        var lines = shown.map { problem -> StyledLine in
            var line = StyledLine("  problem[\(problem.code)] ", .yellow)
            line.add((problem.path.map { "\($0): " } ?? "") + Printable.text(problem.message))
            return line
        }
        let more =
            plan.summary.counts.problems > UInt64(shown.count) ? plan.summary.counts.problems - UInt64(shown.count) : 0
        if more > 0 {
            lines.append(StyledLine("  … and \(Amounts.count(more, "more problem", "more problems"))", .dim))
        }
        return lines
    }

    private static func heldBack(_ plan: EdgePlan, _ isWhole: Bool) -> [StyledLine] {
        let shown = isWhole ? plan.heldBack : Array(plan.heldBack.prefix(heldBackMax))
        var lines = shown.map { StyledLine("  held back: \($0)", .red) }
        if plan.heldBack.count > shown.count {
            lines.append(
                StyledLine("  … and \(Amounts.count(UInt64(plan.heldBack.count - shown.count))) more held back", .dim))
        }
        return lines
    }

    /// Of the whole plan, one line.
    private static func total(_ plans: [EdgePlan]) -> StyledLine {
        var counts = PlanCounts()
        for plan in plans { counts.add(plan.counts) }
        let amounts = amounts(counts)
        let moving = plans.count { $0.counts.hasSteps }
        var line = StyledLine("plan of \(Amounts.count(UInt64(plans.count), "edge", "edges")): ", .bold)
        let isFine = plans.allSatisfy { $0.summary.exit == .inStep }
        let words =
            amounts.isEmpty
            ? (isFine ? "nothing to do" : "nothing would be done")
            : amounts.joined(separator: ", ") + (plans.count > 1 ? " on \(Amounts.count(UInt64(moving)))" : "")
        line.add(words, isFine ? (amounts.isEmpty ? .green : .cyan) : .yellow)
        let ended = plans.count { $0.summary.error != nil || $0.summary.skippedBecauseOf != nil }
        if ended > 0 {
            line.add("; \(Amounts.count(UInt64(ended), "edge", "edges")) would not be brought in step", .red)
        }
        line.add("; nothing was changed")
        return line
    }
}
