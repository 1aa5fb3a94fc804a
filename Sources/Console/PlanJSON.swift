import Core

/// The lines of `plan --json`: the version, the steps and problems of each edge, and a summary with all edges.
package enum PlanJSON {
    package static func lines(_ plans: [EdgePlan], exit: ExitCode) -> [String] {
        var lines = [EventJSON.version]
        for plan in plans {
            lines += plan.steps.sorted { $0.path < $1.path }.map { step($0, plan.edge) }
            lines += plan.problems.compactMap { EventJSON.line(for: .problem(edge: plan.edge, $0)) }
            lines += plan.heldBack.map { heldBack($0, plan.edge) }
        }
        lines.append(summary(plans, exit))
        return lines
    }

    private static func step(_ step: ForeseenStep, _ edge: EdgeIdentity) -> String {
        let peer = step.isUpward ? edge.upstream : edge.downstream
        return JSONValue.object([
            ("type", .string("step")), ("edge", .string(edge.label)), ("session", .string(edge.session)),
            ("action", .string(word(step.action))), ("peer", step.action == .conflict ? .null : .string(peer)),
            ("path", .string(step.path.description)), ("from", step.from.map { .string($0.description) } ?? .null),
            ("before", side(step.before)), ("after", side(step.after)), ("bytes", .unsigned(step.bytes)),
        ]).text
    }

    /// The words of `--json` and of the plan's file.
    package static func word(_ action: ForeseenStep.Action) -> String {
        switch action {
        case .create: "create"
        case .change: "change"
        case .delete: "delete"
        case .rename: "rename"
        case .conflict: "conflict"
        }
    }

    private static func side(_ side: ForeseenStep.Side?) -> JSONValue {
        guard let side else { return .null }
        return .object([
            ("type", .string(side.attributes.kind.name)), ("size", .unsigned(side.attributes.size)),
            ("mode", .integer(Int(side.attributes.mode))),
            ("mtime", .string(LogFile.timestamp(side.attributes.mtime))),
            ("digest", side.digest.map { .string($0.text) } ?? .null),
        ])
    }

    private static func heldBack(_ path: TreePath, _ edge: EdgeIdentity) -> String {
        JSONValue.object([
            ("type", .string("held-back")), ("edge", .string(edge.label)), ("session", .string(edge.session)),
            ("path", .string(path.description)),
        ]).text
    }

    private static func summary(_ plans: [EdgePlan], _ exit: ExitCode) -> String {
        var all = PlanCounts()
        for plan in plans { all.add(plan.counts) }
        let edges = plans.map { plan -> JSONValue in
            let summary = plan.summary
            func text(_ body: (HeadwaterError) -> String) -> JSONValue {
                summary.error.map { .string(body($0)) } ?? .null
            }
            return .object(
                EventJSON.summaryMembers(summary) + members(plan.counts) + [
                    ("code", text { $0.code }), ("message", text { Printable.text($0.message) }),
                    ("remedy", text { $0.remedy }),
                    ("skipped_because_of", summary.skippedBecauseOf.map { .string($0.session) } ?? .null),
                ])
        }
        return JSONValue.object([
            ("type", .string("summary")), ("edges", .array(edges)), ("total", .object(members(all))),
            ("changes", .bool(all.hasSteps)), ("exit", .integer(Int(exit.rawValue))),
        ]).text
    }

    private static func members(_ counts: PlanCounts) -> [(String, JSONValue)] {
        [
            ("to_create", .unsigned(counts.created)), ("to_change", .unsigned(counts.changed)),
            ("to_delete", .unsigned(counts.deleted)), ("to_rename", .unsigned(counts.renamed)),
            ("to_flag", .unsigned(counts.conflicts)), ("directory_times", .unsigned(counts.times)),
            ("to_record", .unsigned(counts.recorded)), ("bytes", .unsigned(counts.bytes)),
        ]
    }
}
