import Core
import Snapshots
import Wire

/// Everything one cycle needs to know of its edge.
package struct SessionPlan: Sendable {
    package var edge: EdgeIdentity
    /// The tree at the initiating end.
    package var here: EndPlace
    /// The tree at the other end, as declared: absolute or beginning `~/`.
    package var there: EndPlace
    /// Whether data flows from here to there.
    package var hereIsSource: Bool
    package var maxDelete: DeleteLimit
    /// Rebuild both databases: union, equal files adopted, nothing deleted.
    package var isReset: Bool
    package var released: [ReleasedHalt]
    package var owner: LockOwner
    /// The owner of the other end's lock is a dead process of this host: its agent is to be ended.
    package var takesOver: Bool
    /// How old the view of the tree here may be (`MonotonicClock`); nil for the beginning of the cycle. Sessions of one root that
    /// name the same moment share one scan.
    package var viewSince: UInt64?

    package init(
        edge: EdgeIdentity, here: EndPlace, there: EndPlace, hereIsSource: Bool, maxDelete: DeleteLimit,
        isReset: Bool = false,
        released: [ReleasedHalt] = [], owner: LockOwner, takesOver: Bool = false, viewSince: UInt64? = nil
    ) {
        self.edge = edge
        self.here = here
        self.there = there
        self.hereIsSource = hereIsSource
        self.maxDelete = maxDelete
        self.isReset = isReset
        self.released = released
        self.owner = owner
        self.takesOver = takesOver
        self.viewSince = viewSince
    }
}

/// Where one end's tree and database are.
package struct EndPlace: Hashable, Sendable {
    package var path: String
    /// Holds `.headwater/<session>/snap.db`; the tree itself where nil.
    package var database: String?
    /// A path beneath the tree that must exist, or it counts as unmounted.
    package var mount: String?

    package init(path: String, database: String? = nil, mount: String? = nil) {
        self.path = path
        self.database = database
        self.mount = mount
    }
}

/// What one cycle did, as the initiating end knows it.
package struct SessionOutcome: Sendable {
    package var counts: CycleCounts
    /// Bytes of all frames that this end sent and received; 0 when nothing moved.
    package var bytesSent: UInt64
    package var bytesReceived: UInt64
    /// Ended early because an operator asked for it.
    package var wasCancelled: Bool
}

/// Hears what happens in a session. Called from the session's threads; must not block.
package protocol SessionObserver: AnyObject, Sendable {
    func note(problem: HeadwaterError)
    func note(progress: Progress)
    func note(detail: String)
}
