import Core
import Roots
import Snapshots

/// What one end of a session has in a plan in the place of its lock and its own database.
///
/// Kept by the process as long as its trees are where a later turn of the same session builds on what this one has planned.
final class PlannedEnd: Companion {
    let database: PlannedDatabase

    private init(_ directory: SessionDirectory) { database = PlannedDatabase(directory) }

    /// - Parameter isKept: both ends send and receive, so that there may be another turn.
    static func find(_ directory: SessionDirectory, in registry: RootRegistry, isKept: Bool) -> PlannedEnd {
        if !isKept { return PlannedEnd(directory) }
        return registry.companion(directory.databaseFile) { PlannedEnd(directory) }
    }

    func letGo() { database.remove() }

    /// A plan beside a run would be of a tree that changes under its eyes: it is told what a run would be told.
    static func requireFree(_ directory: SessionDirectory, isPeer: Bool) throws(HeadwaterError) {
        guard case .held(let owner) = try Glance.ownership(of: directory) else { return }
        throw LockOwner.alreadyRunning(session: directory.session, owner: owner, atPeer: isPeer)
    }

    /// What an error of a planning session is to who asked: nothing of its private copies is known there.
    func told(_ error: HeadwaterError) -> HeadwaterError {
        // What was read may be of two moments.
        do throws(HeadwaterError) { try database.checkUnchanged() } catch let changed { return changed }
        return database.inPlace(error)
    }
}
