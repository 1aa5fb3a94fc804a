import Core
import Filters

extension Resolution {
    /// A path or pattern as `conflicts` shows it and a person types it.
    ///
    /// - Throws: `resolve.pattern`.
    package init(shown text: String, _ keep: Keep) throws(HeadwaterError) {
        guard let pattern = Printable.bytes(text), !pattern.isEmpty, pattern.count <= Resolution.patternBytesMax else {
            throw HeadwaterError(
                "resolve.pattern", "`\(Printable.line(text))` is no path and no pattern",
                remedy: "give the path as `headwater conflicts` shows it", exit: .usage)
        }
        do throws(Matcher.BadRule) {
            _ = try Matcher([FilterRule(isIncluded: false, pattern: pattern)])
        } catch {
            throw HeadwaterError(
                "resolve.pattern", "`\(Printable.line(text))` \(error.fault.message)", remedy: error.fault.remedy,
                exit: .usage)
        }
        self.init(pattern: pattern, keep: keep)
    }

    /// How many conflicts these are about; nil where it is not known which stand.
    ///
    /// - Throws: `resolve.no-conflict` for one that is about none.
    package static func decided(_ known: [Conflict]?, by resolutions: [Resolution]) throws(HeadwaterError) -> Int? {
        guard let known else { return nil }
        var decided = Set<TreePath>()
        for one in resolutions {
            let pattern = try? ConflictPattern([one])
            let about = known.filter { pattern?.keep(of: $0) != nil }
            if about.isEmpty {
                throw HeadwaterError(
                    "resolve.no-conflict",
                    "there is no conflict at `\(Printable.text(one.pattern))`; nothing was decided",
                    remedy: "see `headwater conflicts` for those that stand", exit: .usage)
            }
            decided.formUnion(about.map(\.path))
        }
        return decided.count
    }
}
