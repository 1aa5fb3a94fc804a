/// One thing that a file system can do or not.
package enum Ability: UInt8, Sendable, CaseIterable {
    /// Names that differ only in case are two names.
    case caseSensitive = 1
    /// Names keep their bytes: two spellings of `é` are two names.
    case exactNames = 2
    /// Extended attributes of users.
    case extendedAttributes = 3
    /// POSIX access control lists.
    case accessLists = 4
    /// Copies that share their blocks.
    case reflink = 5
    /// Files without a name (`O_TMPFILE`).
    case unnamedFiles = 6
    /// Two names change places in one step (`RENAME_EXCHANGE`).
    case exchange = 7
    case hardLinks = 8
}

/// Whether a file system has an ability, and how that is known.
package struct AbilityAnswer: Hashable, Sendable {
    package enum Source: UInt8, Sendable {
        /// Done, on a file of ours that is gone again.
        case tried = 1
        /// Seen without writing.
        case seen = 2
        /// The type of the file system says it.
        case byType = 3
    }

    package var ability: Ability
    package var isThere: Bool
    package var source: Source

    package init(_ ability: Ability, _ isThere: Bool, _ source: Source) {
        (self.ability, self.isThere, self.source) = (ability, isThere, source)
    }
}

/// The file system that a root lies on, or would lie on.
package struct FileSystemFacts: Hashable, Sendable {
    /// As `/proc/self/mountinfo` names it: `ext4`, `fuse.sshfs`.
    package var type = "unknown"
    /// `major:minor`: equal for all that shares this space, on one machine.
    package var device = ""
    package var isReadOnly = false
    /// What this user may still take, and how much there is.
    package var freeBytes: UInt64 = 0
    package var totalBytes: UInt64 = 0
    package var freeInodes: UInt64 = 0
    /// 0 where inodes are made as they are needed.
    package var totalInodes: UInt64 = 0
    /// The smallest step of a modification time, in nanoseconds; nil where it could not be found out.
    package var timeStepNanoseconds: UInt64?
    /// What could not be found out is missing.
    package var abilities: [AbilityAnswer] = []

    package init() {}

    /// Nil where it could not be found out without a trace.
    package func has(_ ability: Ability) -> Bool? { abilities.first { $0.ability == ability }?.isThere }
}

/// How much a tree holds.
package struct TreeSize: Hashable, Sendable {
    package enum Source: UInt8, Sendable {
        /// Counted now, in the tree itself.
        case scan = 1
        /// What the session last agreed on: the tree was too large to be counted in time.
        case snapshot = 2
    }

    package var entries: UInt64 = 0
    package var directories: UInt64 = 0
    package var bytes: UInt64 = 0
    package var source = Source.scan
    /// False when time ran out, or part of it cannot be read: then there is at least this much.
    package var isComplete = true

    package init() {}
}

/// What the directory is in which databases of sessions lie or would be made.
package struct DatabasePlace: Hashable, Sendable {
    package var path: String
    package var isThere: Bool
    package var isWritable: Bool

    package init(path: String, isThere: Bool, isWritable: Bool) {
        (self.path, self.isThere, self.isWritable) = (path, isThere, isWritable)
    }
}

/// What one end of a session remembers.
package struct SessionFacts: Sendable {
    package enum State: Sendable {
        /// Never run at this end.
        case none
        /// What was agreed on; nil while a log lies beside the database, which is then not read through.
        case known(TreeSize?)
        case refused(HeadwaterError)
    }

    package var session: String
    package var state: State

    package init(session: String, state: State) { (self.session, self.state) = (session, state) }
}

/// What was found where a peer's directory is, or should be.
package struct RootFacts: Sendable {
    package enum Kind: UInt8, Sendable {
        case missing = 1
        case directory = 2
        /// A file, or whatever else.
        case other = 3
        /// It could not be looked at.
        case hidden = 4
    }

    package var kind: Kind
    /// The path with the home directory in it.
    package var path: String
    /// Of the root, or where it is missing of its parent: may this user list it, and make entries in it.
    package var isReadable = false
    package var isWritable = false
    /// Of a missing root; true otherwise.
    package var isParentThere = true
    /// Of the file that shows that the root is mounted; nil where none is declared.
    package var isMarkThere: Bool?
    /// Nil where there is nothing to ask.
    package var fileSystem: FileSystemFacts?
    /// Why it could not be looked at.
    package var cause: String?
    /// Of each tree that was asked for.
    package var trees: [TreeSize?] = []
    package var database = DatabasePlace(path: "", isThere: false, isWritable: false)
    package var sessions: [SessionFacts] = []

    package init(kind: Kind, path: String) { (self.kind, self.path) = (kind, path) }
}

/// What is to be looked at for one peer.
package struct ExaminationRequest: Hashable, Sendable {
    /// Absolute or beginning `~/`.
    package var path: String
    package var mount: String?
    package var database: String?
    /// Sub-directories whose size is asked for; the empty one is the whole tree.
    package var subpaths: [String]
    /// Sessions whose databases lie here.
    package var sessions: [String]

    package init(path: String, mount: String?, database: String?, subpaths: [String], sessions: [String]) {
        (self.path, self.mount, self.database) = (path, mount, database)
        (self.subpaths, self.sessions) = (subpaths, sessions)
    }
}

/// What a process says of the machine that it runs on.
package struct HostFacts: Hashable, Sendable {
    package var headwater = Version.headwater
    package var protocolNumber = Version.protocolNumber
    /// `Linux 6.1.0 x86_64`.
    package var system = ""
    package var name = ""
    package var boot = ""
    /// The number of this user.
    package var user: UInt32 = 0
    /// `fs.inotify.max_user_watches`; nil where there is none.
    package var watchesMax: UInt64?
    /// The time there when the question came and when the answer left.
    package var askedAt = Timestamp.zero
    package var answeredAt = Timestamp.zero

    package init() {}
}
