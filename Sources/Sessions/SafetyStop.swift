import Content
import Core
import Platform
import Roots
import Wire

/// The safety stops. Each says in `facts` exactly what an operator would permit by releasing it.
enum SafetyStop {
    static func fault(_ fault: RootFault, _ path: String) -> HeadwaterError {
        switch fault {
        case .missing: stop(.missing, path, facts: "missing")
        case .notDirectory: stop(.retyped, path, facts: "not a directory")
        case .unmounted(let file): stop(.unmounted, path, facts: "unmounted", cause: "\(file) is missing there")
        case .unreadable(let error):
            halt(
                "halt.unreadable", "the root \(path) cannot be read", "let this user read \(path)", "unreadable",
                cause: error.description)
        case .replaced: stop(.replaced, path, facts: "during the cycle")
        case .otherFileSystem: stop(.otherFileSystem, path, facts: "during the cycle")
        }
    }

    static func unreadable(_ root: Root, _ error: SystemError) -> HeadwaterError {
        fault(.unreadable(error), root.givenPath)
    }

    /// - Parameter isUpstream: whether `path` is the end that the data come from.
    static func stop(
        _ reason: HaltReason, _ path: String, isUpstream: Bool = true, facts: String, cause: String? = nil
    ) -> HeadwaterError {
        let permit = "permit it: headwater release FILE --edge SESSION"
        let (code, remedy) =
            switch reason {
            case .missing: ("halt.missing", "bring \(path) back, or correct its path in the topology file")
            case .unmounted: ("halt.unmounted", "mount the file system of \(path)")
            case .replaced:
                ("halt.replaced", "put the old directory back at \(path); if the change is meant, \(permit)")
            case .otherFileSystem:
                ("halt.other-file-system", "mount what was at \(path); if the move is meant, \(permit)")
            case .retyped: ("halt.retyped", "make \(path) the directory it was")
            case .emptied where !isUpstream:
                (
                    "halt.emptied",
                    "see that \(path) is mounted and the right directory; to fill it again from the upstream end, \(permit)"
                )
            case .emptied:
                (
                    "halt.emptied",
                    "bring the content of \(path) back; if all of it is to be deleted downstream, \(permit)"
                )
            case .maxDelete: ("halt.max-delete", "look at what was deleted upstream; if it is meant, \(permit)")
            }
        let end = isUpstream ? "upstream" : "downstream"
        let text = reason == .emptied ? "the \(end) root had entries and none of them is there any more" : reason.text
        return halt(code, "\(path): \(text)", remedy, facts, cause: cause)
    }

    /// - Parameters:
    ///   - rows: how many there are now.
    ///   - wasHalted: the figures are those of an earlier halt that stands.
    static func tooManyDeletions(
        _ paths: [TreePath], ofRows rows: Int64, _ figures: DeletionWindow.Figures, wasHalted: Bool, limit: DeleteLimit
    ) -> HeadwaterError {
        var text = "this run would delete \(paths.count) of \(rows) entries"
        if figures.deleted > 0 {
            let when = wasHalted ? "in the ten minutes before it first halted" : "in the last ten minutes"
            text += "; with \(figures.deleted) deleted \(when) that is \(figures.deleted + Int64(paths.count))"
        }
        switch limit {
        case .percent(let share):
            text += ", above max_delete \(share)%"
            if figures.rows != rows { text += " of the \(figures.rows) there were then" }
        case .count(let most): text += ", above max_delete \(most)"
        }
        return halt(
            "halt.max-delete", text,
            "look at what was deleted upstream; if it is meant, permit it: headwater release FILE --edge SESSION",
            "deletions=\(paths.count) digest=\(name(of: paths))")
    }

    /// - Parameter paths: all that a mirror would delete since its source has nothing.
    static func emptySource(_ paths: [TreePath]) -> HeadwaterError {
        halt(
            "halt.empty-source",
            "the upstream end is empty, and this edge is a mirror: this run would delete \(paths.count) entries",
            "bring the content back upstream; if all of it is to be deleted downstream, permit it: headwater release FILE "
                + "--edge SESSION", "deletions=\(paths.count) digest=\(name(of: paths))")
    }

    /// - Parameter paths: what only the downstream end has changed or deleted.
    static func drift(_ paths: [TreePath]) -> HeadwaterError {
        halt(
            "halt.drift",
            paths.count == 1
                ? "\(paths[0]) was changed or deleted at the downstream end alone"
                : "\(paths.count) paths were changed or deleted at the downstream end alone",
            "look at them there; to make them again as they are upstream, permit it: headwater release FILE --edge SESSION",
            "drift=\(paths.count) digest=\(name(of: paths))")
    }

    /// Tells one list of paths from any other.
    private static func name(of paths: [TreePath]) -> String {
        var digest = SHA256()
        for path in paths { (path.key + [0x0A]).withUnsafeBytes { digest.update($0) } }
        return digest.finish().prefix(8).hex
    }

    /// What a halt is about, for who keeps the list; at most `listedBytesMax` of it, in the order of `paths`.
    static func listed(_ paths: [TreePath]) -> [HeadwaterError] {
        var bytes = 0
        return paths.prefix { path in
            bytes += path.key.count + 64
            return bytes <= listedBytesMax
        }.map { HeadwaterError(HaltedPaths.code, "would be deleted", remedy: "", exit: .halted, path: $0) }
    }

    private static let listedBytesMax = 1 << 20

    private static func halt(_ code: String, _ message: String, _ remedy: String, _ facts: String, cause: String? = nil)
        -> HeadwaterError
    {
        var error = HeadwaterError(code, message, remedy: remedy, exit: .halted, cause: cause)
        error.facts = facts
        return error
    }
}
