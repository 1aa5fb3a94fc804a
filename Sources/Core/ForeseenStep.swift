/// One step that a plan foresees: what stands at a path now at the end that changes, and what will stand there afterwards.
///
/// Steps that only record what is right already are not among them; they are counted.
package struct ForeseenStep: Hashable, Sendable {
    /// Raw values are those of the wire.
    package enum Action: UInt8, Sendable, CaseIterable {
        case create = 1
        /// Content, kind, target, mode or time.
        case change = 2
        case delete = 3
        case rename = 4
        /// Both sides changed the path; it is flagged, and both stay.
        case conflict = 5
    }

    /// What stands at a path.
    package struct Side: Hashable, Sendable {
        /// Without the metadata beside mode and times.
        package var attributes: Attributes
        /// When the inode last changed, by its own file system; nil where it is not there yet.
        package var changedAt: Timestamp?
        /// Of the content; nil where the plan had no need to read it, and for a directory.
        package var digest: Digest?

        package init(_ attributes: Attributes, changedAt: Timestamp? = nil, digest: Digest? = nil) {
            (self.attributes, self.changedAt, self.digest) = (attributes, changedAt, digest)
            self.attributes.metadata = nil
        }
    }

    package var action: Action
    package var path: TreePath
    /// The end that changes is the upstream one: the second direction of a bidirectional edge.
    package var isUpward: Bool
    /// Nil: nothing. Of a conflict: the downstream side.
    package var before: Side?
    /// Nil: nothing. Of a conflict: the upstream side.
    package var after: Side?
    /// Of a rename: where it stands now.
    package var from: TreePath?
    /// Content of files that has to be brought, before compression.
    package var bytes: UInt64

    package init(
        _ action: Action, _ path: TreePath, isUpward: Bool, before: Side?, after: Side?, from: TreePath? = nil,
        bytes: UInt64 = 0
    ) {
        (self.action, self.path, self.isUpward) = (action, path, isUpward)
        (self.before, self.after, self.from, self.bytes) = (before, after, from, bytes)
    }

    /// A directory of which nothing but the modification time becomes another: what is put into it or taken out does that.
    package var isTimeOfDirectory: Bool {
        guard action == .change, let before = before?.attributes, let after = after?.attributes else { return false }
        return before.kind == .directory && after.kind == .directory && before.mode == after.mode
    }
}

/// What the plan of one edge comes to, step by step.
package struct PlanCounts: Hashable, Sendable {
    package var created: UInt64 = 0
    package var changed: UInt64 = 0
    package var deleted: UInt64 = 0
    package var renamed: UInt64 = 0
    /// Flagged by this plan; those that stand already are not among them.
    package var conflicts: UInt64 = 0
    /// Directories of which only the time becomes another.
    package var times: UInt64 = 0
    /// Paths that are equal at both ends already and will be recorded, or are gone at both and will be forgotten.
    package var recorded: UInt64 = 0
    /// Content of files that has to be brought, before compression.
    package var bytes: UInt64 = 0

    package init() {}

    package mutating func add(_ step: ForeseenStep) {
        bytes = CycleCounts.sum(bytes, step.bytes)
        switch step.action {
        case .create: created += 1
        case .change where step.isTimeOfDirectory: times += 1
        case .change: changed += 1
        case .delete: deleted += 1
        case .rename: renamed += 1
        case .conflict: conflicts += 1
        }
    }

    package mutating func add(_ other: PlanCounts) {
        created = CycleCounts.sum(created, other.created)
        changed = CycleCounts.sum(changed, other.changed)
        deleted = CycleCounts.sum(deleted, other.deleted)
        renamed = CycleCounts.sum(renamed, other.renamed)
        conflicts = CycleCounts.sum(conflicts, other.conflicts)
        times = CycleCounts.sum(times, other.times)
        recorded = CycleCounts.sum(recorded, other.recorded)
        bytes = CycleCounts.sum(bytes, other.bytes)
    }

    /// Whether a run would change anything that is kept in step, or flag a conflict. What is only recorded does not count.
    package var hasSteps: Bool { created + changed + deleted + renamed + conflicts + times > 0 }
}
