import Core
import Snapshots

/// Changes a snapshot database of this machine at an operator's word, under the session's lock. Blocks for the disk.
package enum SnapshotMend {
    /// Gives back what is free in the file.
    ///
    /// - Returns: bytes before and after.
    /// - Throws: `snapshot.unknown`, `session.already-running`, the refusal of a database that is not sound: nothing was changed.
    package static func compact(_ session: String, in directory: String) throws(HeadwaterError) -> (
        before: UInt64, after: UInt64
    ) {
        try open(session, directory).compact()
    }

    /// Removes the database of this end. The other end's is left alone.
    ///
    /// - Parameter isConfirmed: where not, `snapshot.unconfirmed` says what would be removed.
    /// - Throws: as `compact`, but that a database that is not sound is removed, too; not another program's.
    package static func reset(_ session: String, in directory: String, isConfirmed: Bool) throws(HeadwaterError) {
        let found = try SnapshotLook.find(session, in: directory)
        if !isConfirmed { throw unconfirmed(found) }
        try open(session, directory).reset()
    }

    private static func open(_ session: String, _ directory: String) throws(HeadwaterError) -> SnapshotMending {
        let found = try SnapshotLook.find(session, in: directory)
        guard let mending = try SnapshotMending(found, owner: .current()) else {
            throw SnapshotFault.unreadable("it is gone").error(file: found.databaseFile, atPeer: false)
        }
        return mending
    }

    private static func unconfirmed(_ directory: SessionDirectory) -> HeadwaterError {
        HeadwaterError(
            "snapshot.unconfirmed",
            "this removes \(directory.databaseFile): what both ends of session \(directory.session) agreed on is forgotten",
            remedy: "if it is meant, say so with --yes; deletions that were not carried out yet will not be",
            exit: .usage)
    }
}
