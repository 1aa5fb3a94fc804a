/// Whether what is about to be done is what was planned. Pure.
extension ForeseenStep {
    /// Names a step within the plan of one edge.
    package struct Place: Hashable, Sendable {
        package var path: TreePath
        package var isUpward: Bool

        package init(path: TreePath, isUpward: Bool) { (self.path, self.isUpward) = (path, isUpward) }
    }

    package var place: Place { Place(path: path, isUpward: isUpward) }

    /// Whether a plan made anew foresees the same as this one; what was not read in either is not compared.
    package func isStill(_ now: ForeseenStep) -> Bool {
        action == now.action && from == now.from && bytes == now.bytes
            && ForeseenStep.are(before, now.before) { $0.isStill($1) }
            && ForeseenStep.are(after, now.after) { $0.isStill($1) }
    }

    /// Whether `actual`, which is decided and not done yet, is this step.
    ///
    /// What was only foreseen when this was planned has no time of its own: at the end that changes its kind and size count; what another
    /// edge has brought meanwhile may have its time in the grain of the file system there.
    package func permits(_ actual: ForeseenStep) -> Bool {
        action == actual.action && from == actual.from
            && ForeseenStep.are(before, actual.before) { $0.isMet(by: $1) }
            && ForeseenStep.are(after, actual.after) { $0.isBroughtBy($1) }
    }

    /// The removal of a directory that was not foreseen to become empty loses nothing, nor does its time.
    package var needsNoPermission: Bool {
        isTimeOfDirectory || (action == .delete && before?.attributes.kind == .directory)
    }

    private static func are(_ a: Side?, _ b: Side?, _ same: (Side, Side) -> Bool) -> Bool {
        switch (a, b) {
        case (nil, nil): true
        case (let a?, let b?): same(a, b)
        default: false
        }
    }
}

extension ForeseenStep.Side {
    private func hasContent(of other: Self) -> Bool {
        guard let digest, let known = other.digest else { return true }
        return digest == known
    }

    /// A directory is the same whatever its time is: that changes with what is in it.
    private func hasShape(of other: Self) -> Bool {
        let (a, b) = (attributes, other.attributes)
        return a.kind == b.kind && a.size == b.size && (a.kind != .directory || a.mode == b.mode)
    }

    fileprivate func isStill(_ now: Self) -> Bool {
        guard hasShape(of: now), hasContent(of: now) else { return false }
        return attributes.kind == .directory || (attributes == now.attributes && changedAt == now.changedAt)
    }

    fileprivate func isMet(by actual: Self) -> Bool {
        guard attributes.kind == actual.attributes.kind, attributes.size == actual.attributes.size else { return false }
        return changedAt == nil || (changedAt == actual.changedAt && attributes == actual.attributes)
    }

    fileprivate func isBroughtBy(_ actual: Self) -> Bool {
        guard hasShape(of: actual), hasContent(of: actual), attributes.mode == actual.attributes.mode else {
            return false
        }
        if attributes.kind == .directory { return true }
        let (planned, found) = (attributes.mtime, actual.attributes.mtime)
        let isRounded = found.seconds == planned.seconds && found < planned && found.nanoseconds % 1_000_000 == 0
        return planned == found || isRounded
    }
}

/// Where the two databases of a session stood when its plan was made.
package struct SessionPosition: Hashable, Sendable {
    /// The session's UUID.
    package var id: Digest
    /// The last commits of the two ends.
    package var upstream: Int64
    package var downstream: Int64

    package init(id: Digest, upstream: Int64, downstream: Int64) {
        (self.id, self.upstream, self.downstream) = (id, upstream, downstream)
    }
}
