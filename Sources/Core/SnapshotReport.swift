/// What one end of a session keeps in its `snap.db`, as `snapshot list` and `summary` tell it.
package struct SnapshotReport: Sendable {
    /// The directory that holds `.headwater/<session>/snap.db`.
    package var directory: String
    package var session: String
    /// The peer of the topology, where it was found through one.
    package var peer: String?
    /// nil where there is no database, and where it refuses.
    package var facts: SnapshotFacts?
    /// Why it refuses.
    package var error: HeadwaterError?
    /// Who runs the session.
    package var owner: String?
    /// A log lies beside it: a run is under way, or was killed.
    package var hasLog = false
    /// When database or log were last written.
    package var writtenAt: Timestamp?
    /// nil where the rows were not read.
    package var rows: SnapshotRows?

    package init(directory: String, session: String, peer: String? = nil) {
        (self.directory, self.session, self.peer) = (directory, session, peer)
    }

    /// One that refuses is worth reporting; one that is not there, or runs, is not.
    package var exit: ExitCode { error?.exit ?? .inStep }
}

/// The meta row of a `snap.db`.
package struct SnapshotFacts: Sendable {
    package var mode: Mode
    package var isUpstream: Bool
    package var placeHere: String
    package var placeThere: String
    package var machineHere: String
    package var machineThere: String
    /// The name that both ends of the session share, 32 hexadecimal digits.
    package var id: String
    /// The last commit of this end, and the highest of the other end's that is recorded here.
    package var mine: Int64
    package var theirs: Int64
    package var isRunning: Bool
    package var files: UInt64
    package var directories: UInt64
    package var symlinks: UInt64
    package var conflicts: UInt64

    package init(
        mode: Mode, isUpstream: Bool, placeHere: String, placeThere: String, machineHere: String, machineThere: String,
        id: String, mine: Int64, theirs: Int64, isRunning: Bool, files: UInt64, directories: UInt64, symlinks: UInt64,
        conflicts: UInt64
    ) {
        self.mode = mode
        self.isUpstream = isUpstream
        self.placeHere = placeHere
        self.placeThere = placeThere
        self.machineHere = machineHere
        self.machineThere = machineThere
        self.id = id
        self.mine = mine
        self.theirs = theirs
        self.isRunning = isRunning
        self.files = files
        self.directories = directories
        self.symlinks = symlinks
        self.conflicts = conflicts
    }
}

/// What the rows of a `snap.db` add up to.
package struct SnapshotRows: Sendable {
    /// Number of rows in each state, by the state's name, in a fixed order; all states.
    package var states: [(name: String, count: UInt64)]
    /// Content of the files that both ends have.
    package var contentBytes: UInt64
    package var databaseBytes: UInt64
    package var logBytes: UInt64
    /// In pages that hold nothing: what `compact` gives back.
    package var freeBytes: UInt64

    package init(
        states: [(name: String, count: UInt64)], contentBytes: UInt64, databaseBytes: UInt64, logBytes: UInt64,
        freeBytes: UInt64
    ) {
        self.states = states
        self.contentBytes = contentBytes
        self.databaseBytes = databaseBytes
        self.logBytes = logBytes
        self.freeBytes = freeBytes
    }
}

/// One row of a `snap.db`, as `snapshot files` tells it.
package struct SnapshotPath: Sendable {
    package var path: TreePath
    /// The known word: `CONFLICT`, or `SYNCHRONIZED`, with `(exs)`, `(mov)`, `(ddp)`, `(skp)` or `(del)` behind it.
    package var status: String
    /// The state of the row, by its name.
    package var state: String
    /// How it came to be so, by its name; nil in other states than `agreed`.
    package var origin: String?
    package var attributes: Attributes
    package var digest: Digest?
    /// The commit of this end that last changed it.
    package var number: Int64

    package init(
        path: TreePath, status: String, state: String, origin: String?, attributes: Attributes, digest: Digest?,
        number: Int64
    ) {
        self.origin = origin
        self.path = path
        self.status = status
        self.state = state
        self.attributes = attributes
        self.digest = digest
        self.number = number
    }
}

/// What `snapshot rename` asks of one end.
package struct RenameRequest: Hashable, Sendable {
    /// The peer's directory: absolute, or beginning `~/`.
    package var path: String
    /// Where its databases are; nil is `path` itself.
    package var database: String?
    package var old: String
    package var new: String
    /// Only to look: nothing is changed.
    package var isTrial: Bool
    /// The orchestrator, as the text of a lock.
    package var owner: String

    package init(path: String, database: String?, old: String, new: String, isTrial: Bool, owner: String) {
        self.path = path
        self.database = database
        self.old = old
        self.new = new
        self.isTrial = isTrial
        self.owner = owner
    }
}

/// How one end stood before it was asked to rename.
package struct RenameReply: Hashable, Sendable {
    package enum Standing: UInt8, Sendable, CaseIterable {
        /// Neither name has a database there.
        case none = 0
        case before = 1
        /// Begun and not finished.
        case half = 2
        case done = 3
    }

    package var standing: Standing
    /// Of the snapshot that is there: both ends of a session have the same.
    package var id: Digest?
    /// The path of the `snap.db` under the new name, for messages.
    package var file: String

    package init(standing: Standing, id: Digest?, file: String) {
        (self.standing, self.id, self.file) = (standing, id, file)
    }
}
