import Core

/// What one end says of its snapshot in the hello.
package struct EndState: Hashable, Sendable {
    package var snapshot: SnapshotState
    /// The path of its `snap.db`, for messages.
    package var file: String
    /// Another session of the same two places at this end, looked for when `snapshot` is `none` (`Snapshot.sibling`).
    package var sibling: String?

    package init(snapshot: SnapshotState, file: String, sibling: String? = nil) {
        self.snapshot = snapshot
        self.file = file
        self.sibling = sibling
    }

    var meta: SnapshotMeta? {
        if case .ok(let meta) = snapshot { return meta }
        return nil
    }
}

/// Which of the two ends; local is where the session is initiated.
package enum End: Hashable, Sendable, CaseIterable {
    case local, remote
}

/// What the two ends do, decided from the two states alone.
package enum StartDecision: Sendable {
    case firstCycle(FirstCycle)
    case incremental(Incremental)
    /// Nothing is read, written or changed; exit 5.
    case refuse(HeadwaterError)

    /// Union: equal files are adopted, nothing is deleted.
    package struct FirstCycle: Hashable, Sendable {
        /// The name both ends have, or shall make.
        package var id: SnapshotID
        /// The ends that make a snapshot before anything is published. An end that has one discards it first (a reset). They
        /// may do so at once or one after the other; killed in between, the next start comes to the same end.
        package var creates: Set<End>
        /// What each end writes into `replaces`; only in a reset.
        package var replaces: [End: SnapshotID] = [:]
    }

    package struct Incremental: Hashable, Sendable {
        /// The remote end first sends its rows after this number, and the local one records them. nil: nothing to send.
        package var localLacksAfter: Int64?
        /// The same, the other way round.
        package var remoteLacksAfter: Int64?
        /// The filter is not the one of the last cycle: paths it newly excludes stay where they are.
        package var filterChanged: Bool
    }
}
