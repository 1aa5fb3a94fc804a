import Core
import Platform

/// What lies where the snapshot of one end should be.
package enum SnapshotState: Hashable, Sendable {
    case none
    case ok(SnapshotMeta)
    case refused(SnapshotFault)
}

extension Snapshot {
    /// Looks without touching: no file is made, changed or locked (but the `-shm` beside the log of a killed or running session).
    ///
    /// Judges header, schema and meta row; the rows are judged by whoever reads them.
    package static func inspect(directory: SessionDirectory) -> SnapshotState {
        do {
            guard let opened = try directory.open(), let stored = try peek(directory, opened) else { return .none }
            return .ok(stored.meta)
        } catch let refusal as SnapshotRefusal { return .refused(refusal.fault) } catch let error as HeadwaterError {
            return .refused(.unreadable(error.cause ?? error.message))
        } catch { return .refused(.unreadable("\(error)")) }
    }

    /// The name of another session in the same database directory that has agreed on something for the same two places, if any: this one under
    /// its former name. Reads at most one meta row per session; blocks.
    ///
    /// - Parameter leavesTraces: a log beside a database may be read through a `-shm`, rather than from a copy.
    package static func sibling(directory: SessionDirectory, terms: SessionTerms, leavesTraces: Bool = true)
        throws(HeadwaterError) -> String?
    {
        for name in try sessions(in: directory.database) where name != directory.session {
            let other = SessionDirectory(database: directory.database, session: name)
            let state = leavesTraces ? inspect(directory: other) : Glance(other).state
            guard case .ok(let meta) = state, !meta.isFresh else { continue }
            var wanted = terms
            // Its own record may name neither: a renaming was killed half-way.
            (wanted.session, wanted.mode, wanted.isUpstream) = (
                meta.terms.session, meta.terms.mode, meta.terms.isUpstream
            )
            if meta.terms == wanted { return name }
        }
        return nil
    }

    /// Whether something lies where the session's `snap.db` should be, sound or not; also where that cannot be known.
    package static func isPresent(_ directory: SessionDirectory) -> Bool {
        do {
            guard let opened = try directory.open() else { return false }
            if case .none = try SnapshotFile.look(opened) { return false }
            return true
        } catch { return true }
    }

    static func peek(_ directory: SessionDirectory, _ opened: Descriptor) throws(SnapshotRefusal) -> StoredMeta? {
        guard case .present(let hasLog) = try SnapshotFile.look(opened) else { return nil }
        return try SnapshotFile.open(directory.databaseFile, hasLog ? .readOnly : .immutable).1
    }

    /// The names of all sessions that have a private directory in `database`, whatever is in it; sorted.
    package static func sessions(in database: String) throws(HeadwaterError) -> [String] {
        let directory = SessionDirectory(database: database, session: "any")
        guard let reserved = try directory.openReserved() else { return [] }
        var names: [String] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 32 * 1024, alignment: 8)
        defer { buffer.deallocate() }
        do {
            try listDirectory(reserved.raw, buffer: buffer) { name, _ in names.append(String(cString: name)) }
        } catch { throw directory.fault(database, "\(error)") }
        return names.filter { Name.isValid($0) }.sorted()
    }
}
