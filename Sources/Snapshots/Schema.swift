/// The shape of `snap.db`, version 5; version 1 had no table `conflicts`, and neither of the first two a column `metadata`. In version 3
/// that held owner and group alone, and none of the first four has a column `origin`.
/// `docs/format/snapshot.md` is normative.
///
/// The texts are compared with those in the file byte for byte: a file with any other table, index, trigger or view is refused.
enum Schema {
    /// `Hwtr` in ASCII.
    static let applicationID: Int64 = 0x4877_7472
    static let version: Int64 = 5
    private static let versionWithoutConflicts: Int64 = 1
    private static let versionWithoutMetadata: Int64 = 2
    private static let versionWithoutOrigin: Int64 = 4
    static let pageBytes = 8192

    static let meta = """
        CREATE TABLE meta (
          id INTEGER PRIMARY KEY CHECK (id = 1),
          initialised INTEGER NOT NULL,
          session TEXT NOT NULL,
          uuid BLOB NOT NULL,
          replaces BLOB,
          mode TEXT NOT NULL,
          is_upstream INTEGER NOT NULL,
          machine_here TEXT NOT NULL,
          machine_there TEXT NOT NULL,
          place_here TEXT NOT NULL,
          place_there TEXT NOT NULL,
          filter_digest BLOB NOT NULL,
          root_device INTEGER NOT NULL,
          root_inode INTEGER NOT NULL,
          mine INTEGER NOT NULL,
          theirs INTEGER NOT NULL,
          running INTEGER NOT NULL,
          agreed_sum BLOB NOT NULL,
          row_sum INTEGER NOT NULL,
          files INTEGER NOT NULL,
          directories INTEGER NOT NULL,
          symlinks INTEGER NOT NULL,
          top_level INTEGER NOT NULL,
          agreed INTEGER NOT NULL,
          conflicts INTEGER NOT NULL,
          tombstones INTEGER NOT NULL,
          checksum INTEGER NOT NULL
        ) STRICT
        """

    /// Before there was metadata.
    private static let entriesBefore = """
        CREATE TABLE entries (
          path BLOB PRIMARY KEY NOT NULL,
          kind INTEGER NOT NULL,
          mode INTEGER NOT NULL,
          size INTEGER NOT NULL,
          mtime_s INTEGER NOT NULL,
          mtime_ns INTEGER NOT NULL,
          digest_kind INTEGER NOT NULL,
          digest BLOB,
          number INTEGER NOT NULL,
          state INTEGER NOT NULL,
          local_device INTEGER,
          local_inode INTEGER,
          local_birth_s INTEGER,
          local_birth_ns INTEGER,
          local_mtime_s INTEGER,
          local_mtime_ns INTEGER,
          local_ctime_s INTEGER,
          local_ctime_ns INTEGER,
          chunks BLOB,
          checksum INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """

    private static let addMetadata = "ALTER TABLE entries ADD COLUMN metadata BLOB"

    private static let addOrigin = "ALTER TABLE entries ADD COLUMN origin INTEGER"

    /// As SQLite writes it when a column is added to a table that is there: so that a file is the same however old it is.
    private static let entriesWithoutOrigin = entriesBefore.replacing("\n) STRICT", with: "\n, metadata BLOB) STRICT")
    static let entries = entriesWithoutOrigin.replacing(") STRICT", with: ", origin INTEGER) STRICT")

    /// Holds only deleted paths, so it costs nothing per live row.
    static let tombstones = "CREATE INDEX tombstones ON entries (number) WHERE state = 5"

    /// Beside the rows in state `conflict`: both sides as they were flagged.
    static let conflicts = """
        CREATE TABLE conflicts (
          path BLOB PRIMARY KEY NOT NULL,
          flagged BLOB NOT NULL,
          checksum INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """

    private struct Item: Hashable {
        var type: String
        var name: String
        var table: String
        var sql: String
    }

    private static func items(_ version: Int64) -> Set<Item> {
        let rows =
            version > versionWithoutOrigin
            ? entries : version > versionWithoutMetadata ? entriesWithoutOrigin : entriesBefore
        var items: Set<Item> = [
            Item(type: "table", name: "meta", table: "meta", sql: meta),
            Item(type: "table", name: "entries", table: "entries", sql: rows),
            Item(type: "index", name: "tombstones", table: "entries", sql: tombstones),
        ]
        if version > versionWithoutConflicts {
            items.insert(Item(type: "table", name: "conflicts", table: "conflicts", sql: conflicts))
        }
        return items
    }

    /// Makes the tables in an empty file.
    static func create(in database: Database) throws(DatabaseFault) {
        try database.execute("PRAGMA page_size=\(pageBytes); PRAGMA application_id=\(applicationID)")
        try database.execute("PRAGMA user_version=\(version); \(meta); \(entries); \(tombstones); \(conflicts)")
    }

    /// Brings a file that `verify` accepts to the shape of this version, in one transaction; nothing where it has it already.
    static func migrate(_ database: Database) throws(DatabaseFault) {
        let before = try database.number("PRAGMA user_version") ?? 0
        if before == version { return }
        let steps =
            (before > versionWithoutConflicts ? [] : [conflicts])
            + (before > versionWithoutMetadata ? [] : [addMetadata])
            + (before > versionWithoutOrigin ? [] : [addOrigin])
            + ["PRAGMA user_version=\(version)"]
        try database.execute("BEGIN IMMEDIATE; \(steps.joined(separator: "; ")); COMMIT")
    }

    /// Whether the file has the table of conflicts: until a session has opened it for writing, one of version 1 has not.
    static func hasConflicts(_ database: Database) throws(DatabaseFault) -> Bool {
        try database.number("PRAGMA user_version") != versionWithoutConflicts
    }

    /// The columns of a row; until a session has opened it for writing, a file of an older version lacks some.
    static func rowColumns(_ database: Database) throws(DatabaseFault) -> String {
        let version = try database.number("PRAGMA user_version") ?? 0
        return RowColumns.all(
            metadata: version > versionWithoutMetadata ? "metadata" : "NULL",
            origin: version > versionWithoutOrigin ? "origin" : "NULL")
    }

    /// Refuses a file that is not ours, newer, or of any other shape. Of an older version is fine: see `migrate`.
    static func verify(_ database: Database) throws(SnapshotRefusal) {
        let (application, version, found) = try read(database)
        if application == 0 && found.isEmpty { throw SnapshotRefusal(.corrupt, "the file holds no tables") }
        if application != applicationID {
            throw SnapshotRefusal(.foreign, "application id \(application), not \(applicationID)")
        }
        if version > Schema.version { throw SnapshotRefusal(.newerSchema(version), nil) }
        if version < versionWithoutConflicts { throw SnapshotRefusal(.corrupt, "user_version is \(version)") }
        let expected = items(version)
        if Set(found) != expected || found.count != expected.count {
            throw SnapshotRefusal(.corrupt, "its tables are not those that Headwater makes")
        }
    }

    private static func read(_ database: Database) throws(SnapshotRefusal) -> (Int64, Int64, [Item]) {
        do throws(DatabaseFault) {
            let application = try database.number("PRAGMA application_id") ?? 0
            let version = try database.number("PRAGMA user_version") ?? 0
            var found: [Item] = []
            var statement = try database.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema LIMIT 8")
            while try statement.step() {
                found.append(
                    Item(
                        type: statement.text(0), name: statement.text(1), table: statement.text(2),
                        sql: statement.text(3)))
            }
            return (application, version, found)
        } catch { throw SnapshotRefusal(error) }
    }
}
