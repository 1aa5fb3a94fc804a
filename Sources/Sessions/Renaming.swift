import Core
import Glibc
import Platform
import Snapshots
import Wire

/// Gives the end of a session that is on this machine another name: the same in an agent and in the orchestrator's own process.
package enum Renaming {
    /// Blocks for the disk. Where the request is a trial, nothing is changed.
    ///
    /// - Parameter isAgent: this process does so for an orchestrator elsewhere.
    /// - Returns: how this end stood before.
    package static func run(_ request: RenameRequest, isAgent: Bool = false) throws(HeadwaterError) -> RenameReply {
        let given = try Opening.expanded(request.path)
        let tree = canonical(given) ?? given
        let database = try request.database.map(Opening.expanded) ?? tree
        let renaming = SnapshotRenaming(database: database, tree: tree, from: request.old, to: request.new)
        let owner = try LockOwner(sent: request.owner)
        let standing =
            request.isTrial
            ? try renaming.standing() : try renaming.run(owner: isAgent ? owner.heldByThisAgent() : owner)
        let file = SessionDirectory(database: database, session: request.new).databaseFile
        return RenameReply(standing: reply(standing), id: standing.meta?.id.value, file: file)
    }

    private static func reply(_ standing: SnapshotRenaming.Standing) -> RenameReply.Standing {
        switch standing {
        case .none: .none
        case .before: .before
        case .half: .half
        case .done: .done
        }
    }

    private static func canonical(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
