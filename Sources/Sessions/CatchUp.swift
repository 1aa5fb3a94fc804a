import Core
import Platform
import Snapshots
import Wire

/// Brings both snapshots to the same rows after an interrupted cycle, and makes sure that they are the same before anything is compared
/// with them.
///
/// The responder sends first and the initiator second, so that neither waits for the other to read.
struct CatchUp {
    let snapshot: Snapshot
    let link: FrameLink
    let inbox: Inbox
    let observer: any SessionObserver
    /// The other end's meta row, as its hello had it.
    let other: SnapshotMeta

    /// - Parameters:
    ///   - iLackAfter: the other end sends rows after this number of its; nil: none.
    ///   - otherLacksAfter: this end sends rows after this number of its own; nil: none.
    ///   - newFilter: the filter where one of the two ends has recorded another.
    func run(iLackAfter: Int64?, otherLacksAfter: Int64?, sendsFirst: Bool, newFilter: SessionFilter? = nil)
        throws(HeadwaterError)
    {
        snapshot.acknowledge(mineThrough: other.theirs)
        // Each frame of rows is one commit of the other end at most.
        var framesSent: Int64 = 0
        if sendsFirst, let number = otherLacksAfter { framesSent = try send(after: number) }
        if iLackAfter != nil { try receive(otherAt: other.mine...(other.mine + framesSent), newFilter) }
        if !sendsFirst, let number = otherLacksAfter { framesSent = try send(after: number) }
        if let newFilter { try drop(newFilter) }
        try agree(otherAt: other.mine...(other.mine + framesSent + (newFilter == nil ? 0 : 1)))
    }

    /// Takes out of the snapshot what a new filter excludes: those paths stay where they are, at both ends.
    ///
    /// Both ends do so from the same rows by the same rules, each in one commit that leaves tombstones. An end that is killed before the
    /// other has done it sends those at the next hello, whatever the filter is by then: so a kill never leads to a refusal.
    private func drop(_ filter: SessionFilter) throws(HeadwaterError) {
        let before = snapshot.meta.counts.rows
        try snapshot.setFilter(filter.digest) { filter.hides($0) }
        let dropped = before - snapshot.meta.counts.rows
        observer.note(detail: "the filter is not that of the last run; \(dropped) paths are not synced any more")
    }

    /// Exchanges `prepared`: from here on this end's database is durable and the other's is too.
    ///
    /// - Parameter otherAt: what the other end's last commit can be: what it says is recorded, so nothing else is believed.
    func agree(otherAt: ClosedRange<Int64>) throws(HeadwaterError) {
        let meta = snapshot.meta
        try link.send(.prepared, PreparedMessage(sum: meta.sum, rows: meta.counts.agreed, mine: meta.mine).encoded())
        let frame = try expect(.prepared)
        let theirs = try decoding { () throws(WireFault) in try PreparedMessage(decoding: frame.payload) }
        guard otherAt.contains(theirs.mine) else { throw .oddCommit(theirs.mine) }
        var there = other
        (there.sum, there.counts.agreed) = (theirs.sum, theirs.rows)
        if let error = StartUp.disagreement(meta, there, file: snapshot.directory.databaseFile) { throw error }
        if theirs.mine > meta.theirs { _ = try snapshot.commit([], theirs: theirs.mine) }
    }

    /// Returns how many frames it took.
    private func send(after number: Int64) throws(HeadwaterError) -> Int64 {
        var frames: Int64 = 1
        let rows = try snapshot.rows(after: number)
        var items: [RowsMessage.Item] = []
        var bytes = 0
        while let row = try rows.next() {
            items.append(RowsMessage.Item(path: row.path, state: try state(of: row)))
            bytes += items[items.count - 1].bytesEstimate
            if items.count == RowsMessage.rowsMax || bytes > Frame.payloadBytesMax / 2 {
                try link.send(.rows, RowsMessage(items: items, through: snapshot.meta.mine, isLast: false).encoded())
                items = []
                bytes = 0
                frames += 1
            }
        }
        try link.send(.rows, RowsMessage(items: items, through: snapshot.meta.mine, isLast: true).encoded())
        return frames
    }

    private func state(of row: Row) throws(HeadwaterError) -> RowsMessage.Item.State {
        switch row.state {
        case .gone: .gone
        case .agreed: .agreed(row.agreed)
        case .withheld: .withheld(row.agreed)
        case .residue: .residue(row.agreed)
        case .kept: .kept(row.agreed)
        case .conflict: .conflict(try snapshot.conflict(at: row.path))
        }
    }

    private func receive(otherAt: ClosedRange<Int64>, _ newFilter: SessionFilter?) throws(HeadwaterError) {
        var recovered = CycleCounts()
        while true {
            let frame = try expect(.rows)
            let message = try decoding { () throws(WireFault) in try RowsMessage(decoding: frame.payload) }
            guard otherAt.contains(message.through) else { throw .oddCommit(message.through) }
            var changes: [RowChange] = []
            for item in message.items where try isNews(item.path) {
                switch item.state {
                case .gone:
                    // What left by a new filter, before a kill, was not deleted.
                    if !(newFilter?.hides(item.path, .directory) ?? false) { recovered.add(recovered: nil) }
                    changes.append(.forget(item.path))
                case .agreed(let agreed):
                    recovered.add(recovered: agreed)
                    changes.append(.put(item.path, agreed, local: nil, state: .agreed))
                case .residue(let agreed): changes.append(.put(item.path, agreed, local: nil, state: .residue))
                case .withheld(let agreed): changes.append(.put(item.path, agreed, local: nil, state: .withheld))
                case .kept(let agreed): changes.append(.put(item.path, agreed, local: nil, state: .kept))
                case .conflict(let conflict): changes.append(.conflict(conflict, local: nil))
                }
            }
            _ = try snapshot.commit(changes, theirs: message.isLast ? message.through : nil)
            if message.isLast { break }
        }
        observer.note(recovered: recovered)
    }

    /// A row that this end has committed and the other has not seen is newer than anything the other can send: a cycle changes a path
    /// at one end only, and every cycle begins level.
    private func isNews(_ path: TreePath) throws(HeadwaterError) -> Bool {
        guard let row = try snapshot.row(at: path) else { return true }
        return row.number <= other.theirs
    }

    private func expect(_ kind: Frame.Kind) throws(HeadwaterError) -> Frame {
        while true {
            guard let item = try inbox.next() else { continue }
            guard case .frame(let frame) = item else { throw .cancelled }
            if frame.kind == .failure { throw try Conversation.failure(frame) }
            guard frame.kind == kind else { throw .protocolBroken(WireFault("\(frame.kind) where \(kind) was due")) }
            return frame
        }
    }
}

extension HeadwaterError {
    /// A commit number that the other end cannot have by what it said before.
    static func oddCommit(_ number: Int64) -> HeadwaterError {
        .protocolBroken(WireFault("commit number \(number) does not follow from what was said before"))
    }
}

extension CycleCounts {
    /// Counts what the other end did to one path before this one heard of it.
    fileprivate mutating func add(recovered agreed: AgreedEntry?) {
        var one = CycleCounts()
        switch agreed?.attributes.kind {
        case nil: one.deleted = 1
        case .directory: one.directories = 1
        case .symlink: one.symlinks = 1
        default: (one.files, one.bytesPayload) = (1, agreed!.attributes.size)
        }
        add(moved: one)
    }
}
