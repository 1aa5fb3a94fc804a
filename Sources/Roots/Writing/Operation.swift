import Core
import Platform

extension Expected {
    /// As a scan sees `status`.
    package init(_ status: FileStatus) {
        self = .present(
            status.kind, status.identity, size: status.attributes.size, mode: status.attributes.mode)
    }

    /// Whether `status`, read from the path itself, is untouched: every time and the size for files and symlinks, the inode alone
    /// for directories, whose times change with what is below.
    package func isUntouched(_ status: FileStatus) -> Bool {
        guard isSame(status), case .present(let kind, let identity, _, _) = self else { return false }
        return kind == .directory || identity.ctime == status.ctime
    }

    /// The same without the ctime, which a rename has changed by now.
    func isSame(_ status: FileStatus) -> Bool {
        guard case .present(let kind, let identity, let size, _) = self,
            kind == status.kind, identity.inode == status.inode
        else { return false }
        return kind == .directory || (size == status.size && identity.mtime == status.mtime)
    }
}

/// One change of one path of a tree, or of the two of a rename. A batch names each path at most once (but for renames, which go on from
/// those before them), a directory before what is put into it, and what is removed from a directory before the directory.
package enum Operation: Sendable {
    case putFile(TreePath, StagedFile, expected: Expected)
    case putSymlink(TreePath, target: [UInt8], Attributes, Dressing = .plain, expected: Expected)
    /// A directory that stands already is adopted, also where `.absent` was expected.
    case makeDirectory(TreePath, Attributes, Dressing = .plain, expected: Expected)
    case setAttributes(TreePath, Attributes, Dressing = .plain, expected: Expected)
    /// Another name of the file at `to`, which must look like `attributes`, and be this inode where one is given.
    case link(TreePath, to: TreePath, inode: LocalIdentity?, Attributes, expected: Expected)
    /// A file, a symlink or an empty directory; where `.absent` was expected it is made sure that nothing stands there.
    case remove(TreePath, expected: Expected)
    /// The very entry that stands at `from`, a directory with all that is below it, gets a name that must be free.
    case move(from: TreePath, to: TreePath, expected: Expected)
    /// Two entries change places; the second one is `other`.
    case exchange(TreePath, TreePath, expected: Expected, other: Expected)

    package var path: TreePath {
        switch self {
        case .putFile(let path, _, _), .putSymlink(let path, _, _, _, _), .makeDirectory(let path, _, _, _),
            .setAttributes(let path, _, _, _), .remove(let path, _), .move(_, let path, _),
            .exchange(let path, _, _, _), .link(let path, _, _, _, _):
            path
        }
    }

    package var expected: Expected {
        switch self {
        case .putFile(_, _, let expected), .putSymlink(_, _, _, _, let expected),
            .makeDirectory(_, _, _, let expected), .setAttributes(_, _, _, let expected), .remove(_, let expected),
            .move(_, _, let expected), .exchange(_, _, let expected, _), .link(_, _, _, _, let expected):
            expected
        }
    }
}

/// What became of one operation.
package enum Outcome: Sendable, Equatable {
    /// Achieved and durable; this is what the next scan will see.
    case done(EntryStatus)
    /// Of an exchange: what stands at its first and at its second path by now.
    case exchanged(EntryStatus, EntryStatus)
    /// The path is gone, durably; also when it was gone already.
    case removed
    /// A directory that is not empty: it stays, with what is not ours to delete.
    case kept
    /// Not what the plan saw: left alone.
    case changedMeanwhile
    /// This path cannot be changed; others can.
    case failed(SystemError)
}
