import Core

/// Why a `snap.db` that is there is not used. It is left exactly as it is.
package enum SnapshotFault: Error, Hashable, Sendable {
    /// Not a SQLite file.
    case notDatabase
    /// Damaged, cut, empty, or its tables altered.
    case corrupt
    /// Written by a newer Headwater, with this schema version.
    case newerSchema(Int64)
    /// A SQLite file of another program.
    case foreign
    /// It cannot be read: permissions, owner, a symlink in its place, the disk.
    case unreadable(String)
}

/// A fault with what exactly was found, for the line `cause:`.
struct SnapshotRefusal: Error {
    var fault: SnapshotFault
    var cause: String?

    init(_ fault: SnapshotFault, _ cause: String?) {
        self.fault = fault
        self.cause = cause
    }

    init(_ fault: DatabaseFault) {
        cause = "SQLite: \(fault.message) (\(fault.code))"
        switch fault.kind {
        case .notDatabase: self.fault = .notDatabase
        case .corrupt: self.fault = .corrupt
        case .noSpace, .readOnly, .busy, .inputOutput: self.fault = .unreadable(fault.message)
        }
    }
}

extension SnapshotFault {
    /// The refusal of the database `file`, in the known wording. `atPeer` is whether the end that did not initiate has it.
    package func error(file: String, atPeer: Bool, cause: String? = nil) -> HeadwaterError {
        let reset = "put a sound copy of \(file) back, or \(StartRefusal.reset)"
        switch self {
        case .notDatabase:
            return refusal(
                "snapshot.not-a-database", atPeer, "file is encrypted or is not a database",
                reset, cause ?? file)
        case .corrupt:
            return refusal("snapshot.corrupt", atPeer, "Corrupt database \(file)", reset, cause)
        case .newerSchema(let version):
            return refusal(
                "snapshot.newer-schema", atPeer,
                "Database \(file) has schema \(version), this Headwater reads \(Schema.version)",
                "install the version of Headwater that wrote it, or a newer one", cause)
        case .foreign:
            return refusal(
                "snapshot.foreign", atPeer, "Database \(file) belongs to another program",
                "move that file away, or set `database:` to another directory", cause)
        case .unreadable(let reason):
            return refusal(
                "snapshot.unreadable", atPeer, "Database \(file) cannot be opened: \(reason)",
                "make the directory of the database a plain directory of this user, readable and writable", cause)
        }
    }
}

/// A refusal by the state of a database: `Failed. ` at the initiating end, `Failed. Peer error: ` at the other; exit 5.
func refusal(_ code: String, _ atPeer: Bool, _ text: String, _ remedy: String, _ cause: String? = nil)
    -> HeadwaterError
{
    HeadwaterError(
        code, (atPeer ? "Failed. Peer error: " : "Failed. ") + text, remedy: remedy, exit: .databaseRefuses,
        cause: cause)
}
