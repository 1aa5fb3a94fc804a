import CSQLite
import Core

/// What SQLite answered when it did not do what was asked, sorted by what a person can do about it.
package struct DatabaseFault: Error, Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        /// The file's header is not that of SQLite.
        case notDatabase
        /// Damaged: malformed pages, an impossible value, a text or table that should not be there.
        case corrupt
        case noSpace
        case readOnly
        /// Another process kept it locked for longer than the busy timeout.
        case busy
        /// Everything else that the system refused.
        case inputOutput
    }

    package var kind: Kind
    /// SQLite's extended result code; 0 for a fault that we found ourselves.
    package var code: Int32
    package var message: String

    package init(_ kind: Kind, code: Int32 = 0, _ message: String) {
        self.kind = kind
        self.code = code
        self.message = message
    }

    /// Sorts a result code. `SQLITE_ERROR` counts as corrupt: our own SQL is fixed and tested, so a file that makes it fail is damaged.
    init(code: Int32, message: String) {
        let kind: Kind =
            switch code & 0xFF {
            case SQLITE_NOTADB: .notDatabase
            case SQLITE_CORRUPT, SQLITE_ERROR, SQLITE_FORMAT, SQLITE_MISMATCH, SQLITE_TOOBIG, SQLITE_CONSTRAINT,
                SQLITE_SCHEMA, SQLITE_RANGE:
                .corrupt
            case SQLITE_FULL: .noSpace
            case SQLITE_READONLY, SQLITE_PERM: .readOnly
            case SQLITE_BUSY, SQLITE_LOCKED: .busy
            default: .inputOutput
            }
        self.init(kind, code: code, message)
    }
}

extension DatabaseFault {
    /// The error a person sees when this happened to the database `file` of this end in the middle of a cycle.
    func error(file: String) -> HeadwaterError {
        let cause = code == 0 ? message : "SQLite: \(message) (\(code))"
        switch kind {
        case .notDatabase: return SnapshotFault.notDatabase.error(file: file, atPeer: false, cause: cause)
        case .corrupt: return SnapshotFault.corrupt.error(file: file, atPeer: false, cause: cause)
        case .noSpace:
            return HeadwaterError(
                "snapshot.no-space", "no space is left to record the cycle in \(file)",
                remedy: "free space on that file system; the next cycle goes on from here", cause: cause)
        case .readOnly:
            return HeadwaterError(
                "snapshot.read-only", "\(file) cannot be written",
                remedy: "make the database directory writable for this user, or set `database:` to one that is",
                cause: cause)
        case .busy:
            return HeadwaterError(
                "snapshot.busy", "another program keeps \(file) locked",
                remedy: "end the program that has the file open, then run again", isTransient: true, cause: cause)
        case .inputOutput:
            return HeadwaterError(
                "snapshot.io", "\(file) cannot be read or written",
                remedy: "check the disk and the permissions of the database directory, then run again", cause: cause)
        }
    }
}
