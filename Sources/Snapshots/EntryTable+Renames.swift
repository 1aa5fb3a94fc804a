import Core

/// How rows get other paths: each with its agreed and its local half, some hundred at a time, so that memory does not grow with what is
/// below a directory.
extension EntryTable {
    static let below = "SELECT \(RowColumns.all()) FROM entries WHERE path > ?1 AND path < ?2 ORDER BY path LIMIT ?3"
    private static let chunkCount = 512

    /// The rows right after `last` of those below `path`, tombstones included.
    mutating func load(below path: TreePath, after last: [UInt8]?, atMost count: Int) throws(DatabaseFault) -> [Row] {
        selectBelow.bind(1, copying: last ?? path.key + [0])
        selectBelow.bind(2, copying: path.key + [1])
        selectBelow.bind(3, Int64(count))
        defer { selectBelow.reset() }
        var rows: [Row] = []
        while try selectBelow.step() { rows.append(try RowColumns.decode(selectBelow, &serialiser).row) }
        return rows
    }

    mutating func apply(_ renaming: RowRenaming, _ number: Int64, _ stored: inout StoredMeta) throws(DatabaseFault) {
        let (from, to) = (renaming.from, renaming.to)
        var (mine, other) = (try load(from)?.row, renaming.isExchange ? try load(to)?.row : nil)
        if let local = renaming.local { mine?.local = local }
        if let local = renaming.otherLocal { other?.local = local }
        mine?.origin = .moved
        other?.origin = .moved
        try swap(mine, other, from, to, renaming, number, &stored)
        var (here, there) = (RowRange(from), RowRange(to))
        while true {
            try fill(&here)
            if renaming.isExchange { try fill(&there) }
            guard let suffix = RowRange.first(here, there) else { return }
            let pair = (here.take(suffix), there.take(suffix))
            try swap(
                pair.0, pair.1, TreePath(trusted: from.key + suffix), TreePath(trusted: to.key + suffix), renaming,
                number, &stored)
        }
    }

    private mutating func fill(_ range: inout RowRange) throws(DatabaseFault) {
        if !range.isDrained { return }
        range.rows = try load(below: range.path, after: range.last, atMost: EntryTable.chunkCount)[...]
        range.last = range.rows.last?.path.key ?? range.last
        range.isAtEnd = range.rows.isEmpty
    }

    /// Puts the agreed row of each of two paths in the place of the other.
    private mutating func swap(
        _ mine: Row?, _ other: Row?, _ from: TreePath, _ to: TreePath, _ renaming: RowRenaming, _ number: Int64,
        _ stored: inout StoredMeta
    ) throws(DatabaseFault) {
        let (mine, other) = (mine?.agreedOnly, other?.agreedOnly)
        if let mine { try place(mine, at: to, number, &stored) }
        if let other {
            try place(other, at: from, number, &stored)
        } else if mine != nil {
            try leave(from, renaming.isTold, number, &stored)
        }
        if mine == nil && other != nil { try leave(to, renaming.isTold, number, &stored) }
    }

    private mutating func place(_ row: Row, at path: TreePath, _ number: Int64, _ stored: inout StoredMeta)
        throws(DatabaseFault)
    {
        let moved = Row(
            path: path, agreed: row.agreed, local: row.local, state: .agreed, number: number, origin: row.origin)
        advanced = true
        guard let old = try load(path)?.row else { return try put(moved, &stored) }
        try write(moved, over: old, &stored)
    }

    private mutating func leave(_ path: TreePath, _ isTold: Bool, _ number: Int64, _ stored: inout StoredMeta)
        throws(DatabaseFault)
    {
        try apply(isTold ? .forget(path) : .remove(path), number, &stored)
    }
}

/// The rows below one path, chunk by chunk.
private struct RowRange {
    let path: TreePath
    var rows: ArraySlice<Row> = []
    /// The last key that was read.
    var last: [UInt8]?
    var isAtEnd = false

    init(_ path: TreePath) { self.path = path }

    var isDrained: Bool { rows.isEmpty && !isAtEnd }

    private var suffix: ArraySlice<UInt8>? { rows.first.map { $0.path.key[path.key.count...] } }

    /// The row at this suffix, if it is the next one.
    mutating func take(_ suffix: [UInt8]) -> Row? {
        guard let mine = self.suffix, mine.elementsEqual(suffix) else { return nil }
        return rows.removeFirst()
    }

    /// What comes behind the paths in the next key of the two.
    static func first(_ a: RowRange, _ b: RowRange) -> [UInt8]? {
        guard let x = a.suffix.map(Array.init) else { return b.suffix.map(Array.init) }
        guard let y = b.suffix.map(Array.init) else { return x }
        return TreePath.compare(x, y) <= 0 ? x : y
    }
}

extension Row {
    /// The row where both ends agree on it.
    fileprivate var agreedOnly: Row? { state == .agreed ? self : nil }
}
