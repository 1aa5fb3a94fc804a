import Core
import Glibc
import Platform
import Snapshots

/// The deletions of the last ten minutes, beside `snap.db`, so that many small cycles cannot do what one may not.
///
/// A small text file, written aside and renamed; one that cannot be read counts as empty. Wall-clock seconds of this host only.
struct DeletionWindow {
    static let seconds: Int64 = 600
    private static let name = "deletions"

    private let directory: SessionDirectory
    private let now: Int64
    /// When, how many, and how many rows there were before.
    private var events: [(at: Int64, count: Int64, rows: Int64)] = []

    init(directory: SessionDirectory, now: Int64) {
        self.directory = directory
        self.now = now
        guard let opened = try? directory.open(),
            let bytes = try? readFile(at: opened.raw, DeletionWindow.name, bytesMax: 1 << 20)
        else { return }
        for line in bytes.split(separator: 10) {
            let fields = line.split(separator: 32).compactMap { Int64(String(decoding: $0, as: UTF8.self)) }
            if fields.count == 3, fields[0] <= now, now - fields[0] < DeletionWindow.seconds {
                events.append((fields[0], fields[1], fields[2]))
            }
        }
    }

    var deleted: Int64 { events.reduce(0) { $0 + $1.count } }

    /// The rows at the start of the window; nil when it is empty.
    var rowsAtStart: Int64? { events.first?.rows }

    mutating func add(_ count: Int64, rowsBefore: Int64) { events.append((now, count, rowsBefore)) }

    func store() throws(HeadwaterError) {
        let text = events.map { "\($0.at) \($0.count) \($0.rows)\n" }.joined()
        do {
            guard let opened = try directory.open() else { return }
            let aside = DeletionWindow.name + ".new"
            let file = try Descriptor(at: opened.raw, aside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
            try writeFully(file.raw, Array(text.utf8))
            try rename(at: opened.raw, aside, to: opened.raw, DeletionWindow.name, .replace)
        } catch let error as HeadwaterError {
            throw error
        } catch {
            throw HeadwaterError(
                "snapshot.io", "the count of deletions cannot be kept beside \(directory.databaseFile)",
                remedy: "make room or mend permissions there", cause: "\(error)")
        }
    }
}
