import Core
import Snapshots
import Wire

/// Between what the hello carries and what `StartUp` decides by.
extension DatabaseState {
    init(_ state: EndState) {
        let content: Content =
            switch state.snapshot {
            case .none: .none
            case .ok(let meta): .ok(DatabaseFacts(meta))
            case .refused(let fault): DatabaseState.refused(fault)
            }
        self.init(file: state.file, sibling: state.sibling, content: content)
    }

    /// - Throws: a fault of an unknown kind.
    func endState() throws(WireFault) -> EndState {
        let snapshot: SnapshotState =
            switch content {
            case .none: .none
            case .ok(let facts): .ok(facts.meta)
            case .refused(1, _): .refused(.notDatabase)
            case .refused(2, _): .refused(.corrupt)
            case .refused(3, let version): .refused(.newerSchema(Int64(version) ?? 0))
            case .refused(4, _): .refused(.foreign)
            case .refused(5, let reason): .refused(.unreadable(reason))
            case .refused(let fault, _): throw WireFault("unknown fault \(fault) of a database")
            }
        return EndState(snapshot: snapshot, file: file, sibling: sibling)
    }

    private static func refused(_ fault: SnapshotFault) -> Content {
        switch fault {
        case .notDatabase: .refused(fault: 1, detail: "")
        case .corrupt: .refused(fault: 2, detail: "")
        case .newerSchema(let version): .refused(fault: 3, detail: "\(version)")
        case .foreign: .refused(fault: 4, detail: "")
        case .unreadable(let reason): .refused(fault: 5, detail: reason)
        }
    }
}

extension DatabaseFacts {
    init(_ meta: SnapshotMeta) {
        let terms = meta.terms
        self.init(
            id: meta.id.value, replaces: meta.replaces?.value, mine: meta.mine, theirs: meta.theirs,
            session: terms.session, mode: terms.mode,
            isUpstream: terms.isUpstream, machineHere: terms.machineHere, machineThere: terms.machineThere,
            placeHere: terms.placeHere,
            placeThere: terms.placeThere, filterDigest: meta.filterDigest, sum: meta.sum, rows: meta.counts.agreed)
    }

    /// As far as the other end's meta row matters here: its root and the kinds of its rows do not.
    var meta: SnapshotMeta {
        let terms = SessionTerms(
            session: session, mode: mode, isUpstream: isUpstream, machineHere: machineHere, machineThere: machineThere,
            placeHere: placeHere,
            placeThere: placeThere)
        var meta = SnapshotMeta(
            terms: terms, id: SnapshotID(id), replaces: replaces.map { SnapshotID($0) }, filterDigest: filterDigest,
            root: RootIdentity(device: 0, inode: 0))
        (meta.mine, meta.theirs, meta.sum, meta.counts.agreed) = (mine, theirs, sum, rows)
        return meta
    }
}
