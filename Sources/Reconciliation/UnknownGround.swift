import Core

/// Where a scan could not look: below these paths nothing is known, so nothing there is absent.
///
/// Unreadable is not deleted (invariant 5), and what could not be looked at was not achieved (invariant 3): a change that ends here is
/// a problem, its row stays, and the next cycle that can look decides.
struct UnknownGround {
    private let errors: [TreePath: HeadwaterError]
    private var told: Set<TreePath> = []

    /// - Parameter errors: the problem that each such place is.
    init(_ errors: [TreePath: HeadwaterError]) { self.errors = errors }

    /// The nearest directory at or above `path` that keeps this end from doing there what the source says; nil where nothing does.
    ///
    /// - Parameters:
    ///   - found: what the scan found at the path itself: a directory that was listed in part tells of what it did list.
    ///   - wanted: what the source has there; nil for a deletion, of which there is none below such a directory.
    func hiding(_ path: TreePath, found: EntryKind?, wanted: EntryKind?) -> TreePath? {
        if errors.isEmpty { return nil }
        if errors[path] != nil { return found == .directory && wanted == .directory ? nil : path }
        if found != nil && wanted != nil { return nil }
        var above = path
        while !above.isRoot {
            above = above.parent
            if errors[above] != nil { return above }
        }
        return nil
    }

    /// The problem of one such directory, the first time that it matters.
    mutating func problem(of path: TreePath) -> HeadwaterError? {
        guard let error = errors[path], told.insert(path).inserted else { return nil }
        return error
    }
}
