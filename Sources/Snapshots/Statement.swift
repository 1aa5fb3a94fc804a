import CSQLite

/// One prepared statement, finalised when it goes out of scope. Columns and parameters count from 0 and 1 as in SQLite.
package struct Statement: ~Copyable {
    private let handle: OpaquePointer

    init(_ handle: OpaquePointer) { self.handle = handle }

    deinit { sqlite3_finalize(handle) }

    /// Runs to the next row; false at the end.
    package mutating func step() throws(DatabaseFault) -> Bool {
        let code = sqlite3_step(handle)
        if code == SQLITE_ROW { return true }
        if code == SQLITE_DONE { return false }
        let fault = Database.fault(sqlite3_db_handle(handle), code)
        sqlite3_reset(handle)
        throw fault
    }

    /// Makes the statement ready to run again and ends its read transaction; bindings stay.
    package mutating func reset() { sqlite3_reset(handle) }

    /// Runs a statement that returns no rows to its end.
    package mutating func run() throws(DatabaseFault) {
        while try step() {}
        reset()
    }

    // Parameters. A failed bind is a bug of ours (wrong index, value longer than the limit that the callers keep).

    package mutating func bind(_ index: Int32, _ value: Int64) { expect(sqlite3_bind_int64(handle, index, value)) }

    package mutating func bindNull(_ index: Int32) { expect(sqlite3_bind_null(handle, index)) }

    package mutating func bind(_ index: Int32, copying bytes: [UInt8]) {
        bytes.withUnsafeBytes { bind(index, copying: $0) }
    }

    package mutating func bind(_ index: Int32, copying bytes: UnsafeRawBufferPointer) {
        let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        guard let start = bytes.baseAddress, !bytes.isEmpty else {
            return expect(sqlite3_bind_zeroblob(handle, index, 0))
        }
        expect(sqlite3_bind_blob(handle, index, start, Int32(bytes.count), copied))
    }

    package mutating func bind(_ index: Int32, _ text: String) {
        let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        expect(sqlite3_bind_text(handle, index, text, -1, copied))
    }

    // Columns of the row that `step` stands on. A value of another type is converted as SQLite does; checksums tell.

    package func int64(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    package func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

    /// Valid until the next step or reset.
    package func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
        let start = sqlite3_column_blob(handle, column)
        return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column)))
    }

    package func text(_ column: Int32) -> String { String(decoding: bytes(column), as: UTF8.self) }

    private func expect(_ code: Int32) { precondition(code == SQLITE_OK, "bind: SQLite code \(code)") }
}
