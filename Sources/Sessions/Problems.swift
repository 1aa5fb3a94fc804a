import Core
import Glibc
import Platform
import Reconciliation
import Roots
import Wire

/// Problems of single paths, by their codes.
extension HeadwaterError {
    static func unreadable(_ path: TreePath, _ error: SystemError) -> HeadwaterError {
        if error.call == "follow", let problem = notFollowed(path, error) { return problem }
        if error.errno == 18 {  // EXDEV
            return HeadwaterError(
                "path.other-file-system", "another file system is mounted here; it is not entered",
                remedy: "declare it as a peer of its own if it is to be synced", exit: .problems, path: path)
        }
        return HeadwaterError(
            "path.unreadable", "this path cannot be read; nothing at or below it is deleted anywhere",
            remedy: "let this user read it, or remove it", exit: .problems, path: path, cause: error.description)
    }

    /// Of a session that follows symlinks.
    private static func notFollowed(_ path: TreePath, _ error: SystemError) -> HeadwaterError? {
        let (code, message): (String, String)
        switch error.errno {
        case EXDEV: (code, message) = ("path.link-outside", "this symlink leads out of the root, and is not followed")
        case ELOOP:
            (code, message) = ("path.link-loop", "this symlink leads to a directory that it lies in, or to itself")
        case ENOENT, ENOTDIR: (code, message) = ("path.link-dangling", "this symlink leads to nothing that is synced")
        default: return nil
        }
        return HeadwaterError(
            code, message + "; what stands downstream is left as it is",
            remedy: "mend or remove the link, exclude its path, or use `symlinks: copy` or `skip`", exit: .problems,
            path: path)
    }

    static func tooManyFollowed(_ root: String) -> HeadwaterError {
        HeadwaterError(
            "root.too-many-followed", "the symlinks in \(root) lead to more than a million entries",
            remedy: "exclude the links that lead to large directories, or use `symlinks: copy` or `skip`")
    }

    static func unreadableDownstream(_ path: TreePath, _ error: SystemError) -> HeadwaterError {
        HeadwaterError(
            "path.unreadable",
            "this path cannot be read at the downstream end; nothing below it is compared, changed or deleted there",
            remedy: "let this user read it there; the next run brings it in step", exit: .problems, path: path,
            cause: error.description)
    }

    /// Where the downstream end could not look.
    static func unknownDownstream(_ path: TreePath, _ error: SystemError) -> HeadwaterError {
        error.errno == 18 ? .blocked(path) : .unreadableDownstream(path, error)  // EXDEV
    }

    static func unreadable(_ path: TreePath, _ fault: ReadFault) -> HeadwaterError {
        switch fault {
        case .system(let error): return unreadable(path, error)
        case .changed:
            return HeadwaterError(
                "path.changing", "this file changed each time it was read",
                remedy: "run again when its writer has finished", exit: .problems,
                isTransient: true, path: path)
        case .foreseen:
            return HeadwaterError(
                "plan.not-read", "another edge of this plan would bring this file, and its content was not read",
                remedy: "run the edge that brings it, then plan again", exit: .problems, path: path)
        }
    }

    static func rescued(_ rescued: Rescued) -> HeadwaterError {
        HeadwaterError(
            "path.rescued", "an entry that was changed while an earlier run was killed could not be put back",
            remedy:
                "look at .headwater/SESSION/rescued/\(rescued.name) at the downstream end, and move it where it belongs",
            exit: .problems,
            path: rescued.path)
    }

    static func notApplied(_ path: TreePath, _ error: SystemError) -> HeadwaterError {
        if error.isOfExtended {
            return HeadwaterError(
                "preserve.not-set",
                "the receiving end cannot give this path its extended attributes or ACLs; it was left as it is there",
                remedy: "make them smaller, or leave `xattrs` or `acls` out of `preserve`", exit: .problems, path: path,
                cause: error.description)
        }
        return HeadwaterError(
            "path.not-applied", "this path could not be changed at the downstream end",
            remedy: "mend its permissions there, or remove it",
            exit: .problems, path: path, cause: error.description)
    }
}

extension HeadwaterError {
    /// What two edges of a plan foresee in one tree contradicts each other.
    static func unforeseeable(_ root: String) -> HeadwaterError {
        HeadwaterError(
            "plan.unforeseeable", "what the edges above would do to \(root) cannot be told from its present state",
            remedy: "plan again; if it stays so, run the edges above first")
    }
}

/// Decodes a payload; what is wrong with it is `peer.protocol`.
func decoding<Value>(_ body: () throws(WireFault) -> Value) throws(HeadwaterError) -> Value {
    do throws(WireFault) { return try body() } catch { throw .protocolBroken(error) }
}
