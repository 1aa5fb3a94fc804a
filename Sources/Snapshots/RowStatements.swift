import Core

/// Columns of `entries` ↔ `Row`.
enum RowColumns {
    static func all(metadata: String = "metadata", origin: String = "origin") -> String {
        """
        path, kind, mode, size, mtime_s, mtime_ns, digest_kind, digest, number, state, local_device, local_inode, \
        local_birth_s, local_birth_ns, local_mtime_s, local_mtime_ns, local_ctime_s, local_ctime_ns, chunks, checksum, \
        \(metadata), \(origin)
        """
    }
    static let count = 22

    /// Decodes the row that `statement` stands on, its columns in the order of `all`, and verifies everything in it.
    static func decode(_ statement: borrowing Statement, _ serialiser: inout RowSerialiser) throws(DatabaseFault)
        -> (row: Row, checksum: UInt64)
    {
        let path = try decodePath(statement.bytes(0))
        guard let kind = EntryKind(rawValue: UInt8(truncatingIfNeeded: statement.int64(1))),
            kind == .file || kind == .directory || kind == .symlink,
            let state = RowState(rawValue: UInt8(truncatingIfNeeded: statement.int64(9))), statement.isNull(18),
            let origin = RowOrigin(rawValue: UInt8(truncatingIfNeeded: statement.int64(21)))
        else { throw damaged(path) }
        let attributes = Attributes(
            kind: kind, mode: UInt16(truncatingIfNeeded: statement.int64(2)),
            size: UInt64(bitPattern: statement.int64(3)), mtime: time(statement, 4),
            metadata: try metadata(statement, path))
        let digest = statement.int64(6) == 0 ? nil : Digest(bytes: statement.bytes(7))
        let row = Row(
            path: path, agreed: AgreedEntry(attributes: attributes, digest: digest), local: local(statement),
            state: state, number: statement.int64(8), origin: origin)
        let checksum = UInt64(bitPattern: statement.int64(19))
        guard serialiser.checksum(row) == checksum, attributes.mtime.nanoseconds < 1_000_000_000 else {
            throw damaged(path)
        }
        return (row, checksum)
    }

    /// Binds all columns, in the order of `all`.
    static func bind(_ row: Row, _ checksum: UInt64, to statement: inout Statement) {
        statement.bind(1, copying: row.path.key)
        statement.bind(2, Int64(row.agreed.attributes.kind.rawValue))
        statement.bind(3, Int64(row.agreed.attributes.mode))
        statement.bind(4, Int64(bitPattern: row.agreed.attributes.size))
        bind(row.agreed.attributes.mtime, 5, &statement)
        statement.bind(7, Int64(DigestKind(row.agreed.digest).rawValue))
        if let digest = row.agreed.digest { bind(digest, 8, &statement) } else { statement.bindNull(8) }
        statement.bind(9, row.number)
        statement.bind(10, Int64(row.state.rawValue))
        bind(row.local, &statement)
        statement.bindNull(19)
        statement.bind(20, Int64(bitPattern: checksum))
        if let metadata = row.agreed.attributes.metadata {
            statement.bind(21, copying: metadata.bytes)
        } else {
            statement.bindNull(21)
        }
        if row.origin == .sent { statement.bindNull(22) } else { statement.bind(22, Int64(row.origin.rawValue)) }
    }

    private static func metadata(_ statement: borrowing Statement, _ path: TreePath) throws(DatabaseFault) -> Metadata?
    {
        if statement.isNull(20) { return nil }
        let bytes = statement.bytes(20)
        guard bytes.count <= Metadata.bytesMax, let metadata = Metadata(validating: bytes) else { throw damaged(path) }
        return metadata
    }

    private static func bind(_ local: LocalIdentity?, _ statement: inout Statement) {
        guard let local else { return (11...18).forEach { statement.bindNull($0) } }
        statement.bind(11, Int64(bitPattern: local.device))
        statement.bind(12, Int64(bitPattern: local.inode))
        bind(local.birth, 13, &statement)
        bind(local.mtime, 15, &statement)
        bind(local.ctime, 17, &statement)
    }

    private static func bind(_ time: Timestamp, _ index: Int32, _ statement: inout Statement) {
        statement.bind(index, time.seconds)
        statement.bind(index + 1, Int64(time.nanoseconds))
    }

    private static func bind(_ digest: Digest, _ index: Int32, _ statement: inout Statement) {
        withUnsafeBytes(of: (digest.high.bigEndian, digest.low.bigEndian)) { statement.bind(index, copying: $0) }
    }

    private static func time(_ statement: borrowing Statement, _ column: Int32) -> Timestamp {
        Timestamp(
            seconds: statement.int64(column), nanoseconds: UInt32(truncatingIfNeeded: statement.int64(column + 1)))
    }

    private static func local(_ statement: borrowing Statement) -> LocalIdentity? {
        if statement.isNull(10) { return nil }
        return LocalIdentity(
            device: UInt64(bitPattern: statement.int64(10)), inode: UInt64(bitPattern: statement.int64(11)),
            birth: time(statement, 12), mtime: time(statement, 14), ctime: time(statement, 16))
    }

    private static func decodePath(_ bytes: UnsafeRawBufferPointer) throws(DatabaseFault) -> TreePath {
        let key = [UInt8](bytes)
        if !isPlain(bytes) {
            do { return try TreePath(validating: key) } catch {
                throw DatabaseFault(.corrupt, "a row has no valid path")
            }
        }
        return TreePath(trusted: key)
    }

    /// Whether a key is surely valid, in one pass: short, and no component that is empty, begins with a dot or is too long. What is
    /// not plain is judged by `TreePath.fault`.
    private static func isPlain(_ key: UnsafeRawBufferPointer) -> Bool {
        if key.count > TreePath.depthMax { return false }
        var length = 0
        for byte in key {
            if byte == 0 {
                if length == 0 { return false }
                length = 0
                continue
            }
            if byte == UInt8(ascii: "/") || (length == 0 && byte == UInt8(ascii: ".")) { return false }
            length += 1
            if length > TreePath.nameBytesMax { return false }
        }
        return length > 0
    }

    private static func damaged(_ path: TreePath) -> DatabaseFault {
        DatabaseFault(.corrupt, "the row of \(path) does not match its checksum")
    }
}
