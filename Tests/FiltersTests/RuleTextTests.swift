import Core
import Filters
import Testing

/// What is no rule, and where exactly it is none.
@Suite struct RuleTextTests {
    @Test(
        arguments: [
            ("", .empty, 0..<0), ("+", .empty, 0..<1), ("- ", .empty, 2..<2), ("*.o", .noSign, 0..<1),
            ("-*.o", .noSign, 0..<1), ("-\u{9}a", .noSign, 0..<1), ("- /", .wholeTree, 2..<3),
            ("- //", .emptyName, 3..<4), ("- a//b", .emptyName, 4..<5), ("- a//", .emptyName, 4..<5),
            ("- //a", .emptyName, 3..<4), ("- ./a", .dots, 2..<3), ("- a/../b", .dots, 4..<6), ("- ..", .dots, 2..<4),
            ("- .", .dots, 2..<3), ("- a/.", .dots, 4..<5), ("- \\..", .dots, 2..<5), ("-  a", .space, 2..<3),
            ("- a ", .space, 3..<4), ("- a\t", .space, 3..<4), ("- a\\\\ ", .space, 5..<6), ("- a\0b", .zero, 3..<4),
            ("- a\\", .loneBackslash, 3..<4), ("- a\\/", .escapedSlash, 3..<5), ("- a\\/b", .escapedSlash, 3..<5),
            ("- [\\/]", .escapedSlash, 3..<5), ("- a[b", .openClass, 3..<4), ("- []", .openClass, 2..<3),
            ("- [!]", .openClass, 2..<3), ("- [a/b]", .slashInClass, 4..<5), ("- [a-/]", .slashInClass, 5..<6),
            ("- [[:alpha:]]", .namedClass, 3..<5), ("- [z-a]", .reversedRange, 3..<6),
        ] as [(String, RuleFault.Reason, Range<Int>)])
    func badRule_isFoundAtItsPlace(_ text: String, _ reason: RuleFault.Reason, _ range: Range<Int>) {
        var found: RuleFault?
        do throws(RuleFault) { _ = try FilterRule(signed: Array(text.utf8)) } catch { found = error }
        #expect(found == RuleFault(reason, range))
        #expect(found?.message.isEmpty == false && found?.remedy.isEmpty == false)
    }

    @Test func patternAlone_hasNoSign() {
        func fault(_ text: String) -> RuleFault? {
            do throws(RuleFault) { _ = try FilterRule(excluding: Array(text.utf8)) } catch { return error }
            return nil
        }
        #expect(fault("- a") == RuleFault(.sign, 0..<2) && fault("+ a") == RuleFault(.sign, 0..<2))
        #expect(fault("-a") == nil && fault("+") == nil && fault("\\- a") == nil)
        #expect(fault("") == RuleFault(.empty, 0..<0) && fault("a//b") == RuleFault(.emptyName, 2..<3))
    }

    @Test func overlongPattern_isRefused() {
        let most = FilterRule.patternBytesMax
        #expect(throws: Never.self) { try FilterRule(excluding: [UInt8](repeating: 0x61, count: most)) }
        #expect(throws: RuleFault(.tooLong, 0..<(most + 1))) {
            try FilterRule(excluding: [UInt8](repeating: 0x61, count: most + 1))
        }
    }

    @Test func file_isRulesCommentsAndBlankLines() {
        let text = "\u{FEFF}# what we do not want\r\n\n*.tmp\r\n+ keep.me\n- /old/**\n   \n\t\n\\#odd\nlast"
        let file = RuleFile(Array(text.utf8))
        #expect(file.badLines.isEmpty)
        #expect(file.rules.map(\.description) == ["- *.tmp", "+ keep.me", "- /old/**", "- \\\\#odd", "- last"])
    }

    @Test func badLinesOfAFile_areAllFoundWithTheirPlaces() {
        let file = RuleFile(Array("ok\n # late\n+ [\n- a\n+\n".utf8))
        #expect(file.rules.count == 3)
        #expect(file.badLines.map(\.start) == [3, 11])
        #expect(file.badLines.map(\.fault) == [RuleFault(.space, 0..<1), RuleFault(.openClass, 2..<3)])
    }

    @Test func emptyFile_hasNoRules() {
        for text in ["", "\n", "\r\n\r\n", "\u{FEFF}", "# only this"] {
            let file = RuleFile(Array(text.utf8))
            #expect(file.rules.isEmpty && file.badLines.isEmpty, "\(text)")
        }
    }

    @Test func matcherOfUncheckedRules_namesTheBadOne() {
        let rules = [
            FilterRule(isIncluded: true, pattern: [0x61]), FilterRule(isIncluded: true, pattern: [0x5B]),
        ]
        #expect(throws: Matcher.BadRule(index: 1, fault: RuleFault(.openClass, 0..<1))) { try Matcher(rules) }
    }
}
