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

    static func stop(_ reason: HaltReason, _ path: String, facts: String, cause: String? = nil) -> HeadwaterError {
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
            case .emptied: ("halt.emptied", "bring the content of \(path) back; if it is meant to be empty, \(permit)")
            case .maxDelete: ("halt.max-delete", "look at what was deleted upstream; if it is meant, \(permit)")
            }
        return halt(code, "\(path): \(reason.text)", remedy, facts, cause: cause)
    }

    static func tooManyDeletions(_ paths: [TreePath], total: Int, most: Int, rows: Int, limit: DeleteLimit)
        -> HeadwaterError
    {
        let allowed =
            switch limit {
            case .percent(let share): "\(most) (\(share)% of \(rows))"
            case .count: "\(most)"
            }
        var digest = SHA256()
        for path in paths { (path.key + [0x0A]).withUnsafeBytes { digest.update($0) } }
        let name = digest.finish().prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return halt(
            "halt.max-delete",
            "\(total) deletions are due within ten minutes, max_delete allows \(allowed); the first is \(paths[0])",
            "look at what was deleted upstream; if it is meant, permit it: headwater release FILE --edge SESSION",
            "deletions=\(paths.count) digest=\(name)")
    }

    private static func halt(_ code: String, _ message: String, _ remedy: String, _ facts: String, cause: String? = nil)
        -> HeadwaterError
    {
        var error = HeadwaterError(code, message, remedy: remedy, exit: .halted, cause: cause)
        error.facts = facts
        return error
    }
}
