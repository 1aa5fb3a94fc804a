import Content
import Core

/// The table `conflicts`: beside a row in state `conflict`, both sides as they were flagged. On the connection of the rows.
///
/// Layout of `flagged` (little-endian): `docs/format/snapshot.md`.
struct ConflictTable: ~Copyable {
    private var insert: Statement
    private var delete: Statement
    private var select: Statement

    init(_ database: Database) throws(DatabaseFault) {
        let insert = try database.prepare("REPLACE INTO conflicts (path, flagged, checksum) VALUES (?1, ?2, ?3)")
        let delete = try database.prepare("DELETE FROM conflicts WHERE path = ?1")
        let select = try database.prepare("SELECT path, flagged, checksum FROM conflicts WHERE path = ?1")
        self.insert = insert
        self.delete = delete
        self.select = select
    }

    mutating func reset() {
        insert.reset()
        delete.reset()
        select.reset()
    }

    mutating func put(_ conflict: Conflict) throws(DatabaseFault) {
        let flagged = FlaggedCoding.encode(conflict)
        insert.bind(1, copying: conflict.path.key)
        insert.bind(2, copying: flagged)
        insert.bind(3, Int64(bitPattern: FlaggedCoding.checksum(conflict.path, flagged)))
        try insert.run()
    }

    mutating func remove(_ path: TreePath) throws(DatabaseFault) {
        delete.bind(1, copying: path.key)
        try delete.run()
    }

    /// What was flagged at `path`; a row in state `conflict` without it is damage.
    mutating func load(_ path: TreePath) throws(DatabaseFault) -> Conflict {
        select.bind(1, copying: path.key)
        defer { select.reset() }
        guard try select.step() else { throw DatabaseFault(.corrupt, "the conflict at \(path) has no sides") }
        return try FlaggedCoding.decode(select)
    }

    /// All of them, in the order of their paths.
    static func all(_ database: Database) throws(DatabaseFault) -> [Conflict] {
        var statement = try database.prepare("SELECT path, flagged, checksum FROM conflicts ORDER BY path")
        var found: [Conflict] = []
        while try statement.step() { found.append(try FlaggedCoding.decode(statement)) }
        return found
    }
}

/// Both sides of a conflict as bytes.
private enum FlaggedCoding {
    private static let entryBytes = 40
    private static let headBytes = 13

    static func checksum(_ path: TreePath, _ flagged: [UInt8]) -> UInt64 {
        var covered: [UInt8] = []
        append(UInt32(path.key.count), &covered)
        covered += path.key
        covered += flagged
        return covered.withUnsafeBytes { Hash.xxh3($0) }
    }

    static func encode(_ conflict: Conflict) -> [UInt8] {
        var out: [UInt8] = []
        let sides = [conflict.ancestor, conflict.upstream, conflict.downstream]
        out.append(sides.enumerated().reduce(0) { $0 | ($1.element == nil ? 0 : 1 << UInt8($1.offset)) })
        append(conflict.since.seconds, &out)
        append(conflict.since.nanoseconds, &out)
        for side in sides.compactMap({ $0 }) {
            out.append(side.attributes.kind.rawValue)
            append(side.attributes.mode, &out)
            append(side.attributes.size, &out)
            append(side.attributes.mtime.seconds, &out)
            append(side.attributes.mtime.nanoseconds, &out)
            let metadata = side.attributes.metadata
            out.append(DigestKind(side.digest).rawValue | (metadata == nil ? 0 : DigestKind.metadataFollows))
            append(side.digest?.high ?? 0, &out)
            append(side.digest?.low ?? 0, &out)
            guard let metadata else { continue }
            append(UInt32(metadata.bytes.count), &out)
            out += metadata.bytes
        }
        return out
    }

    static func decode(_ statement: borrowing Statement) throws(DatabaseFault) -> Conflict {
        let path: TreePath
        do { path = try TreePath(validating: [UInt8](statement.bytes(0))) } catch {
            throw DatabaseFault(.corrupt, "a conflict has no valid path")
        }
        let flagged = [UInt8](statement.bytes(1))
        guard checksum(path, flagged) == UInt64(bitPattern: statement.int64(2)),
            let conflict = decode(path, flagged)
        else { throw DatabaseFault(.corrupt, "the conflict at \(path) does not match its checksum") }
        return conflict
    }

    private static func decode(_ path: TreePath, _ bytes: [UInt8]) -> Conflict? {
        guard bytes.count >= headBytes, bytes[0] < 8 else { return nil }
        return bytes.withUnsafeBytes { raw in
            var rest = UnsafeRawBufferPointer(rebasing: raw[headBytes...])
            func side(_ bit: UInt8) -> AgreedEntry? { raw[0] & bit == 0 ? nil : entry(&rest) }
            let (ancestor, upstream, downstream) = (side(1), side(2), side(4))
            let known = [ancestor, upstream, downstream].count { $0 != nil }
            guard known == raw[0].nonzeroBitCount, rest.isEmpty else { return nil }
            let since = Timestamp(
                seconds: Int64(littleEndian: raw.loadUnaligned(fromByteOffset: 1, as: Int64.self)),
                nanoseconds: UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: 9, as: UInt32.self)))
            return Conflict(
                path: path, ancestor: ancestor, upstream: upstream, downstream: downstream, since: since)
        }
    }

    /// Takes one side off the front of `rest`.
    private static func entry(_ rest: inout UnsafeRawBufferPointer) -> AgreedEntry? {
        guard rest.count >= entryBytes else { return nil }
        let raw = UnsafeRawBufferPointer(rebasing: rest[..<entryBytes])
        rest = UnsafeRawBufferPointer(rebasing: rest[entryBytes...])
        guard var found = entry(raw) else { return nil }
        if raw[digestKindOffset] & DigestKind.metadataFollows == 0 { return found }
        guard rest.count >= 4 else { return nil }
        let count = Int(number(rest, 0) as UInt32)
        guard count <= Metadata.bytesMax, rest.count >= 4 + count,
            let metadata = Metadata(validating: rest[4..<(4 + count)])
        else { return nil }
        found.attributes.metadata = metadata
        rest = UnsafeRawBufferPointer(rebasing: rest[(4 + count)...])
        return found
    }

    private static let digestKindOffset = 23

    private static func entry(_ raw: UnsafeRawBufferPointer) -> AgreedEntry? {
        guard let kind = EntryKind(rawValue: raw[0]), kind.isSynced else { return nil }
        let attributes = Attributes(
            kind: kind, mode: number(raw, 1), size: number(raw, 3),
            mtime: Timestamp(seconds: number(raw, 11), nanoseconds: number(raw, 19)))
        if attributes.mtime.nanoseconds >= 1_000_000_000 { return nil }
        let digestKind = raw[digestKindOffset] & ~DigestKind.metadataFollows
        let digest = digestKind == DigestKind.none.rawValue ? nil : Digest(high: number(raw, 24), low: number(raw, 32))
        return AgreedEntry(attributes: attributes, digest: digest)
    }

    private static func number<Number: FixedWidthInteger>(_ raw: UnsafeRawBufferPointer, _ offset: Int) -> Number {
        Number(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: Number.self))
    }

    private static func append<Number: FixedWidthInteger>(_ number: Number, _ out: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) { out.append(contentsOf: $0) }
    }
}
