import Core

/// The rows, on the writing connection: applies changes and keeps numbers, sums and counts in step with them.
struct EntryTable: ~Copyable {
    private let database: Database
    private var insert: Statement
    private var replace: Statement
    private var select: Statement
    private var delete: Statement
    private var acknowledgedTombstones: Statement
    private var conflicts: ConflictTable
    var selectBelow: Statement
    var serialiser = RowSerialiser()

    /// Whether `apply` changed something that the other end has to hear of.
    var advanced = false
    /// Tombstones up to here are dropped already.
    private var dropped: Int64 = 0

    init(_ database: Database) throws(DatabaseFault) {
        let places = (1...RowColumns.count).map { "?\($0)" }.joined(separator: ", ")
        let values = "INTO entries (\(RowColumns.all())) VALUES (\(places))"
        let insert = try database.prepare("INSERT \(values) ON CONFLICT DO NOTHING")
        let replace = try database.prepare("REPLACE \(values)")
        let select = try database.prepare("SELECT \(RowColumns.all()) FROM entries WHERE path = ?1")
        let delete = try database.prepare("DELETE FROM entries WHERE path = ?1")
        let acknowledged = try database.prepare("SELECT path FROM entries WHERE state = 5 AND number <= ?1")
        let conflicts = try ConflictTable(database)
        let selectBelow = try database.prepare(EntryTable.below)
        self.database = database
        self.conflicts = conflicts
        self.selectBelow = selectBelow
        self.insert = insert
        self.replace = replace
        self.select = select
        self.delete = delete
        acknowledgedTombstones = acknowledged
    }

    /// Applies changes in the open transaction; the caller saves `stored` when it differs afterwards.
    mutating func apply(_ changes: [RowChange], theirs: Int64, to stored: inout StoredMeta, acknowledged: Int64)
        throws(DatabaseFault)
    {
        let before = stored
        stored.meta.theirs = max(stored.meta.theirs, theirs)
        let number = stored.meta.mine + 1
        advanced = false
        for change in changes { try apply(change, number, &stored) }
        if advanced { stored.meta.mine = number }
        if stored != before { try dropTombstones(through: acknowledged, &stored) }
    }

    /// Makes tombstones, all of one number, of those rows that `isExcluded` names.
    ///
    /// - Parameter cursor: over all rows, on a connection of its own.
    mutating func remove(from cursor: RowCursor, where isExcluded: (Row) -> Bool, _ stored: inout StoredMeta)
        throws(DatabaseFault)
    {
        let number = stored.meta.mine + 1
        advanced = false
        while let row = try cursor.advance() {
            if row.state != .gone && isExcluded(row) { try apply(.remove(row.path), number, &stored) }
        }
        if advanced { stored.meta.mine = number }
    }

    mutating func reset() {
        insert.reset()
        replace.reset()
        select.reset()
        delete.reset()
        acknowledgedTombstones.reset()
        selectBelow.reset()
        conflicts.reset()
    }

    /// Both sides of a path whose row is in state `conflict`.
    mutating func loadConflict(_ path: TreePath) throws(DatabaseFault) -> Conflict { try conflicts.load(path) }

    /// The verified row of a path.
    mutating func load(_ path: TreePath) throws(DatabaseFault) -> (row: Row, checksum: UInt64)? {
        select.bind(1, copying: path.key)
        defer { select.reset() }
        guard try select.step() else { return nil }
        let found = try RowColumns.decode(select, &serialiser)
        if found.row.path != path { throw DatabaseFault(.corrupt, "a row stands under another path") }
        return found
    }

    mutating func apply(_ change: RowChange, _ number: Int64, _ stored: inout StoredMeta) throws(DatabaseFault) {
        switch change {
        case .put(let path, let agreed, let local, let state, let origin):
            precondition(
                state != .gone && state != .conflict && agreed.attributes.kind.rawValue <= EntryKind.symlink.rawValue)
            let row = Row(
                path: path, agreed: agreed, local: local, state: state, number: number, origin: origin)
            try put(row, &stored)
        case .conflict(let conflict, let local): try put(conflict, local, number, &stored)
        case .renamed(let renaming): try apply(renaming, number, &stored)
        case .local(let path, let local):
            guard let old = try load(path)?.row, old.state != .gone, old.local != local else { return }
            var row = old
            row.local = local
            try write(row, over: old, &stored)
        case .remove(let path):
            guard let old = try load(path)?.row, old.state != .gone else { return }
            var row = old
            (row.state, row.number, row.local) = (.gone, number, nil)
            try write(row, over: old, &stored)
            advanced = true
        case .forget(let path):
            guard let old = try load(path)?.row else { return }
            try erase(old, &stored)
            advanced = advanced || old.state != .gone
        }
    }

