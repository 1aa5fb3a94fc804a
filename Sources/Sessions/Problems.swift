import Core
import Platform
import Roots
import Wire

/// Problems of single paths, by their codes.
extension HeadwaterError {
    static func unreadable(_ path: TreePath, _ error: SystemError) -> HeadwaterError {
        if error.errno == 18 {  // EXDEV
            return HeadwaterError(
                "path.other-file-system", "another file system is mounted here; it is not entered",
                remedy: "declare it as a peer of its own if it is to be synced", exit: .problems, path: path)
        }
        return HeadwaterError(
            "path.unreadable", "this path cannot be read; nothing at or below it is deleted anywhere",
            remedy: "let this user read it, or remove it", exit: .problems, path: path, cause: error.description)
    }

    static func unreadableDownstream(_ path: TreePath, _ error: SystemError) -> HeadwaterError {
        HeadwaterError(
            "path.unreadable",
            "this path cannot be read at the downstream end; nothing below it is compared, changed or deleted there",
            remedy: "let this user read it there; the next run brings it in step", exit: .problems, path: path,
            cause: error.description)
    }

    static func unreadable(_ path: TreePath, _ fault: ReadFault) -> HeadwaterError {
        switch fault {
        case .system(let error): return unreadable(path, error)
        case .changed:
            return HeadwaterError(
                "path.changing", "this file changed each time it was read",
                remedy: "run again when its writer has finished", exit: .problems,
                isTransient: true, path: path)
        }
    }

    static func replacedByUnsynced(_ path: TreePath) -> HeadwaterError {
        HeadwaterError(
            "path.replaced-by-unsynced",
            "a synced path was replaced by a socket, device, fifo or what the filter excludes; the other side keeps what it has",
            remedy: "put a file, directory or symlink there that the filter includes, or remove it", exit: .problems,
            path: path)
    }

    static func blocked(_ path: TreePath) -> HeadwaterError {
        HeadwaterError(
            "path.blocked", "something that is not synced stands here at the downstream end",
            remedy: "remove the socket, device, fifo or mount at this path there, or what the filter excludes",
            exit: .problems, path: path)
    }

    static func keptChanged(_ path: TreePath) -> HeadwaterError {
        HeadwaterError(
            "path.kept-changed",
            "deleted upstream, and changed at the downstream end, where changes are kept (`drift: keep`); it stays there",
            remedy: "remove it downstream, or make it again upstream; with `drift: repair` the next run deletes it",
            exit: .problems, path: path)
    }

    static func notEmpty(_ path: TreePath) -> HeadwaterError {
        HeadwaterError(
            "path.not-empty",
            "a directory that holds entries of the downstream end stands where the upstream end has something else",
            remedy: "move what is in it elsewhere, or remove it; the next run puts the upstream's entry there",
            exit: .problems, path: path)
    }

    static func directoryLoses(_ path: TreePath) -> HeadwaterError {
        HeadwaterError(
            "path.directory-loses",
            "by what was decided a directory loses to a file or symlink here; it is not taken apart, and the conflict stands",
            remedy: "move what is in it elsewhere and remove it on its side; what is left spreads with the next run",
            exit: .problems, path: path)
    }

    static func changedMeanwhile(_ path: TreePath) -> HeadwaterError {
        HeadwaterError(
            "path.changed-meanwhile", "this path was changed at the downstream end during the cycle; it was left alone",
            remedy: "run again; the next cycle decides by what stands there then", exit: .problems, isTransient: true,
            path: path)
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
        HeadwaterError(
            "path.not-applied", "this path could not be changed at the downstream end",
            remedy: "mend its permissions there, or remove it",
            exit: .problems, path: path, cause: error.description)
    }
}

/// Decodes a payload; what is wrong with it is `peer.protocol`.
func decoding<Value>(_ body: () throws(WireFault) -> Value) throws(HeadwaterError) -> Value {
    do throws(WireFault) { return try body() } catch { throw .protocolBroken(error) }
}
