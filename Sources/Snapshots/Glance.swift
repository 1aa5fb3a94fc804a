import Core
import Glibc
import Platform

/// What a look at one end of a session finds, without a trace beside the database and without a word to whoever uses it.
package struct Glance: Sendable {
    /// Whether a process owns the session at this moment, by its lock.
    package enum Ownership: Sendable {
        case free
        /// Nil when the text of the lock cannot be trusted.
        case held(by: LockOwner?)
    }

    package var state: SnapshotState
    package var ownership: Ownership
    /// Whether a log lies beside the database: a run is under way, or was killed.
    package var hasLog = false
    /// When database or log were last written; nil where there is none.
    package var writtenAt: Timestamp?
    /// What is agreed on; nil where it was not asked for, or could not be summed up in time.
    package var agreed: TreeSize?
    /// The conflicts that stand, in the order of their paths; empty where they were not asked for.
    package var conflicts: [Conflict] = []

    private let listsConflicts: Bool

    /// Blocks for the disk.
    ///
    /// - Parameters:
    ///   - deadline: of the monotonic clock, for summing up all rows; nil leaves that out.
    ///   - listsConflicts: whether the conflicts are read as well.
    package init(_ directory: SessionDirectory, summingUntil deadline: UInt64? = nil, listsConflicts: Bool = false) {
        self.listsConflicts = listsConflicts
        (state, ownership) = (.none, .free)
        do {
            guard let opened = try directory.open() else { return }
            ownership = Glance.owner(opened)
            for _ in 0..<SnapshotMoment.triesMax where try read(directory, opened, deadline) { break }
        } catch let refusal as SnapshotRefusal { state = .refused(refusal.fault) } catch let error as HeadwaterError {
            state = .refused(.unreadable(error.cause ?? error.message))
        } catch { state = .refused(.unreadable("\(error)")) }
    }

    /// Reads once; false when the file changed meanwhile.
    private mutating func read(_ directory: SessionDirectory, _ opened: Descriptor, _ deadline: UInt64?) throws -> Bool
    {
        let before = DatabaseStamp(opened)
        switch try SnapshotFile.look(opened) {
        case .none: state = .none
        case .present(hasLog: false): try look(directory.databaseFile, .immutable, deadline)
        case .present(hasLog: true):
            guard let copy = try PrivateCopy(of: opened) else { return false }
            defer { copy.remove() }
            try look(copy.file, .readOnly, deadline)
        }
        (writtenAt, hasLog) = (before.writtenAt, before.hasLog)
        return before.stillHolds(opened)
    }

    private mutating func look(_ file: String, _ access: Database.Access, _ deadline: UInt64?) throws {
        do {
            let (database, stored) = try SnapshotFile.open(file, access)
            state = .ok(stored.meta)
            if listsConflicts && stored.meta.counts.conflicts > 0 { conflicts = try Glance.conflicts(database) }
            agreed = try deadline.flatMap { try Glance.sum(file, access, $0) }
        } catch let refusal as SnapshotRefusal {
            state = .refused(refusal.fault)
        } catch let error as HeadwaterError where error.code == "snapshot.corrupt" {
            state = .refused(.corrupt)
        }
    }

    private static func conflicts(_ database: Database) throws(SnapshotRefusal) -> [Conflict] {
        do throws(DatabaseFault) {
            return try Schema.hasConflicts(database) ? try ConflictTable.all(database) : []
        } catch { throw SnapshotRefusal(error) }
    }

    private static func sum(_ file: String, _ access: Database.Access, _ deadline: UInt64) throws -> TreeSize? {
        let cursor = try RowCursor(file, access, after: nil, in: .agreed)
        var size = TreeSize()
        size.source = .snapshot
        while let row = try cursor.next() {
            size.entries += 1
            switch row.agreed.attributes.kind {
            case .directory: size.directories += 1
            case .file: size.bytes &+= row.agreed.attributes.size
            default: break
            }
            if size.entries % 4096 == 0, MonotonicClock.now >= deadline { return nil }
        }
        return size
    }

    /// Who owns a session at this moment.
    package static func ownership(of directory: SessionDirectory) throws(HeadwaterError) -> Ownership {
        try directory.open().map(owner) ?? .free
    }

    private static func owner(_ directory: Descriptor) -> Ownership {
        guard let file = try? Descriptor(at: directory.raw, SessionLock.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK),
            (try? isLockedElsewhere(file.raw)) == true
        else { return .free }
        return .held(by: SessionLock.read(file))
    }
}