    mutating func put(_ row: Row, _ stored: inout StoredMeta) throws(DatabaseFault) {
        let marks = serialiser.marks(row)
        try EntryTable.run(&insert, row, marks.checksum)
        if database.changedRows == 1 {
            account(row, marks, 1, &stored)
            advanced = true
            return
        }
        guard let old = try load(row.path)?.row else {
            throw DatabaseFault(.corrupt, "\(row.path) is there and is not")
        }
        if old.agreed != row.agreed || old.state != row.state {
            var row = row
            if old.hasContent(of: row) { row.origin = old.origin }
            try write(row, over: old, &stored)
            advanced = true
        } else if let local = row.local, local != old.local {
            var refreshed = old
            refreshed.local = local
            try write(refreshed, over: old, &stored)
        }
    }

    /// Flagged anew with other sides it is a change; with the same ones only the local half may be news.
    private mutating func put(
        _ conflict: Conflict, _ local: LocalIdentity?, _ number: Int64, _ stored: inout StoredMeta
    ) throws(DatabaseFault) {
        guard let agreed = conflict.standIn else { return }
        let row = Row(path: conflict.path, agreed: agreed, local: local, state: .conflict, number: number)
        guard let old = try load(row.path)?.row else {
            try put(row, &stored)
            return try conflicts.put(conflict)
        }
        if old.state == .conflict, old.agreed == agreed, try conflicts.load(row.path) == conflict {
            return try put(row, &stored)
        }
        try write(row, over: old, &stored)
        try conflicts.put(conflict)
        advanced = true
    }

    mutating func write(_ row: Row, over old: Row, _ stored: inout StoredMeta) throws(DatabaseFault) {
        let marks = serialiser.marks(row)
        account(old, serialiser.marks(old), -1, &stored)
        account(row, marks, 1, &stored)
        try EntryTable.run(&replace, row, marks.checksum)
        if old.state == .conflict && row.state != .conflict { try conflicts.remove(row.path) }
    }

    private mutating func erase(_ old: Row, _ stored: inout StoredMeta) throws(DatabaseFault) {
        account(old, serialiser.marks(old), -1, &stored)
        delete.bind(1, copying: old.path.key)
        try delete.run()
        if database.changedRows != 1 { throw DatabaseFault(.corrupt, "\(old.path) cannot be removed") }
        if old.state == .conflict { try conflicts.remove(old.path) }
    }

    private mutating func dropTombstones(through acknowledged: Int64, _ stored: inout StoredMeta) throws(DatabaseFault)
    {
        if acknowledged <= dropped || stored.meta.counts.tombstones == 0 { return }
        var paths: [[UInt8]] = []
        acknowledgedTombstones.bind(1, acknowledged)
        while try acknowledgedTombstones.step() { paths.append([UInt8](acknowledgedTombstones.bytes(0))) }
        acknowledgedTombstones.reset()
        for key in paths {
            // The index is not covered by a checksum; the row it leads to is.
            guard let row = try load(TreePath(trusted: key))?.row, row.state == .gone, row.number <= acknowledged else {
                throw DatabaseFault(.corrupt, "its index leads astray")
            }
            try erase(row, &stored)
        }
        dropped = acknowledged
    }

    private func account(_ row: Row, _ marks: RowSerialiser.Marks, _ sign: Int64, _ stored: inout StoredMeta) {
        stored.meta.counts.add(row, sign)
        if sign > 0 {
            stored.rowSum &+= marks.checksum
            stored.meta.sum = stored.meta.sum &+ marks.agreed
        } else {
            stored.rowSum &-= marks.checksum
            stored.meta.sum = stored.meta.sum &- marks.agreed
        }
    }

    private static func run(_ statement: inout Statement, _ row: Row, _ checksum: UInt64) throws(DatabaseFault) {
        RowColumns.bind(row, checksum, to: &statement)
        try statement.run()
    }
}

extension Row {
    /// Whether both ends had the content of another row here already.
    fileprivate func hasContent(of other: Row) -> Bool {
        state == .agreed && agreed.attributes.kind == other.agreed.attributes.kind
            && agreed.digest == other.agreed.digest
    }
}
