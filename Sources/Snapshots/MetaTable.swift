import Content
import Core

/// The meta row as it stands in the file: what callers see, and the check sum over all rows.
struct StoredMeta: Equatable {
    var meta: SnapshotMeta
    /// Sum modulo 2⁶⁴ of the checksums of all rows, whatever their state: a row that vanished or came twice shows.
    var rowSum: UInt64 = 0
}

/// Reads and writes the one row of `meta`. All columns are covered by its checksum.
enum MetaTable {
    private static let columns = """
        id, initialised, session, uuid, replaces, mode, is_upstream, machine_here, machine_there, place_here, place_there, \
        filter_digest, root_device, root_inode, mine, theirs, running, agreed_sum, row_sum, files, directories, symlinks, \
        top_level, agreed, conflicts, tombstones, checksum
        """

    static let write = """
        INSERT OR REPLACE INTO meta (\(columns)) \
        VALUES (1, 1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, \
        ?23, ?24, ?25)
        """

    private enum Value: Equatable {
        case number(Int64)
        case text(String)
        case bytes([UInt8])
        case null
    }

    static func save(_ stored: StoredMeta, with statement: inout Statement) throws(DatabaseFault) {
        let values = values(of: stored)
        for (index, value) in values.enumerated() { bind(value, Int32(index + 1), &statement) }
        statement.bind(Int32(values.count + 1), Int64(bitPattern: checksum(values)))
        try statement.run()
    }

    /// A number that another meta row has not: of all its columns.
    static func mark(of stored: StoredMeta) -> UInt64 { checksum(values(of: stored)) }

    /// - Throws: corrupt when the row is missing, not alone, or does not match its checksum.
    static func load(_ database: Database) throws(SnapshotRefusal) -> StoredMeta {
        do throws(DatabaseFault) {
            var statement = try database.prepare("SELECT \(columns) FROM meta LIMIT 2")
            guard try statement.step(), statement.int64(0) == 1, statement.int64(1) == 1 else {
                throw DatabaseFault(.corrupt, "it was never initialised")
            }
            guard let stored = decode(statement),
                checksum(values(of: stored)) == UInt64(bitPattern: statement.int64(26))
            else { throw DatabaseFault(.corrupt, "its meta row does not match its checksum") }
            if try statement.step() { throw DatabaseFault(.corrupt, "it has two meta rows") }
            return stored
        } catch { throw SnapshotRefusal(error) }
    }

    private static func values(of stored: StoredMeta) -> [Value] {
        let (meta, terms, counts) = (stored.meta, stored.meta.terms, stored.meta.counts)
        return [
            .text(terms.session), .bytes(meta.id.bytes), meta.replaces.map { .bytes($0.bytes) } ?? .null,
            .text(terms.mode.rawValue), .number(terms.isUpstream ? 1 : 0), .text(terms.machineHere),
            .text(terms.machineThere), .text(terms.placeHere), .text(terms.placeThere), .bytes(meta.filterDigest.bytes),
            .number(Int64(bitPattern: meta.root.device)), .number(Int64(bitPattern: meta.root.inode)),
            .number(meta.mine), .number(meta.theirs), .number(meta.running ? 1 : 0), .bytes(meta.sum.bytes),
            .number(Int64(bitPattern: stored.rowSum)), .number(counts.files), .number(counts.directories),
            .number(counts.symlinks), .number(counts.topLevel), .number(counts.agreed), .number(counts.conflicts),
            .number(counts.tombstones),
        ]
    }

    private static func decode(_ row: borrowing Statement) -> StoredMeta? {
        guard let id = SnapshotID(bytes: [UInt8](row.bytes(3))), let mode = Mode(rawValue: row.text(5)),
            let filter = Digest(bytes: row.bytes(11)), let sum = Digest(bytes: row.bytes(17))
        else { return nil }
        let terms = SessionTerms(
            session: row.text(2), mode: mode, isUpstream: row.int64(6) != 0, machineHere: row.text(7),
            machineThere: row.text(8), placeHere: row.text(9), placeThere: row.text(10))
        var meta = SnapshotMeta(
            terms: terms, id: id, replaces: SnapshotID(bytes: [UInt8](row.bytes(4))), filterDigest: filter,
            root: RootIdentity(
                device: UInt64(bitPattern: row.int64(12)), inode: UInt64(bitPattern: row.int64(13))))
        (meta.mine, meta.theirs, meta.running, meta.sum) = (row.int64(14), row.int64(15), row.int64(16) != 0, sum)
        meta.counts.files = row.int64(19)
        meta.counts.directories = row.int64(20)
        meta.counts.symlinks = row.int64(21)
        meta.counts.topLevel = row.int64(22)
        meta.counts.agreed = row.int64(23)
        meta.counts.conflicts = row.int64(24)
        meta.counts.tombstones = row.int64(25)
        return StoredMeta(meta: meta, rowSum: UInt64(bitPattern: row.int64(18)))
    }

    private static func bind(_ value: Value, _ index: Int32, _ statement: inout Statement) {
        switch value {
        case .number(let number): statement.bind(index, number)
        case .text(let text): statement.bind(index, text)
        case .bytes(let bytes): statement.bind(index, copying: bytes)
        case .null: statement.bindNull(index)
        }
    }

    /// Each value as a tag, its length and its bytes, so that nothing can move from one column to the next unseen.
    private static func checksum(_ values: [Value]) -> UInt64 {
        var out: [UInt8] = []
        for value in values {
            switch value {
            case .number(let number): append(1, bytes(of: number), &out)
            case .text(let text): append(2, Array(text.utf8), &out)
            case .bytes(let bytes): append(3, bytes, &out)
            case .null: append(0, [], &out)
            }
        }
        return out.withUnsafeBytes { Hash.xxh3($0) }
    }

    private static func append(_ tag: UInt8, _ bytes: [UInt8], _ out: inout [UInt8]) {
        out.append(tag)
        out.append(contentsOf: MetaTable.bytes(of: UInt32(bytes.count)))
        out.append(contentsOf: bytes)
    }

    private static func bytes<Number: FixedWidthInteger>(of number: Number) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }
}
