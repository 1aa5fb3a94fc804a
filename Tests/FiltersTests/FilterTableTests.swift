import Core
import Filters
import Testing

/// The normative table of what rules mean: rules, path (a slash at its end: a directory), verdict.
@Suite struct FilterTableTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var rules: [String]
        var path: String
        var isIncluded: Bool

        init(_ rules: String..., path: String, _ verdict: Verdict) {
            (self.rules, self.path, isIncluded) = (rules, path, verdict == .included)
        }

        enum Verdict { case included, excluded }

        var testDescription: String { "\(rules) \(path)" }
    }

    static let order = [
        Case(path: "a", .included),
        Case("- b", path: "a", .included),
        Case("- a", path: "a", .excluded),
        Case("+ a", "- a", path: "a", .included),
        Case("- a", "+ a", path: "a", .excluded),
        Case("+ *.iso", "- *", path: "disc.iso", .included),
        Case("+ *.iso", "- *", path: "disc.img", .excluded),
        // A directory is a name like any other.
        Case("+ *.iso", "- *", path: "d/disc.iso", .excluded),
        Case("+ */", "+ *.iso", "- *", path: "d/disc.iso", .included),
        Case("+ */", "+ *.iso", "- *", path: "d/disc.img", .excluded),
        // What is below an excluded directory cannot be brought back.
        Case("- cache", "+ cache/keep", path: "cache/keep", .excluded),
        Case("+ cache/keep", "- cache", path: "cache/keep", .excluded),
        Case("- /d/", "+ **", path: "d/e/f", .excluded),
        Case("+ /d/keep", "- /d/*", path: "d/keep", .included),
        Case("+ /d/keep", "- /d/*", path: "d/other", .excluded),
    ]

    static let depth = [
        Case("- a", path: "x/a", .excluded),
        Case("- a", path: "x/y/a", .excluded),
        Case("- a", path: "x/a/y", .excluded),
        Case("- a", path: "xa", .included),
        Case("- a", path: "ax/b", .included),
        Case("- /a", path: "a", .excluded),
        Case("- /a", path: "x/a", .included),
        Case("- /a", path: "a/x", .excluded),
        Case("- /a/b", path: "a/b", .excluded),
        Case("- /a/b", path: "x/a/b", .included),
        // An inner slash anchors as a leading one does.
        Case("- a/b", path: "a/b", .excluded),
        Case("- a/b", path: "x/a/b", .included),
        Case("- a/b", path: "a/b/c", .excluded),
        Case("- **/a/b", path: "a/b", .excluded),
        Case("- **/a/b", path: "x/a/b", .excluded),
        Case("- **/a/b", path: "x/y/a/b", .excluded),
        Case("- **/a/b", path: "xa/b", .included),
    ]

    static let directories = [
        Case("- a/", path: "a/", .excluded),
        Case("- a/", path: "a", .included),
        Case("- a/", path: "x/a/", .excluded),
        Case("- a/", path: "a/b", .excluded),
        Case("- /a/", path: "x/a/", .included),
        Case("- /a/", path: "a/", .excluded),
        Case("- a/b/", path: "a/b", .included),
        Case("- a/b/", path: "a/b/", .excluded),
        Case("- */", path: "file", .included),
        Case("- */", path: "d/file", .excluded),
        Case("+ a/", "- a", path: "a", .excluded),
        Case("+ a/", "- a", path: "a/", .included),
        Case("+ a/", "- a", path: "a/a", .excluded),
    ]

    static let wildcards = [
        Case("- *", path: "a", .excluded),
        Case("- *", path: ".hidden", .excluded),
        Case("- *.tmp", path: "a.tmp", .excluded),
        Case("- *.tmp", path: ".tmp", .excluded),
        Case("- *.tmp", path: "a.tmp.bak", .included),
        Case("- *.tmp", path: "d/e/a.tmp", .excluded),
        Case("- a*", path: "a", .excluded),
        Case("- a*b*c", path: "abc", .excluded),
        Case("- a*b*c", path: "axxbyybzzc", .excluded),
        Case("- a*b*c", path: "acb", .included),
        Case("- /a*c", path: "a/c", .included),
        Case("- /a*c", path: "abc", .excluded),
        Case("- /*/b", path: "a/b", .excluded),
        Case("- /*/b", path: "a/x/b", .included),
        Case("- /*", path: "a/b", .excluded),
        Case("- /*/", path: "a", .included),
        Case("- a?c", path: "abc", .excluded),
        Case("- a?c", path: "ac", .included),
        Case("- /a?c", path: "a/c", .included),
        Case("- ?", path: "a", .excluded),
        Case("- ?", path: "ab", .included),
        // Bytes, not characters: an ü is two.
        Case("- ?", path: "ü", .included),
        Case("- ??", path: "ü", .excluded),
        Case("- *.ü", path: "x.ü", .excluded),
    ]

    static let deep = [
        Case("- **", path: "a", .excluded),
        Case("- /a/**", path: "a/", .included),
        Case("- /a/**", path: "a/b", .excluded),
        Case("- /a/**", path: "a/b/c", .excluded),
        Case("- /a/**", path: "x/a/b", .included),
        Case("- a/**/b", path: "a/b", .excluded),
        Case("- a/**/b", path: "a/x/b", .excluded),
        Case("- a/**/b", path: "a/x/y/b", .excluded),
        Case("- a/**/b", path: "a/xb", .included),
        Case("- a/**/b", path: "ab", .included),
        Case("- a/x**/b", path: "a/x/b", .excluded),
        Case("- a/x**/b", path: "a/xy/z/b", .excluded),
        Case("- a/x**/b", path: "a/y/b", .included),
        Case("- /a**b", path: "a/x/y/b", .excluded),
        Case("- /a**b", path: "ab", .excluded),
        Case("- /a**.o", path: "a/x/y.o", .excluded),
        Case("- a**b", path: "x/axb", .excluded),
        Case("- a**b", path: "a/b", .included),
        Case("- **/b", path: "b", .excluded),
        Case("- **/b", path: "x/y/b", .excluded),
        Case("- **/b", path: "xb", .included),
        Case("- **/*.o", path: "x/y.o", .excluded),
        Case("- /x/**/", path: "x/y/", .excluded),
        Case("- /x/**/", path: "x/y", .included),
        Case("- /**/a/**/b", path: "q/a/r/s/b", .excluded),
        Case("- ***", path: "a", .excluded),
    ]

    static let sets = [
        Case("- [abc]", path: "b", .excluded),
        Case("- [abc]", path: "d", .included),
        Case("- [a-c]x", path: "bx", .excluded),
        Case("- [a-c]x", path: "dx", .included),
        Case("- [!a-c]x", path: "dx", .excluded),
        Case("- [!a-c]x", path: "ax", .included),
        Case("- [^a-c]x", path: "dx", .excluded),
        Case("- /a[!b]c", path: "a/c", .included),
        Case("- /a[!-~]c", path: "a/c", .included),
        Case("- []]", path: "]", .excluded),
        Case("- [!]]", path: "]", .included),
        Case("- [a-]", path: "-", .excluded),
        Case("- [\\]x]", path: "]", .excluded),
        Case("- [\\!a]", path: "!", .excluded),
        Case("- [a\\-c]", path: "b", .included),
        Case("- [a!]", path: "!", .excluded),
        Case("- *.[oa]", path: "lib.a", .excluded),
        Case("- [0-9][0-9]*", path: "07-july", .excluded),
        Case("- [0-9][0-9]*", path: "7-july", .included),
        Case("- [A-Z]", path: "a", .included),
    ]

    static let escapes = [
        Case("- \\*", path: "*", .excluded),
        Case("- \\*", path: "a", .included),
        Case("- a\\?c", path: "abc", .included),
        Case("- \\[a]", path: "[a]", .excluded),
        Case("- \\\\", path: "\\", .excluded),
        Case("- \\#x", path: "#x", .excluded),
        Case("- \\a", path: "a", .excluded),
        Case("- end\\ ", path: "end ", .excluded),
        Case("- \\- x", path: "- x", .excluded),
        Case("- {a,b}", path: "a", .included),
        Case("- {a,b}", path: "{a,b}", .excluded),
        Case("- !a", path: "!a", .excluded),
    ]

    @Test(arguments: order + depth + directories + wildcards + deep + sets + escapes)
    func verdict(_ row: Case) throws {
        #expect(try !hides(matcher(row.rules), row.path) == row.isIncluded)
    }

    @Test func table_isLargeEnough() {
        let all = Self.order + Self.depth + Self.directories + Self.wildcards + Self.deep + Self.sets + Self.escapes
        #expect(all.count >= 100)
    }

    @Test func root_isNeverExcluded() throws {
        #expect(try !matcher(["- **", "- *"]).hides(.root, isDirectory: true))
    }

    @Test func namesThatAreNoText_areMatchedByteByByte() throws {
        let path = TreePath(trusted: [0xFF, 0xFE, 0x2E, 0x6F])
        #expect(try matcher(["- *.o"]).hides(path, isDirectory: false))
        let set = FilterRule(isIncluded: false, pattern: [0x5B, 0xF0, 0x2D, 0xFF, 0x5D, 0x2A])
        #expect(try Matcher([set]).hides(path, isDirectory: false))
    }

    /// More rules than one word of bits holds: order holds across words.
    @Test func manyRules_keepTheirOrder() throws {
        var rules = (0..<500).map { "- name\($0)" }
        rules.insert("+ name3*", at: 300)
        let many = try matcher(rules)
        #expect(try hides(many, "name299") && !hides(many, "name399") && hides(many, "name499"))
        #expect(try hides(many, "name3") && !hides(many, "name3x"))
    }
}
