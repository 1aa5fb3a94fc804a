import Core
import Snapshots
import Topologies

/// What the snapshot databases on this machine say of themselves. Connects to nobody, makes nothing, locks nothing; a run that is under
/// way does not notice. All calls block for the disk.
package enum SnapshotLook {
    /// The sessions that have a database in a directory, sound or not.
    ///
    /// - Throws: `snapshot.unknown` (exit 2) where there is none.
    package static func sessions(in directory: String) throws(HeadwaterError) -> [String] {
        let there = try present(directory).map(\.session)
        if there.isEmpty { throw unknown(nil, directory, []) }
        return there
    }

    /// The session's directory, where it has a database.
    ///
    /// - Throws: `snapshot.unknown` with what there is.
    static func find(_ session: String, in directory: String) throws(HeadwaterError) -> SessionDirectory {
        guard let found = try present(directory).first(where: { $0.session == session }) else {
            throw unknown(session, directory, try present(directory).map(\.session))
        }
        return found
    }

    private static func present(_ directory: String) throws(HeadwaterError) -> [SessionDirectory] {
        try Snapshot.sessions(in: directory).map { SessionDirectory(database: directory, session: $0) }
            .filter { Snapshot.isPresent($0) }
    }

    /// All sessions of a directory that have a database there.
    package static func reports(in directory: String) throws(HeadwaterError) -> [SnapshotReport] {
        try present(directory).map { report($0, peer: nil) }
    }

    /// The ends of all edges that are on this machine, in the order of the file, with or without a database.
    package static func reports(of topology: Topology) -> [SnapshotReport] {
        topology.edges.flatMap { edge in
            [edge.upstream, edge.downstream].compactMap { index in
                let peer = topology.peers[index]
                return LocalEnd(edge, peer).map { report($0.directory, peer: peer.name) }
            }
        }
    }

    /// One database with what all its rows add up to.
    ///
    /// - Throws: the refusal of a database that is not sound; `snapshot.changing`.
    package static func summary(_ session: String, in directory: String) throws(HeadwaterError) -> SnapshotReport {
        let directory = try find(session, in: directory)
        var report = SnapshotReport(directory: directory.database, session: directory.session)
        _ = try SnapshotMoment.read(directory) { moment in
            let cursor = try moment.rows()
            var tally = RowTally()
            while let row = try cursor.next() { tally.add(row) }
            report.facts = SnapshotFacts(moment.meta)
            (report.hasLog, report.writtenAt) = (moment.hasLog, moment.writtenAt)
            report.rows = SnapshotRows(
                states: RowState.allCases.map { ($0.name, tally.states[$0] ?? 0) }, contentBytes: tally.contentBytes,
                databaseBytes: moment.bytes.file, logBytes: moment.bytes.log, freeBytes: try moment.freeBytes())
        }
        report.owner = name(of: try Glance.ownership(of: directory))
        return report
    }

    /// Goes through the rows in the order of their paths, from one moment.
    ///
    /// - Parameters:
    ///   - paths: only these and what lies below them; all where empty.
    ///   - state: only rows in the state of this name.
    /// - Returns: those of `paths` of which no row is known.
    /// - Throws: the refusal of a database that is not sound, `snapshot.changing`; after what was sound.
    package static func paths(
        _ session: String, in directory: String, below paths: [TreePath], ofState state: String?,
        _ each: (SnapshotPath) -> Void
    ) throws(HeadwaterError) -> [TreePath] {
        let directory = try find(session, in: directory)
        let wanted = RowState.allCases.first { $0.name == state }
        var isKnown = paths.map { _ in false }
        // What was shown cannot be taken back: one try.
        _ = try SnapshotMoment.read(directory, tries: 1) { moment in
            let cursor = try moment.rows()
            while let row = try cursor.next() {
                let index = paths.firstIndex { $0.contains(row.path) }
                if let index { isKnown[index] = true } else if !paths.isEmpty { continue }
                if wanted == nil || row.state == wanted { each(SnapshotPath(row)) }
            }
        }
        return zip(paths, isKnown).compactMap { $1 ? nil : $0 }
    }

    /// Reads everything and proves it.
    ///
    /// - Returns: the number of rows, tombstones included, and of the last commit.
    /// - Throws: why it is not sound, exit 5; `snapshot.changing`.
    package static func check(_ session: String, in directory: String) throws(HeadwaterError) -> (
        rows: UInt64, commit: UInt64
    ) {
        let directory = try find(session, in: directory)
        var result: (rows: UInt64, commit: UInt64) = (0, 0)
        _ = try SnapshotMoment.read(directory) { moment in
            let tally = try moment.prove(session: directory.session)
            result = (
                tally.states.values.reduce(0, +), UInt64(clamping: max(moment.meta.mine, moment.meta.theirs))
            )
        }
        return result
    }

    private static func report(_ directory: SessionDirectory, peer: String?) -> SnapshotReport {
        let glance = Glance(directory)
        var report = SnapshotReport(directory: directory.database, session: directory.session, peer: peer)
        switch glance.state {
        case .none: break
        case .ok(let meta): report.facts = SnapshotFacts(meta)
        case .refused(let fault): report.error = fault.error(file: directory.databaseFile, atPeer: false)
        }
        (report.owner, report.hasLog, report.writtenAt) = (name(of: glance.ownership), glance.hasLog, glance.writtenAt)
        return report
    }

    private static func name(of ownership: Glance.Ownership) -> String? {
        guard case .held(let by) = ownership else { return nil }
        return by.map { "pid \($0.process) on \($0.host)" } ?? "an unknown process"
    }

    private static func unknown(_ session: String?, _ directory: String, _ there: [String]) -> HeadwaterError {
        let listed = there.prefix(20).joined(separator: ", ")
        return HeadwaterError(
            "snapshot.unknown",
            "there is no database \(session.map { "of a session `\($0.prefix(64))` " } ?? "")in \(directory)",
            remedy: there.isEmpty
                ? "name the directory that holds `.headwater`: the peer's own, or its `database`"
                : "choose from \(listed)\(there.count > 20 ? " and \(there.count - 20) more" : "")",
            exit: .usage)
    }
}

