import Core

/// Problems of single paths that deciding finds, by their codes.
extension HeadwaterError {
    /// Upstream, what is not synced took the place of what is.
    package static func replacedByUnsynced(_ path: TreePath) -> HeadwaterError {
        HeadwaterError(
            "path.replaced-by-unsynced",
            "a synced path was replaced by a socket, device, fifo or what the filter excludes; the other side keeps what it has",
            remedy: "put a file, directory or symlink there that the filter includes, or remove it", exit: .problems,
            path: path)
    }

    /// Downstream, what is not synced stands in the way.
    package static func blocked(_ path: TreePath) -> HeadwaterError {
        HeadwaterError(
            "path.blocked", "something that is not synced stands here at the downstream end",
            remedy: "remove the socket, device, fifo or mount at this path there, or what the filter excludes",
            exit: .problems, path: path)
    }

    /// Deleted upstream, changed downstream, and `drift: keep`.
    package static func keptChanged(_ path: TreePath) -> HeadwaterError {
        HeadwaterError(
            "path.kept-changed",
            "deleted upstream, and changed at the downstream end, where changes are kept (`drift: keep`); it stays there",
            remedy: "remove it downstream, or make it again upstream; with `drift: repair` the next run deletes it",
            exit: .problems, path: path)
    }

    /// A directory with entries of its own cannot give way.
    package static func notEmpty(_ path: TreePath) -> HeadwaterError {
        HeadwaterError(
            "path.not-empty",
            "a directory that holds entries of the downstream end stands where the upstream end has something else",
            remedy: "move what is in it elsewhere, or remove it; the next run puts the upstream's entry there",
            exit: .problems, path: path)
    }

    /// A directory would have to be taken apart for a decision.
    package static func directoryLoses(_ path: TreePath) -> HeadwaterError {
        HeadwaterError(
            "path.directory-loses",
            "by what was decided a directory loses to a file or symlink here, or to its deletion; it is not taken apart, and the conflict stands",
            remedy: "move what is in it elsewhere and remove it on its side; what is left spreads with the next run",
            exit: .problems, path: path)
    }

    /// Not what was planned on any more.
    package static func changedMeanwhile(_ path: TreePath) -> HeadwaterError {
        HeadwaterError(
            "path.changed-meanwhile", "this path was changed at the downstream end during the cycle; it was left alone",
            remedy: "run again; the next cycle decides by what stands there then", exit: .problems, isTransient: true,
            path: path)
    }

    static func ownerDenied(_ name: String, _ isUpstream: Bool) -> HeadwaterError {
        HeadwaterError(
            "preserve.owner-denied",
            "the \(end(isUpstream)) end may not give files to other users, as to \(Printable.text(name)); "
                + "they belong to the user that Headwater runs as there",
            remedy: "log in as root there, or leave `owner` out of `preserve`", exit: .problems)
    }

    static func groupDenied(_ name: String, _ isUpstream: Bool) -> HeadwaterError {
        HeadwaterError(
            "preserve.group-denied",
            "the \(end(isUpstream)) end may not give files to groups that its user is not in, as to "
                + Printable.text(name),
            remedy: "log in as root or as a member of the group there, or leave `group` out of `preserve`",
            exit: .problems)
    }

    private static func end(_ isUpstream: Bool) -> String { isUpstream ? "upstream" : "downstream" }

    static func attributesDenied(_ name: String, _ isUpstream: Bool) -> HeadwaterError {
        HeadwaterError(
            "preserve.xattrs-denied",
            "the \(end(isUpstream)) end may not set extended attributes like \(Printable.text(name)); what stands there is left",
            remedy: "log in as root there, or leave `xattrs` out of `preserve`", exit: .problems)
    }

    static func attributesUnsupported(_ name: String, _ isUpstream: Bool) -> HeadwaterError {
        HeadwaterError(
            "preserve.xattrs-unsupported",
            "the file system of the \(end(isUpstream)) end has no extended attributes like \(Printable.text(name)); "
                + "everything else is in step there",
            remedy: "keep that tree on a file system that has them, or leave `xattrs` out of `preserve`",
            exit: .problems)
    }

    static func listsUnsupported(_ isUpstream: Bool) -> HeadwaterError {
        HeadwaterError(
            "preserve.acls-unsupported",
            "the file system of the \(end(isUpstream)) end has no POSIX ACLs; everything else is in step there",
            remedy: "keep that tree on a file system that has them, or leave `acls` out of `preserve`", exit: .problems)
    }

    static func linksUnsupported(_ isUpstream: Bool) -> HeadwaterError {
        HeadwaterError(
            "preserve.hardlinks-unsupported",
            "the file system of the \(end(isUpstream)) end gives no file a second name; each name has a file of its own there",
            remedy: "keep that tree on a file system that has hard links, or leave `hardlinks` out of `preserve`",
            exit: .problems)
    }

    static func extendedUnread(_ path: TreePath, _ fault: Extended.Fault, _ isUpstream: Bool) -> HeadwaterError {
        switch fault {
        case .tooLarge:
            HeadwaterError(
                "preserve.too-large",
                "the extended attributes (over \(ExtendedAttributes.bytesMax >> 10) KiB) or ACLs (over "
                    + "\(AccessLists.bytesMax >> 10) KiB) at the \(end(isUpstream)) end are too large to be kept in step",
                remedy: "make them smaller, or leave `xattrs` or `acls` out of `preserve`", exit: .problems, path: path)
        case .unreadable(let number):
            HeadwaterError(
                "preserve.unreadable",
                "the extended attributes or ACLs cannot be read at the \(end(isUpstream)) end (error \(number)); they are not kept in step",
                remedy: "let this user read the path there, or leave `xattrs` and `acls` out of `preserve`",
                exit: .problems, path: path)
        }
    }

    /// Downstream, content that has to be compared cannot be read.
    package static func unreadableContent(_ path: TreePath) -> HeadwaterError {
        HeadwaterError(
            "path.unreadable", "this path cannot be read at the downstream end; it was left alone",
            remedy: "let this user read it there; the next run brings it in step", exit: .problems, path: path)
    }

    /// Only reading has shown it.
    package static func changedSilently(_ path: TreePath, isUpstream: Bool) -> HeadwaterError {
        HeadwaterError(
            "path.silent-change",
            "the content at the \(end(isUpstream)) end is not what was agreed, though size, times and "
                + "inode are what they were; it counts as changed there",
            remedy:
                "compare it with a backup and look at the disk; where this content is wrong, put the right one there",
            exit: .problems, path: path)
    }
}
