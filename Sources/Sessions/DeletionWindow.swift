import Core
import Glibc
import Platform
import Snapshots

/// The deletions of the last ten minutes, beside `snap.db`, so that many small cycles cannot do what one may not.
///
/// After a halt the figures that it was judged by are *held*: neither time nor new files let pass what was halted. They go once nothing
/// beyond them is due, or an operator released it.
///
/// A small text file, written aside and renamed; one that cannot be read counts as empty. Wall-clock seconds of this host only.
struct DeletionWindow {
    static let seconds: Int64 = 600
    private static let valueMax: Int64 = 1 << 40
    private static let name = "deletions"

    private let directory: SessionDirectory
    private let now: Int64
    private let isKept: Bool
    /// When, how many, and how many rows there were before.
    private var events: [(at: Int64, count: Int64, rows: Int64)] = []
    private var held: Figures?

    /// What deletions are judged by.
    struct Figures: Equatable {
        /// Deleted already.
        var deleted: Int64
        /// The rows there were before that.
        var rows: Int64
    }

    /// - Parameter isKept: false in a plan, which only judges by it.
    init(directory: SessionDirectory, now: Int64, isKept: Bool = true) {
        self.directory = directory
        self.isKept = isKept
        self.now = now
        guard let opened = try? directory.open(),
            let bytes = try? readFile(at: opened.raw, DeletionWindow.name, bytesMax: 1 << 20)
        else { return }
        for line in bytes.split(separator: 10) {
            let words = line.split(separator: 32)
            let isHeld = words.first.map { $0.elementsEqual("held".utf8) } ?? false
            let fields = words.dropFirst(isHeld ? 1 : 0).compactMap { Int64(String(decoding: $0, as: UTF8.self)) }
            guard fields.allSatisfy({ (0...DeletionWindow.valueMax).contains($0) }) else { continue }
            if isHeld, fields.count == 2 { held = Figures(deleted: fields[0], rows: fields[1]) }
            if !isHeld, fields.count == 3, now - fields[0] < DeletionWindow.seconds {
                events.append((fields[0], fields[1], fields[2]))
            }
        }
    }

    /// Whether a halt stands.
    var isHeld: Bool { held != nil }

    /// - Parameter rows: how many there are now.
    func figures(ofRows rows: Int64) -> Figures {
        held ?? Figures(deleted: events.reduce(0) { $0 + $1.count }, rows: events.first?.rows ?? rows)
    }

    mutating func add(_ count: Int64, rowsBefore: Int64) { events.append((now, count, rowsBefore)) }

    /// From here on these figures count, until `letGo`.
    mutating func hold(_ figures: Figures) { held = figures }

    mutating func letGo() { held = nil }

    /// Nothing before now counts any more.
    mutating func clear() { (events, held) = ([], nil) }

    func store() throws(HeadwaterError) {
        if !isKept { return }
        let text =
            events.map { "\($0.at) \($0.count) \($0.rows)\n" }.joined()
            + (held.map { "held \($0.deleted) \($0.rows)\n" } ?? "")
        do {
            guard let opened = try directory.open() else { return }
            let aside = DeletionWindow.name + ".new"
            let file = try Descriptor(at: opened.raw, aside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
            try writeFully(file.raw, Array(text.utf8))
            try check("fdatasync") { fdatasync(file.raw) }
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
