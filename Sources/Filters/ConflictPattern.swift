import Core

/// Which decision a path in conflict falls under. A path that is named in full goes before every pattern; then the first pattern counts,
/// which begins at the root and takes all below a directory along, as in filters.
package struct ConflictPattern: Sendable {
    private let exact: [TreePath: Keep]
    private let matcher: Matcher
    private let keeps: [Keep]

    /// - Throws: what is wrong with the first bad pattern.
    package init(_ resolutions: [Resolution]) throws(Matcher.BadRule) {
        var exact: [TreePath: Keep] = [:]
        for one in resolutions {
            guard let path = try? TreePath(validating: one.pattern.map { $0 == UInt8(ascii: "/") ? 0 : $0 }) else {
                continue
            }
            exact[path] = exact[path] ?? one.keep
        }
        self.exact = exact
        keeps = resolutions.map(\.keep)
        matcher = try Matcher(
            resolutions.map { FilterRule(isIncluded: false, pattern: ConflictPattern.anchored($0.pattern)) })
    }

    package var isEmpty: Bool { keeps.isEmpty }

    private static func anchored(_ pattern: [UInt8]) -> [UInt8] {
        pattern.first == UInt8(ascii: "/") ? pattern : [UInt8(ascii: "/")] + pattern
    }

    /// What was decided; nil where nothing was.
    package func keep(of conflict: Conflict) -> Keep? {
        if isEmpty { return nil }
        if let keep = exact[conflict.path] { return keep }
        var isDirectory = (conflict.upstream ?? conflict.downstream)?.isDirectory ?? false
        var path = conflict.path
        while !path.isRoot {
            if let index = path.key.withUnsafeBytes({ matcher.firstMatch($0, isDirectory: isDirectory) }) {
                return keeps[index]
            }
            (path, isDirectory) = (path.parent, true)
        }
        return nil
    }
}
