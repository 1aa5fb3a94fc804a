import Core
import Filters

/// Rules as they are written, `+ ` or `- ` first.
func matcher(_ rules: [String]) throws -> Matcher {
    try Matcher(try rules.map { try FilterRule(signed: Array($0.utf8)) })
}

/// A path as a person writes it; a slash at its end makes it a directory.
func hides(_ matcher: Matcher, _ path: String) throws -> Bool {
    let isDirectory = path.hasSuffix("/")
    return matcher.hides(try TreePath(slashed: isDirectory ? String(path.dropLast()) : path), isDirectory: isDirectory)
}
