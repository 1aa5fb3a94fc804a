import Core
import Topologies

/// Whether a plan that was kept still holds. Pure.
package enum PlanCheck {
    /// The edges of a plan in a topology, ascending.
    ///
    /// - Throws: `plan.other-topology` where one is not there, or is asked for something else now.
    package static func edges(
        _ plan: PlanFile, in topology: Topology, resolutions: [String: [Resolution]]
    ) throws(HeadwaterError) -> [Int] {
        var indices: [Int] = []
        for edge in plan.edges {
            guard let index = topology.edges.indices.first(where: { topology.edges[$0].session == edge.session }) else {
                throw otherTopology(edge.session, "has no edge of that session", topology)
            }
            guard PlanFile.asked(topology, index, resolutions[edge.session] ?? []) == edge.asked else {
                throw otherTopology(edge.session, "asks for something else by now", topology)
            }
            indices.append(index)
        }
        return indices.sorted()
    }

    /// What has moved on since `kept` was made; nil where `now` foresees the same. The first edge, and the first path of it.
    package static func movedOn(_ kept: PlanFile, _ now: PlanFile) -> HeadwaterError? {
        for edge in kept.edges {
            let fresh = now.edges.first { $0.session == edge.session }
            guard let fresh else { return movedOn(edge, nil, "it is not planned any more") }
            if edge.position != fresh.position { return movedOn(edge, nil, "another run has brought it further") }
            if edge.ending != fresh.ending {
                return movedOn(
                    edge, nil, "it would end with \(fresh.ending ?? "no error"), not with \(edge.ending ?? "none")")
            }
            if let difference = difference(edge.steps, fresh.steps) {
                return movedOn(edge, difference.path, difference.what)
            }
        }
        return nil
    }

    private static func difference(_ planned: [ForeseenStep], _ now: [ForeseenStep]) -> (path: TreePath, what: String)?
    {
        func counted(_ steps: [ForeseenStep]) -> [ForeseenStep.Place: [ForeseenStep]] {
            Dictionary(grouping: steps.filter { !$0.isTimeOfDirectory }) { $0.place }
        }
        let (before, after) = (counted(planned), counted(now))
        let places = Set(before.keys).union(after.keys).sorted {
            $0.path == $1.path ? !$0.isUpward && $1.isUpward : $0.path < $1.path
        }
        for place in places {
            let (old, new) = (before[place] ?? [], after[place] ?? [])
            if old.count == new.count && zip(old, new).allSatisfy({ $0.isStill($1) }) { continue }
            return (place.path, "planned was to \(words(old)), now it is to \(words(new))")
        }
        return nil
    }

    private static func words(_ steps: [ForeseenStep]) -> String {
        guard let step = steps.first else { return "leave it" }
        let size =
            step.after.map { $0.attributes.kind == .file ? " it as \($0.attributes.size) bytes" : " it" } ?? " it"
        return switch step.action {
        case .create: "create" + size
        case .change: "change" + size
        case .delete: "delete it"
        case .rename: "rename it"
        case .conflict: "flag it"
        }
    }

    private static func movedOn(_ edge: PlanFile.Edge, _ path: TreePath?, _ what: String) -> HeadwaterError {
        var error = HeadwaterError(
            "plan.moved-on", "the plan does not hold any more: \(what); nothing was changed",
            remedy: "plan again, look at it, and run that", path: path)
        error.edge = edge.session
        return error
    }

    private static func otherTopology(_ session: String, _ what: String, _ topology: Topology) -> HeadwaterError {
        var error = HeadwaterError(
            "plan.other-topology", "the plan is not one of \(topology.file), which \(what)",
            remedy: "plan again with this file, or give the file that the plan was made of", exit: .usage)
        error.edge = session
        return error
    }
}
