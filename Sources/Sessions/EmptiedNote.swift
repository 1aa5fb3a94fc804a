import Core
import Glibc
import Platform
import Snapshots

/// That the root was found emptied, as an empty file beside `snap.db`: what somebody puts there afterwards is not its content come back.
///
/// Stays until something agreed is at the top again, or an operator released the halt.
struct EmptiedNote {
    private static let name = "emptied"
    let directory: SessionDirectory

    /// One that cannot be looked for is not there: the root's own brakes do not need it.
    var exists: Bool {
        guard let opened = try? directory.open() else { return false }
        return faccessat(opened.raw, EmptiedNote.name, F_OK, AT_SYMLINK_NOFOLLOW) == 0
    }

    func make() throws(HeadwaterError) {
        if exists { return }
        do {
            guard let opened = try directory.open() else { return }
            _ = try Descriptor(at: opened.raw, EmptiedNote.name, O_WRONLY | O_CREAT | O_NOFOLLOW, mode: 0o600)
            try check("fsync") { fsync(opened.raw) }
        } catch let error as HeadwaterError {
            throw error
        } catch {
            throw HeadwaterError(
                "snapshot.io", "that the root is empty cannot be noted beside \(directory.databaseFile)",
                remedy: "make room or mend permissions there", cause: "\(error)")
        }
    }

    func remove() {
        if !exists { return }
        guard let opened = try? directory.open() else { return }
        unlinkat(opened.raw, EmptiedNote.name, 0)
    }
}
