import Core
import Reconciliation
import Roots

/// What a plan permits a session to do: each step right before it is done, and nothing else.
final class StepPermits {
    /// Of one place there may be several: one for each turn of the session.
    private var open: [ForeseenStep.Place: [ForeseenStep]]

    init(_ steps: [ForeseenStep]) { open = Dictionary(grouping: steps) { $0.place } }

    /// - Throws: `plan.moved-on` for what was not planned, or not so.
    func require(_ step: ForeseenStep) throws(HeadwaterError) {
        let planned = open[step.place] ?? []
        if let index = planned.firstIndex(where: { $0.permits(step) }) {
            open[step.place]!.remove(at: index)
        } else if !step.needsNoPermission {
            throw .movedOn(step.path, planned.isEmpty ? "this was not planned" : "it is not as planned any more")
        }
    }

    /// Whether the plan has anything at this place that was not done yet.
    func holds(_ place: ForeseenStep.Place) -> Bool { !(open[place] ?? []).isEmpty }

    /// Whether the plan has a step of this kind at this place that was not done yet.
    func holds(_ action: ForeseenStep.Action, at place: ForeseenStep.Place) -> Bool {
        (open[place] ?? []).contains { $0.action == action }
    }

    /// Sees that all that was planned for one direction was done.
    func requireNothingLeft(isUpward: Bool) throws(HeadwaterError) {
        let left = open.values.joined().filter { $0.isUpward == isUpward && !$0.needsNoPermission }.map(\.path).min()
        if let left { throw .movedOn(left, "there is nothing to do there any more") }
    }
}

extension HeadwaterError {
    static func movedOn(_ path: TreePath, _ what: String) -> HeadwaterError {
        HeadwaterError(
            "plan.moved-on", "the plan does not hold at this path: \(what); nothing beyond the plan was done",
            remedy: "plan again, look at it, and run that", path: path)
    }
}

extension ForeseenStep {
    /// What a step that was decided does to the tree; nil where that is nothing.
    init?(_ step: PlannedStep, _ operation: Operation, isUpward: Bool) {
        let before = Side(operation.expected)
        if case .remove = operation {
            guard let before else { return nil }
            self.init(.delete, step.path, isUpward: isUpward, before: before, after: nil)
            return
        }
        guard let (attributes, brings) = operation.leaves else { return nil }
        // What is not recorded yet may be another content than was agreed.
        let digest = step.isUnrecorded ? nil : step.agreed?.digest
        self.init(
            before == nil ? .create : .change, step.path, isUpward: isUpward, before: before,
            after: Side(attributes, digest: digest), bytes: brings ? attributes.size : 0)
    }

    /// A path to flag.
    init(_ conflict: Conflict, isUpward: Bool) {
        func side(_ entry: AgreedEntry?) -> Side? { entry.map { Side($0.attributes, digest: $0.digest) } }
        self.init(
            .conflict, conflict.path, isUpward: isUpward, before: side(conflict.downstream),
            after: side(conflict.upstream))
    }
}

extension ForeseenStep.Side {
    init?(_ expected: Expected) {
        guard case .present(let kind, let identity, let size, let mode) = expected else { return nil }
        // What is only foreseen has no time of its own yet.
        let isThere = identity.inode >> 63 == 0
        self.init(
            Attributes(kind: kind, mode: mode, size: size, mtime: identity.mtime),
            changedAt: isThere && kind != .directory ? identity.ctime : nil)
    }
}

extension Operation {
    /// Whether a directory has to be empty for it, and goes.
    var displacesDirectory: Bool {
        switch self {
        case .putFile, .putSymlink, .remove, .link: expected.isDirectory
        case .makeDirectory, .setAttributes, .move, .exchange: false
        }
    }

    /// What stands at the path afterwards, and whether content has to be brought. Nil for what is removed or renamed.
    var leaves: (attributes: Attributes, brings: Bool)? {
        switch self {
        case .putFile(_, let file, _): (file.attributes, true)
        case .putSymlink(_, _, let attributes, _, _), .makeDirectory(_, let attributes, _, _),
            .setAttributes(_, let attributes, _, _), .link(_, _, _, let attributes, _):
            (attributes, false)
        case .remove, .move, .exchange: nil
        }
    }
}
