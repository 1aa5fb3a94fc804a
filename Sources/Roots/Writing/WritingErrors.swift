import Core
import Glibc
import Platform

/// The faults of the whole stage or root: nothing further can be written, the edge's cycle is over.
enum WritingError {
    static func noSpace(_ stage: Int32, needed: UInt64, _ cause: SystemError) -> HeadwaterError {
        let free = try? FileSystemStatus(descriptor: stage)
        let figures = "\(free?.freeBytes ?? 0) bytes and \(free?.freeInodes ?? 0) inodes are free"
        return HeadwaterError(
            "stage.no-space", "staging needs \(needed) bytes, \(figures) on the file system of the target",
            remedy: "free space (or raise the quota) on the target; the next cycle goes on from here",
            cause: cause.description)
    }

    static func unusable(_ cause: SystemError) -> HeadwaterError {
        HeadwaterError(
            "stage.unusable", "the stage beneath .headwater cannot be used",
            remedy: "make the root writable for the user that Headwater runs as", cause: cause.description)
    }

    static func unsafe(_ what: String) -> HeadwaterError {
        HeadwaterError(
            "stage.unsafe", "\(what) is not a private directory of this user",
            remedy: "look at it, move it away, and run again; Headwater makes it anew")
    }

    static func atticUnusable(_ attic: AtticPlace, _ cause: SystemError) -> HeadwaterError {
        let place = attic.path.map { $0.description } ?? "in .headwater"
        return HeadwaterError(
            "attic.unusable", "the attic \(place) cannot keep what is deleted and replaced; nothing was changed",
            remedy: "make it a directory of the target's own file system, or name another one with `keep_deleted`",
            cause: cause.description)
    }

    static func otherFileSystem(_ what: String) -> HeadwaterError {
        HeadwaterError(
            "stage.other-file-system",
            "\(what) is on another file system than the root: nothing could be renamed into place",
            remedy: "unmount what is mounted beneath .headwater")
    }

    static func wrongSize(declared: UInt64, got: UInt64) -> HeadwaterError {
        HeadwaterError(
            "stage.wrong-size", "content of \(got) bytes arrived for a file declared with \(declared)",
            remedy: "run again; if it happens again, report it with the versions of both ends")
    }

    static func readOnly(_ cause: SystemError) -> HeadwaterError {
        HeadwaterError(
            "apply.read-only", "the file system of the target is read-only",
            remedy: "remount it writable; the next cycle goes on from here", cause: cause.description)
    }

    static func tooLarge(_ cause: SystemError) -> HeadwaterError {
        HeadwaterError(
            "stage.file-too-large", "a file is larger than this process, or the file system of the target, may have",
            remedy: "raise the limit there (ulimit -f, LimitFSIZE=), or exclude the file", cause: cause.description)
    }

    static func rootGone() -> HeadwaterError {
        HeadwaterError(
            "apply.root-gone", "the root directory was removed or unmounted while it was written",
            remedy: "put the root back, then run again", isTransient: true)
    }

    static func notDurable(_ cause: SystemError) -> HeadwaterError {
        HeadwaterError(
            "apply.not-durable", "the disk did not take a batch of changes; nothing of it is recorded",
            remedy: "check the disk and the kernel's log, then run again", cause: cause.description)
    }

    /// The fault of the whole in `error`, or nil where it concerns one path only.
    static func fatal(_ error: SystemError, stage: Int32, needed: UInt64) -> HeadwaterError? {
        switch error.errno {
        case ENOSPC, EDQUOT: noSpace(stage, needed: needed, error)
        case EROFS: readOnly(error)
        case EFBIG: tooLarge(error)
        default: nil
        }
    }
}
