import Core
import Glibc
import Platform

/// What the file system can do in one rename. Found out at the first EINVAL; tests lower it.
package enum RenameAbility: Int, Sendable, Comparable {
    /// No flags: a free name is taken by `link`, which never replaces.
    case plain = 0
    case noReplace = 1
    /// RENAME_EXCHANGE too.
    case full = 2

    package static func < (a: RenameAbility, b: RenameAbility) -> Bool { a.rawValue < b.rawValue }
}

/// The steps that change what a name means, each atomic: old or new, whole (invariant 1).
enum Publishing {
    /// Renames to a name that must be free: EEXIST where it is taken. ENOENT where the source is gone.
    ///
    /// Without RENAME_NOREPLACE: `link` and `unlink`; a directory, which cannot be linked, by a plain rename after a look, which
    /// replaces at most an empty directory made in between.
    static func renameToFree(
        _ fromDirectory: Int32, _ from: UnsafePointer<CChar>, _ toDirectory: Int32, _ to: UnsafePointer<CChar>,
        _ ability: RenameAbility
    ) throws(SystemError) {
        if ability >= .noReplace {
            do throws(SystemError) {
                return try rename(at: fromDirectory, from, to: toDirectory, to, .noReplace)
            } catch  where error.errno != EINVAL { throw error } catch {}
        }
        if linkat(fromDirectory, from, toDirectory, to, 0) == 0 {
            try check("unlinkat") { unlinkat(fromDirectory, from, 0) }
            return
        }
        guard errno == EPERM || errno == EOPNOTSUPP || errno == EISDIR else { throw SystemError("linkat") }
        var standing = FileStatus()
        if standing.load(at: toDirectory, to) { throw SystemError("renameat", EEXIST) }
        guard errno == ENOENT else { throw SystemError("statx") }
        try rename(at: fromDirectory, from, to: toDirectory, to, .replace)
    }
}