extension RowState {
    var name: String {
        switch self {
        case .agreed: "agreed"
        case .conflict: "conflict"
        case .withheld: "withheld"
        case .residue: "residue"
        case .gone: "gone"
        case .kept: "kept"
        }
    }

    /// The word that users of Aspera Sync know.
    fileprivate func word(_ origin: RowOrigin) -> String {
        switch self {
        case .agreed: "SYNCHRONIZED" + origin.mark
        case .conflict: "CONFLICT"
        case .withheld, .residue, .kept: "SYNCHRONIZED(skp)"
        case .gone: "SYNCHRONIZED(del)"
        }
    }
}

extension RowOrigin {
    fileprivate var name: String {
        switch self {
        case .sent: "sent"
        case .existed: "existed"
        case .moved: "moved"
        case .copied: "copied"
        }
    }

    fileprivate var mark: String {
        switch self {
        case .sent: ""
        case .existed: "(exs)"
        case .moved: "(mov)"
        case .copied: "(ddp)"
        }
    }
}

extension SnapshotPath {
    init(_ row: Row) {
        self.init(
            path: row.path, status: row.state.word(row.origin), state: row.state.name,
            origin: row.state == .agreed ? row.origin.name : nil, attributes: row.agreed.attributes,
            digest: row.agreed.digest, number: row.number)
    }

    /// The names that `files --state` takes.
    package static let states = RowState.allCases.map(\.name)
}

extension SnapshotFacts {
    fileprivate init(_ meta: SnapshotMeta) {
        self.init(
            mode: meta.terms.mode, isUpstream: meta.terms.isUpstream, placeHere: meta.terms.placeHere,
            placeThere: meta.terms.placeThere, machineHere: meta.terms.machineHere,
            machineThere: meta.terms.machineThere, id: meta.id.description, mine: meta.mine, theirs: meta.theirs,
            isRunning: meta.running, files: UInt64(clamping: meta.counts.files),
            directories: UInt64(clamping: meta.counts.directories), symlinks: UInt64(clamping: meta.counts.symlinks),
            conflicts: UInt64(clamping: meta.counts.conflicts))
    }
}
