import CSQLite

/// One connection to a SQLite file, with the settings of a file that is not trusted.
///
/// Used by one thread at a time (opened without SQLite's mutex). All calls block. Closes itself; a connection that was the last
/// one to a file in WAL mode moves the log into the file and removes it.
package final class Database {
    /// How a file is opened. Paths are never read as URIs of a user's making.
    package enum Access: Sendable {
        case readWrite
        /// Makes a new, empty file.
        case create
        /// For a file with a write-ahead log beside it: may create its `-shm`.
        case readOnly
        /// For a file without a log that nobody writes: takes no locks and leaves no trace.
        case immutable
    }

    /// How long a call waits for a lock that another process holds, in milliseconds.
    static let busyMilliseconds: Int32 = 5_000
    /// The longest value or row that is read: a path of 32 KiB and all else fit well; a damaged length does not cost memory.
    static let valueBytesMax: Int32 = 256 * 1024

    private let handle: OpaquePointer

    /// - Parameter cacheKiB: the most memory the page cache takes.
    package init(path: String, _ access: Access, cacheKiB: Int = 4096) throws(DatabaseFault) {
        var opened: OpaquePointer?
        let code = sqlite3_open_v2(Database.name(path, access), &opened, Database.flags(access), nil)
        guard code == SQLITE_OK, let opened else {
            let fault = Database.fault(opened, code)
            sqlite3_close_v2(opened)
            throw fault
        }
        handle = opened
        try harden(cacheKiB: cacheKiB)
    }

    deinit { sqlite3_close_v2(handle) }

    /// Runs fixed SQL that returns no rows worth having.
    package func execute(_ sql: String) throws(DatabaseFault) {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        if code != SQLITE_OK { throw Database.fault(handle, code) }
    }

    package func prepare(_ sql: String) throws(DatabaseFault) -> Statement {
        var statement: OpaquePointer?
        let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard code == SQLITE_OK, let statement else { throw Database.fault(handle, code) }
        return Statement(statement)
    }

    /// The first column of the first row as a number; nil when there is no row.
    package func number(_ sql: String) throws(DatabaseFault) -> Int64? {
        var statement = try prepare(sql)
        return try statement.step() ? statement.int64(0) : nil
    }

    /// The first column of the first row as text; nil when there is no row.
    package func text(_ sql: String) throws(DatabaseFault) -> String? {
        var statement = try prepare(sql)
        return try statement.step() ? statement.text(0) : nil
    }

    /// Writes the whole file anew without what is free in it. Takes the file's size again in the log, and in a temporary file that
    /// has no name: memory does not grow with it.
    func vacuum() throws(DatabaseFault) {
        try execute("PRAGMA temp_store=FILE")
        // VACUUM attaches the temporary file itself.
        sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 1)
        defer { sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0) }
        try execute("VACUUM")
    }

    /// Rows that the last statement changed.
    var changedRows: Int32 { sqlite3_changes(handle) }

    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    /// Nothing of the file is believed: no code in it runs, its schema may not be rewritten, its lengths are bounded (trust: a hostile file).
    private func harden(cacheKiB: Int) throws(DatabaseFault) {
        sqlite3_extended_result_codes(handle, 1)
        sqlite3_busy_timeout(handle, Database.busyMilliseconds)
        for (option, on) in Database.switches {
            let code = hw_sqlite_switch(handle, option, on)
            if code != SQLITE_OK { throw Database.fault(handle, code) }
        }
        for (limit, value) in Database.limits { sqlite3_limit(handle, limit, value) }
        try execute(
            "PRAGMA mmap_size=0; PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-\(cacheKiB)")
    }

    private static let switches: [(Int32, Int32)] = [
        (SQLITE_DBCONFIG_DEFENSIVE, 1), (SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0), (SQLITE_DBCONFIG_ENABLE_TRIGGER, 0),
        (SQLITE_DBCONFIG_ENABLE_VIEW, 0), (SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0), (SQLITE_DBCONFIG_DQS_DDL, 0),
        (SQLITE_DBCONFIG_DQS_DML, 0), (SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0),
    ]

    private static let limits: [(Int32, Int32)] = [
        (SQLITE_LIMIT_LENGTH, valueBytesMax), (SQLITE_LIMIT_SQL_LENGTH, 16 * 1024), (SQLITE_LIMIT_COLUMN, 64),
        (SQLITE_LIMIT_EXPR_DEPTH, 20), (SQLITE_LIMIT_COMPOUND_SELECT, 2), (SQLITE_LIMIT_VDBE_OP, 25_000),
        (SQLITE_LIMIT_FUNCTION_ARG, 8), (SQLITE_LIMIT_ATTACHED, 0), (SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 64),
        (SQLITE_LIMIT_VARIABLE_NUMBER, 64), (SQLITE_LIMIT_TRIGGER_DEPTH, 1), (SQLITE_LIMIT_WORKER_THREADS, 0),
    ]

    private static func flags(_ access: Access) -> Int32 {
        let common = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        switch access {
        case .readWrite: return common | SQLITE_OPEN_READWRITE
        case .create: return common | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
        case .readOnly: return common | SQLITE_OPEN_READONLY
        case .immutable: return common | SQLITE_OPEN_READONLY | SQLITE_OPEN_URI
        }
    }

    /// SQLite may be built to read every name that begins with `file:` as a URI; one that begins with `/` or `.` never is.
    private static func name(_ path: String, _ access: Access) -> String {
        let plain = path.hasPrefix("/") ? path : "./" + path
        guard access == .immutable else { return plain }
        return "file:" + percentEncoded(plain) + "?immutable=1"
    }

    private static func percentEncoded(_ path: String) -> String {
        let digits = Array("0123456789ABCDEF")
        var out = ""
        for byte in path.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"),
                UInt8(ascii: "_"):
                out.unicodeScalars.append(Unicode.Scalar(byte))
            default: out += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
        return out
    }

    static func fault(_ handle: OpaquePointer?, _ code: Int32) -> DatabaseFault {
        let message = handle.flatMap(sqlite3_errmsg) ?? sqlite3_errstr(code)
        return DatabaseFault(code: code, message: message.map { String(cString: $0) } ?? "unknown")
    }
}

/// Name and version of the SQLite that is linked.
package let sqliteVersion = String(cString: sqlite3_libversion())
